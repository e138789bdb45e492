#include "server/worker/handlers/http/http_args.hpp"
#include "server/worker/handlers/http/request_head.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace sluice::worker::push {
namespace {

TEST(RequestHead, RefusesHeadersThatAreNotForAJobToSet) {
    for (const char* name :
         {"Host", "hOsT", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "TE",
          "Trailer", "Upgrade", "Expect", "Proxy-Authorization", "proxy-x", "webhook-id",
          "Webhook-Signature", "Job-Lease", "", "a b", "a:b", "X\r\nY"})
        EXPECT_TRUE(fault_of_headers({{name, "x"}})) << name;
    EXPECT_TRUE(fault_of_headers({{std::string("a\0b", 3), "x"}}));
    for (const auto& value : {std::string("a\r\nX: y"), std::string("a\nb"), std::string("a\rb"),
                              std::string("a\0b", 3)})
        EXPECT_TRUE(fault_of_headers({{"X-A", value}}));
    EXPECT_TRUE(fault_of_headers({{"X-A", "1"}, {"x-a", "2"}}));
    EXPECT_FALSE(fault_of_headers({{"Authorization", "Bearer x"}, {"X-Tabs", "a\tb"}}));
}

TEST(RequestHead, BoundsHeaders) {
    EXPECT_FALSE(fault_of_headers({{"X", std::string(1023, 'a')}}));
    EXPECT_TRUE(fault_of_headers({{"X", std::string(1024, 'a')}}));
    header_list many;
    for (std::size_t i = 0; i < headers_max; ++i) many.emplace_back("X-" + std::to_string(i), "");
    EXPECT_FALSE(fault_of_headers(many));
    many.emplace_back("X-more", "");
    EXPECT_TRUE(fault_of_headers(many));
}

TEST(RequestHead, IsNeverSplit) {
    const auto url = *parse_target_url("http://example.com/a?b");
    EXPECT_EQ(write_request("POST", url, {{"Job-Id", "7"}}, {{"X-A", "1"}}, "hi"),
              "POST /a?b HTTP/1.1\r\nHost: example.com\r\nJob-Id: 7\r\nX-A: 1\r\n"
              "Content-Length: 2\r\n\r\nhi");
    EXPECT_EQ(write_request("GET", url, {}, {}, ""),
              "GET /a?b HTTP/1.1\r\nHost: example.com\r\n\r\n");
    EXPECT_THROW(write_request("GET", url, {{"A", "x\r\nB: y"}}, {}, ""), std::invalid_argument);
    EXPECT_THROW(write_request("GET", url, {}, {{"A\n", "x"}}, ""), std::invalid_argument);
    EXPECT_THROW(write_request("G T", url, {}, {}, ""), std::invalid_argument);
}

TEST(HttpArgs, AreReadWithTheirDefaults) {
    const auto get = parse_http_args(R"([{"url":"https://example.com/x"}])");
    ASSERT_TRUE(get);
    EXPECT_EQ(get->method, "GET");
    const auto post =
        parse_http_args(R"([{"url":"http://example.com","body":{"a":1e400},"headers":{"X-A":"b"},)"
                        R"("timeout_ms":5}])");
    ASSERT_TRUE(post);
    EXPECT_EQ(post->method, "POST");
    EXPECT_EQ(post->body, R"({"a":1e400})");
    EXPECT_EQ(post->content_type, "application/json");
    EXPECT_EQ(post->timeout, std::chrono::milliseconds{5});
    const auto text = parse_http_args(R"([{"url":"http://example.com","body":"a\nb"}])");
    ASSERT_TRUE(text);
    EXPECT_EQ(text->body, "a\nb");
}

TEST(HttpArgs, RefuseWhatDoesNotFit) {
    for (const char* bad :
         {"[]", "[1]", "[{}]", R"([{"url":"http://example.com"}, 1])", R"([{"url":7}])",
          R"([{"url":"file:///etc/passwd"}])", R"([{"url":"http://127.1/"}])",
          R"([{"url":"http://example.com","method":"get"}])",
          R"([{"url":"http://example.com","method":"CONNECT"}])",
          R"([{"url":"http://example.com","method":"GET","body":1}])",
          R"([{"url":"http://example.com","headers":{"Host":"x"}}])",
          R"([{"url":"http://example.com","headers":{"A":"b\r\nC: d"}}])",
          R"([{"url":"http://example.com","headers":{"A":7}}])",
          R"([{"url":"http://example.com","timeout_ms":0}])",
          R"([{"url":"http://example.com","timeout_ms":900001}])",
          R"([{"url":"http://example.com","timeout_ms":1.5}])",
          R"([{"url":"http://example.com","sign":"yes"}])",
          R"([{"url":"http://example.com","colour":"blue"}])"}) {
        const auto args = parse_http_args(bad);
        ASSERT_FALSE(args) << bad;
        EXPECT_EQ(args.error().code, errc::validation_failed) << bad;
    }
}

}  // namespace
}  // namespace sluice::worker::push
