#include "proto/job_log.hpp"

#include "proto/limits.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> split(std::string_view text) {
    std::vector<log_text> lines;
    EXPECT_EQ(split_log(lines, log_stream::stdout_, text), 0U);
    std::vector<std::string> texts;
    for (auto& line : lines) texts.push_back(std::move(line.text));
    return texts;
}

using texts = std::vector<std::string>;

TEST(SplitLog, MakesALineOfEachLine) {
    EXPECT_EQ(split("one"), texts{"one"});
    EXPECT_EQ(split("one\ntwo\r\nthree\n"), (texts{"one", "two", "three"}));
    EXPECT_EQ(split("\n\na"), (texts{"", "", "a"}));
}

TEST(SplitLog, KeepsABlankLine) {
    EXPECT_EQ(split(""), texts{""});
    EXPECT_EQ(split("\n"), texts{""});
    EXPECT_EQ(split("a\n\nb"), (texts{"a", "", "b"}));
}

TEST(SplitLog, CutsALongLineIntoPiecesOnACodePoint) {
    const std::string almost(limits::log_line_bytes_max - 1, 'x');
    EXPECT_EQ(split(almost + "\xC3\xBC" + "y"), (texts{almost, "\xC3\xBCy"}));
    std::string all;
    const std::string text(100'000, 'z');
    for (const auto& piece : split(text)) {
        EXPECT_LE(piece.size(), limits::log_line_bytes_max);
        all += piece;
    }
    EXPECT_EQ(all, text);
}

TEST(SplitLog, ReplacesWhatIsNotUtf8) {
    EXPECT_EQ(split("a\xFFz"), texts{"a\xEF\xBF\xBDz"});
    EXPECT_EQ(split("\xC3"), texts{"\xEF\xBF\xBD"});
    EXPECT_EQ(split(std::string_view("a\0z", 3)), texts{"a\xEF\xBF\xBDz"});
    for (const auto& piece : split(std::string(limits::log_line_bytes_max, '\xFF')))
        EXPECT_LE(piece.size(), limits::log_line_bytes_max);
}

TEST(SplitLog, LeavesOutAndCountsWhatIsTooMuch) {
    std::vector<log_text> lines;
    EXPECT_EQ(split_log(lines, log_stream::log, std::string(limits::log_lines_max + 5, '\n')), 5U);
    EXPECT_EQ(lines.size(), limits::log_lines_max);
    EXPECT_EQ(split_log(lines, log_stream::log, "more"), 1U);
    EXPECT_EQ(lines.size(), limits::log_lines_max);
}

TEST(LogStream, HasANameBothWays) {
    for (const auto stream :
         {log_stream::stdout_, log_stream::stderr_, log_stream::log, log_stream::note})
        EXPECT_EQ(parse_log_stream(to_string(stream)), stream);
    EXPECT_FALSE(parse_log_stream("STDOUT"));
    EXPECT_FALSE(parse_log_stream(""));
}

TEST(LogNote, SaysHowMuch) {
    EXPECT_EQ(dropped_note(1), "1 line dropped");
    EXPECT_EQ(dropped_note(12), "12 lines dropped");
    EXPECT_EQ(full_note(4 << 20), "the log is full (4 MiB): further lines are dropped");
    EXPECT_EQ(full_note(65536), "the log is full (64 KiB): further lines are dropped");
    EXPECT_EQ(full_note(1000), "the log is full (1000 bytes): further lines are dropped");
}

TEST(DecodeAppendLog, ReadsTextsAndObjects) {
    const auto request = decode_append_log(
        R"({"lease":"1.2.00000003","worker_id":"w","dropped":4,"unknown":[],
            "entries":["plain\nsecond",{"text":"x","stream":"stderr","age_ms":1500},{"text":"y"}]})");
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->worker_id, "w");
    EXPECT_EQ(request->lease->counter, 2U);
    EXPECT_EQ(request->dropped, 4U);
    ASSERT_EQ(request->lines.size(), 4U);
    EXPECT_EQ(request->lines[0].text, "plain");
    EXPECT_EQ(request->lines[1].text, "second");
    EXPECT_EQ(request->lines[1].stream, log_stream::log);
    EXPECT_EQ(request->lines[2].stream, log_stream::stderr_);
    EXPECT_EQ(request->lines[2].age, 1500ms);
    EXPECT_EQ(request->lines[3].stream, log_stream::log);
}

TEST(DecodeAppendLog, ClampsAgesAndCutsLongLinesInsteadOfRefusing) {
    const auto request = decode_append_log(R"({"entries":[{"text":")" + std::string(40'000, 'x') +
                                           R"(","age_ms":9000000000000000000}]})");
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->lines.size(), 3U);
    EXPECT_EQ(request->lines[0].age, 24h);
}

TEST(DecodeAppendLog, RefusesWhatItCannotRead) {
    const auto code_of = [](std::string_view body) {
        const auto request = decode_append_log(body);
        EXPECT_FALSE(request) << body;
        return request ? errc::internal : request.error().code;
    };
    EXPECT_EQ(code_of(""), errc::invalid_payload);
    EXPECT_EQ(code_of("{"), errc::invalid_payload);
    EXPECT_EQ(code_of("[\"a\"]"), errc::invalid_payload);
    EXPECT_EQ(code_of("{}"), errc::invalid_request);
    EXPECT_EQ(code_of(R"({"entries":"a"})"), errc::invalid_request);
    EXPECT_EQ(code_of(R"({"entries":[1]})"), errc::invalid_request);
    EXPECT_EQ(code_of(R"({"entries":[{}]})"), errc::invalid_request);
    EXPECT_EQ(code_of(R"({"entries":[{"text":1}]})"), errc::invalid_request);
    EXPECT_EQ(code_of(R"({"entries":[{"text":"a","stream":"syslog"}]})"), errc::invalid_request);
    EXPECT_EQ(code_of(R"({"entries":[{"text":"a","age_ms":-1}]})"), errc::invalid_request);
    EXPECT_EQ(code_of(R"({"entries":[],"entries":[]})"), errc::invalid_request);
    EXPECT_EQ(code_of(R"({"entries":[],"dropped":-1})"), errc::invalid_request);
    EXPECT_EQ(code_of(R"({"entries":[],"lease":"nonsense"})"), errc::lease_lost);
}

TEST(EncodeLogPage, SaysAllThereIs) {
    log_page page;
    page.lines = {{7, timestamp{1'700'000'000'123'456us}, 2, log_stream::stdout_, "a \"b\"\t"},
                  {8, timestamp{1'700'000'000'123'457us}, 2, log_stream::note, ""}};
    page.next = 8;
    page.more = true;
    page.state = job_state::active;
    const auto id = make_uuid(timestamp{1'700'000'000'000'000us}, 5, 1);
    EXPECT_EQ(
        encode_log_page(id, page),
        R"({"job_id":")" + to_string(id) +
            R"(","state":"active","lines":[)"
            R"({"number":7,"time":"2023-11-14T22:13:20.123456Z","attempt":2,"stream":"stdout","text":"a \"b\"\t"},)"
            R"({"number":8,"time":"2023-11-14T22:13:20.123457Z","attempt":2,"stream":"note","text":""}],)"
            R"("next":8,"more":true,"ended":false})");
    EXPECT_EQ(log_page_text(page), "a \"b\"\t\n\n");
    EXPECT_EQ(log_page_text({}), "");
}

}  // namespace
}  // namespace sluice
