#include "client/url.hpp"

#include <gtest/gtest.h>

namespace sluice::client {
namespace {

TEST(BaseUrl, ReadsHostPortAndPrefix) {
    const auto url = parse_base_url("http://queue.example:8080/a/b/");
    ASSERT_TRUE(url.has_value());
    EXPECT_EQ(url->host, "queue.example");
    EXPECT_EQ(url->port, "8080");
    EXPECT_EQ(url->prefix, "/a/b");
    EXPECT_EQ(url->host_field(), "queue.example:8080");
    EXPECT_EQ(url->text(), "http://queue.example:8080/a/b");
}

TEST(BaseUrl, TakesPortEightyWhenNoneIsNamed) {
    const auto url = parse_base_url("http://127.0.0.1");
    ASSERT_TRUE(url.has_value());
    EXPECT_EQ(url->port, "80");
    EXPECT_EQ(url->host_field(), "127.0.0.1");
    EXPECT_EQ(url->prefix, "");
}

TEST(BaseUrl, KeepsTheBracketsOfAnIpv6AddressOutOfTheHost) {
    const auto url = parse_base_url("http://[::1]:9000");
    ASSERT_TRUE(url.has_value());
    EXPECT_EQ(url->host, "::1");
    EXPECT_EQ(url->host_field(), "[::1]:9000");
}

TEST(BaseUrl, SaysWhatIsWrong) {
    const auto why = [](std::string_view text) {
        const auto url = parse_base_url(text);
        return url.has_error() ? url.error().text : "accepted";
    };
    EXPECT_NE(why("127.0.0.1:8080").find("must look like"), std::string::npos);
    EXPECT_NE(why("").find("must look like"), std::string::npos);
    EXPECT_NE(why("https://queue.example").find("https"), std::string::npos);
    EXPECT_NE(why("ftp://queue.example").find("scheme"), std::string::npos);
    EXPECT_NE(why("http://user:secret@queue.example").find("--token-file"), std::string::npos);
    EXPECT_NE(why("http://queue.example/?a=1").find("query"), std::string::npos);
    EXPECT_NE(why("http://:8080").find("host"), std::string::npos);
    EXPECT_NE(why("http://queue.example:0").find("port"), std::string::npos);
    EXPECT_NE(why("http://queue.example:70000").find("port"), std::string::npos);
    EXPECT_EQ(why("http://queue.example"), "accepted");
}

TEST(EncodeComponent, LeavesNothingThatCouldEndAPathSegment) {
    EXPECT_EQ(encode_component("plain-0.9_~"), "plain-0.9_~");
    EXPECT_EQ(encode_component("a/b?c#d e%\r\n"), "a%2Fb%3Fc%23d%20e%25%0D%0A");
    EXPECT_EQ(encode_component("ä"), "%C3%A4");
}

}  // namespace
}  // namespace sluice::client
