#include "client/cli/log_view.hpp"

#include "client/cli/text.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

constexpr auto answer =
    R"({"job_id":"x","state":"active","lines":[
{"number":1,"time":"2026-02-12T10:30:00.000123Z","attempt":1,"stream":"stdout","text":"plain \u001b[31mred\u202e\ttab"},
{"number":2,"time":"2026-02-12T10:30:01Z","attempt":1,"stream":"stderr","text":"oops"},
{"number":3,"time":"2026-02-12T10:30:01Z","attempt":1,"stream":"note","text":"7 lines dropped"},
{"number":4,"time":"2026-02-12T10:30:02Z","attempt":2,"stream":"log","text":"said"}],
"next":4,"more":true,"ended":false})";

client::log_lines lines() {
    auto read = client::read_log(answer);
    return read ? std::move(*read) : client::log_lines{};
}

TEST(ReadLog, ReadsAllThereIs) {
    const auto log = lines();
    ASSERT_EQ(log.lines.size(), 4U);
    EXPECT_EQ(log.next, 4U);
    EXPECT_TRUE(log.more);
    EXPECT_FALSE(log.ended);
    EXPECT_EQ(log.lines[1].stream, log_stream::stderr_);
    EXPECT_EQ(log.lines[1].number, 2U);
    EXPECT_EQ(log.lines[3].attempt, 2U);
    EXPECT_EQ(format_timestamp(log.lines[0].time), "2026-02-12T10:30:00.000123Z");
    EXPECT_FALSE(client::read_log("{}"));
    EXPECT_FALSE(client::read_log("oops"));
}

TEST(LogView, LeavesTextAsItIsWhereThereIsNoTerminal) {
    const auto chunks = render_log(lines(), {}, false);
    ASSERT_EQ(chunks.size(), 3U);
    EXPECT_FALSE(chunks[0].aside);
    EXPECT_EQ(chunks[0].text, "plain \x1b[31mred\xE2\x80\xAE\ttab\n");
    EXPECT_TRUE(chunks[1].aside);
    EXPECT_EQ(chunks[1].text, "oops\n-- 7 lines dropped\n");
    EXPECT_FALSE(chunks[2].aside);
    EXPECT_EQ(chunks[2].text, "said\n");
}

TEST(LogView, LetsNothingTakeATerminalOver) {
    context ctx;
    ctx.out.tty = ctx.err.tty = ctx.err.colour = true;
    const auto chunks = render_log(lines(), ctx, false);
    EXPECT_EQ(chunks.at(0).text, "plain ?[31mred?\ttab\n");
    EXPECT_EQ(chunks.at(1).text.find("\x1b[33moops"), 0U);
}

TEST(LogView, BeginsWithTheTimeWhereThatIsAskedFor) {
    const auto chunks = render_log(lines(), {}, true);
    EXPECT_EQ(chunks.at(2).text, "2026-02-12T10:30:02.000000Z said\n");
}

TEST(LogView, IsAnObjectALineAsJson) {
    context ctx;
    ctx.options.output = output_format::json;
    const auto chunks = render_log(lines(), ctx, false);
    ASSERT_EQ(chunks.size(), 1U);
    EXPECT_FALSE(chunks[0].aside);
    EXPECT_NE(chunks[0].text.find(R"("text":"oops"})"
                                  "\n{\"number\":3"),
              std::string::npos)
        << chunks[0].text;
}

TEST(LogView, EscapesWhatATerminalShouldNotSeeInJson) {
    client::log_lines log;
    log.texts = {
        "{\"text\":\"a\xC2\x9B"
        "2J\xE2\x80\xAE\x7F\xC3\xA9\"}"};
    context ctx;
    ctx.options.output = output_format::json;
    EXPECT_EQ(render_log(log, ctx, false).at(0).text, log.texts[0] + "\n");
    ctx.out.tty = true;
    EXPECT_EQ(render_log(log, ctx, false).at(0).text,
              "{\"text\":\"a\\u009b2J\\u202e\\u007f\xC3\xA9\"}\n");
}

TEST(Printable, NeutralisesWhatTurnsTextAround) {
    for (const auto* point :
         {"\xD8\x9C", "\xE2\x80\x8E", "\xE2\x80\x8F", "\xE2\x80\xAA", "\xE2\x80\xAB",
          "\xE2\x80\xAC", "\xE2\x80\xAD", "\xE2\x80\xAE", "\xE2\x81\xA6", "\xE2\x81\xA7",
          "\xE2\x81\xA8", "\xE2\x81\xA9", "\xE2\x80\xA8", "\xE2\x80\xA9"})
        EXPECT_EQ(printable(point), "?");
    EXPECT_EQ(printable("a\xE2\x80\xA6z \xE2\x82\xAC \xD8\xB9"),
              "a\xE2\x80\xA6z \xE2\x82\xAC \xD8\xB9");
    EXPECT_EQ(printable("a\tb"), "a?b");
    EXPECT_EQ(printable_line("a\tb\x07"), "a\tb?");
}

}  // namespace
}  // namespace sluice::cli
