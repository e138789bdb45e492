#include "server/http/head_check.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::http {
namespace {

/// A head, parsed and checked.
struct checked {
    std::string bytes;
    request_reader reader{head_limits{}};
    head_facts facts;
    request r;
    std::optional<refusal> no;

    explicit checked(std::string head) : bytes(std::move(head)) {
        if (reader.read_head(bytes) != parse_step::complete)
            no = refusal(reader.fault());
        else
            no = check_head(reader.head(), 8 * 1024, facts, r);
    }
    int status() const { return no ? no->status : 200; }
};

std::string get(const std::string& target) {
    return "GET " + target + " HTTP/1.1\r\nHost: localhost:8080\r\n\r\n";
}

TEST(HeadCheck, DecodesPathAndQuery) {
    const checked head(get("/ojs/v1/jobs/a%20b?queue=e%2Bf+g&empty=&flag&&x=%C3%A9"));
    EXPECT_EQ(head.status(), 200);
    EXPECT_EQ(head.r.path, "/ojs/v1/jobs/a b");
    ASSERT_EQ(head.r.query.size(), 4U);
    EXPECT_EQ(head.r.query_value("queue"), "e+f g");
    EXPECT_EQ(head.r.query_value("empty"), "");
    EXPECT_EQ(head.r.query_value("flag"), "");
    EXPECT_EQ(head.r.query_value("x"), "\xC3\xA9");
    EXPECT_EQ(head.r.query_value("y"), std::nullopt);
}

TEST(HeadCheck, AcceptsTheAbsoluteFormOfItsOwnHost) {
    const checked head(get("http://LOCALHOST:8080/a?b=c"));
    EXPECT_EQ(head.status(), 200);
    EXPECT_EQ(head.r.path, "/a");
    EXPECT_EQ(head.r.query_value("b"), "c");
    EXPECT_EQ(checked(get("http://localhost:8080")).r.path, "/");
    EXPECT_EQ(checked(get("http://localhost:8080?a=b")).r.path, "/");
    EXPECT_EQ(checked(get("http://localhost/a")).status(), 400);
    EXPECT_EQ(checked(get("http:///a")).status(), 400);
}

TEST(HeadCheck, LowersFieldNamesAndKeepsTheirOrder) {
    const checked head("GET / HTTP/1.1\r\nHost: a\r\nX-B: 1\r\nx-A:  2 \t\r\nX-b: 3\r\n\r\n");
    EXPECT_EQ(head.r.field("x-b"), "1");
    EXPECT_EQ(head.r.field("x-a"), "2");
    EXPECT_EQ(head.r.field("absent"), "");
    EXPECT_EQ(head.r.fields.size(), 4U);
}

TEST(HeadCheck, NeedsNoHostInHttp10) {
    const checked head("GET /a HTTP/1.0\r\n\r\n");
    EXPECT_EQ(head.status(), 200);
    EXPECT_FALSE(head.facts.keep_alive);
    EXPECT_FALSE(head.facts.modern);
    EXPECT_TRUE(checked("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").facts.keep_alive);
}

TEST(HeadCheck, TakesAFieldWithAnUnderscoreForWhatItIs) {
    const checked head(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent-Length: 2\r\n\r\n");
    EXPECT_EQ(head.status(), 200);
    EXPECT_FALSE(head.facts.chunked);
    EXPECT_EQ(head.facts.content_length, 2U);
}

TEST(HeadCheck, IgnoresUpgrade) {
    const checked head("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n");
    EXPECT_EQ(head.status(), 200);
    EXPECT_TRUE(head.facts.keep_alive);
}

TEST(HeadCheck, ExpectsContinueOnlyWhereABodyFollows) {
    const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n";
    EXPECT_TRUE(checked(head + "Content-Length: 1\r\n\r\n").facts.expects_continue);
    EXPECT_FALSE(checked(head + "Content-Length: 0\r\n\r\n").facts.expects_continue);
    EXPECT_FALSE(checked(head + "\r\n").facts.expects_continue);
}

TEST(HeadCheck, FindsTheHostOfAnAuthority) {
    EXPECT_EQ(host_of_authority("localhost"), "localhost");
    EXPECT_EQ(host_of_authority("a.example:65535"), "a.example");
    EXPECT_EQ(host_of_authority("[::1]:8080"), "[::1]");
    EXPECT_EQ(host_of_authority("127.0.0.1:0"), "127.0.0.1");
    for (const char* bad : {"", ":80", "a:", "a:65536", "a:-1", "a:8o", "a b", "[", "[]", "[::1",
                            "[::1]x", "[g::1]", "a,b", "u@h", "a/b", "a:1:2"})
        EXPECT_EQ(host_of_authority(bad), std::nullopt) << bad;
}

TEST(HeadCheck, DecodesEscapesOrRefusesThem) {
    EXPECT_EQ(percent_decode("a%2Fb%2fc", false), "a/b/c");
    EXPECT_EQ(percent_decode("a+b", false), "a+b");
    EXPECT_EQ(percent_decode("a+b", true), "a b");
    for (const char* bad : {"%", "%1", "a%g1", "%1g", "%%41"})
        EXPECT_EQ(percent_decode(bad, false), std::nullopt) << bad;
}

}  // namespace
}  // namespace sluice::http
