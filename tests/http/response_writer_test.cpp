#include "server/http/response_writer.hpp"

#include "proto/error.hpp"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

std::string written(const response& answer, response_frame frame = {}) {
    frame.date = "D";
    frame.request_id = "r-1";
    std::string out;
    append_response(out, answer, frame);
    return out;
}

TEST(ResponseWriter, WritesOneRunOfBytes) {
    response answer;
    answer.status = 201;
    answer.body = "{}";
    answer.fields.emplace_back("Location", "/x");
    EXPECT_EQ(written(answer),
              "HTTP/1.1 201 Created\r\nServer: Sluice\r\nDate: D\r\nOJS-Version: 1.0\r\n"
              "X-Content-Type-Options: nosniff\r\nX-Request-Id: r-1\r\n"
              "Content-Type: application/openjobspec+json\r\nContent-Length: 2\r\n"
              "Location: /x\r\n\r\n{}");
}

TEST(ResponseWriter, SendsNoBodyWhereNoneBelongs) {
    response answer;
    answer.body = "hello";
    response_frame to_head;
    to_head.head_only = true;
    EXPECT_TRUE(written(answer, to_head).ends_with("Content-Length: 5\r\n\r\n"));
    answer.status = 204;
    const std::string no_content = written(answer);
    EXPECT_TRUE(no_content.ends_with("\r\n\r\n"));
    EXPECT_EQ(no_content.find("Content-"), no_content.find("Content-Type-Options"));
}

TEST(ResponseWriter, FramesAStream) {
    response answer;
    answer.stream = []() -> asio::awaitable<std::optional<std::string>> { co_return std::nullopt; };
    const std::string chunked = written(answer);
    EXPECT_TRUE(chunked.ends_with("Transfer-Encoding: chunked\r\n\r\n")) << chunked;
    EXPECT_NE(chunked.find("\r\nContent-Type: "), std::string::npos);
    EXPECT_EQ(chunked.find("Content-Length"), std::string::npos);
    response_frame old;
    old.modern = false;
    EXPECT_EQ(written(answer, old).find("Transfer-Encoding"), std::string::npos);
    std::string out;
    append_chunk(out, "hello");
    append_chunk(out, std::string(4096, 'x'));
    append_last_chunk(out);
    EXPECT_EQ(out, "5\r\nhello\r\n1000\r\n" + std::string(4096, 'x') + "\r\n0\r\n\r\n");
}

TEST(ResponseWriter, SaysWhetherTheConnectionStays) {
    const response answer;
    EXPECT_EQ(written(answer).find("Connection"), std::string::npos);
    response_frame closing;
    closing.close = true;
    EXPECT_NE(written(answer, closing).find("\r\nConnection: close\r\n"), std::string::npos);
    response_frame old;
    old.modern = false;
    EXPECT_NE(written(answer, old).find("\r\nConnection: keep-alive\r\n"), std::string::npos);
}

TEST(ResponseWriter, RefusesFieldsThatWouldSplitTheAnswer) {
    using namespace std::string_literals;
    response answer;
    EXPECT_TRUE(is_sendable(answer));
    for (const std::string& value : {"a\r\nb"s, "a\nb"s, "a\rb"s, "a\0b"s, "a\x7f"s}) {
        answer.fields = {{"X-A", value}};
        EXPECT_FALSE(is_sendable(answer));
    }
    for (const std::string& name : {""s, "X A"s, "X:"s, "X\r\nB"s}) {
        answer.fields = {{name, "a"}};
        EXPECT_FALSE(is_sendable(answer));
    }
    answer.fields = {{"X-A", "a\tb \xc3\xa9"}};
    EXPECT_TRUE(is_sendable(answer));
}

TEST(DateCache, FollowsTheSecond) {
    date_cache dates;
    const std::chrono::system_clock::time_point time{784111777s};  // RFC 9110's own example
    EXPECT_EQ(dates.text(time), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(dates.text(time + 999ms), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(dates.text(time + 1s), "Sun, 06 Nov 1994 08:49:38 GMT");
}

TEST(ErrorResponse, CarriesWhatItsCodeAsksFor) {
    request r;
    r.request_id = "r-1";
    const auto field = [](const response& answer, std::string_view name) -> std::string {
        for (const auto& [key, value] : answer.fields)
            if (key == name) return value;
        return {};
    };
    EXPECT_EQ(field(error_response(errc::overloaded, r), "Retry-After"), "1");
    EXPECT_EQ(field(error_response(errc::not_found, r), "Retry-After"), "");
    EXPECT_TRUE(
        field(error_response(errc::unauthorized, r), "WWW-Authenticate").starts_with("Bearer"));
    EXPECT_EQ(error_response(errc::not_found, r).status, 404);
    EXPECT_NE(error_response(errc::not_found, r).body.find("\"request_id\":\"r-1\""),
              std::string::npos);
}

TEST(QueueAllowed, MatchesPatterns) {
    request r;
    EXPECT_TRUE(queue_allowed(r, "anything"));
    r.queue_patterns = {"mail", "build-*", "*.eu.*"};
    for (const char* yes : {"mail", "build-", "build-7", "a.eu.b", ".eu."})
        EXPECT_TRUE(queue_allowed(r, yes)) << yes;
    for (const char* no : {"mails", "build", "a.eu", "", "xbuild-1"})
        EXPECT_FALSE(queue_allowed(r, no)) << no;
    r.queue_patterns = {"*"};
    EXPECT_TRUE(queue_allowed(r, ""));
}

}  // namespace
}  // namespace sluice::http
