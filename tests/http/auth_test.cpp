#include "server/http/auth.hpp"
#include "tests/http/wire_fixture.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

// SHA-256 of "alpha-token", "beta-token", "gamma-token" and "root-token".
constexpr const char* alpha_sha =
    "a336d9b1d8b8647875238537ca5087b0ea335afd2032936aecdffc3e4b13f720";
constexpr const char* beta_sha = "863d63c0bd3a94bfca84ed2063a7355a226faff82ca50b90158bf183aa1a9e61";
constexpr const char* gamma_sha =
    "6be6ba7a6ef7e0422d11aaf33cf3e9290ff8186e391f846c1cf23fe7594a9b19";
constexpr const char* root_sha = "2cff60a244379d429c1877c36ee7f37da39ad06073d31b8d90fccd15376f2adf";

http_config with_tokens() {
    http_config config;
    config.tokens = {{"alpha", alpha_sha, {scope::enqueue}, {}},
                     {"beta", beta_sha, {scope::work, scope::read}, {}},
                     {"gamma", gamma_sha, {scope::read}, {"mail-*"}},
                     {"root", root_sha, {scope::admin}, {}}};
    return config;
}

wire_answer ask(const test_server& server, const std::string& request_line,
                const std::string& fields = "") {
    wire_client client(server.port());
    client.send(request_line + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n");
    return client.read_answer();
}

std::string bearer(const std::string& token) {
    return "Authorization: Bearer " + token + "\r\n";
}

TEST(Auth, HoldsEveryTokenToItsScopes) {
    test_server server(with_tokens());
    struct row {
        const char* token;
        int enqueue, work, read, admin;
    };
    for (const row& r :
         {row{"alpha-token", 201, 403, 403, 403}, row{"beta-token", 403, 200, 200, 403},
          row{"gamma-token", 403, 403, 200, 403}, row{"root-token", 201, 200, 200, 200}}) {
        SCOPED_TRACE(r.token);
        EXPECT_EQ(ask(server, "POST /echo", bearer(r.token)).status, r.enqueue);
        EXPECT_EQ(ask(server, "POST /work", bearer(r.token)).status, r.work);
        EXPECT_EQ(ask(server, "GET /things/1", bearer(r.token)).status, r.read);
        EXPECT_EQ(ask(server, "POST /admin", bearer(r.token)).status, r.admin);
        EXPECT_EQ(ask(server, "GET /open", bearer(r.token)).status, 200);
    }
}

TEST(Auth, RefusesWhatIsNoToken) {
    test_server server(with_tokens());
    for (const std::string& fields :
         {std::string(), bearer("wrong"), bearer(std::string(10'000, 'a')), bearer(alpha_sha),
          std::string("Authorization: Basic YTpi\r\n"), std::string("Authorization: Bearer\r\n"),
          std::string("Authorization: alpha-token\r\n"), std::string("Authorization:\r\n")}) {
        const wire_answer answer = ask(server, "GET /things/1", fields);
        EXPECT_EQ(answer.status, 401) << fields.substr(0, 40);
        EXPECT_TRUE(answer.field("WWW-Authenticate").starts_with("Bearer"));
    }
    EXPECT_EQ(ask(server, "GET /things/1?token=beta-token&access_token=beta-token").status, 401);
    EXPECT_EQ(ask(server, "GET /things/1", bearer("beta-token") + bearer("beta-token")).status,
              400);
    EXPECT_EQ(ask(server, "GET /things/1", "Authorization: bEaReR  beta-token\r\n").status, 200);
    EXPECT_EQ(ask(server, "GET /open").status, 200);
}

TEST(Auth, DecidesBeforeTheBodyAndIgnoresTrailers) {
    test_server server(with_tokens());
    wire_client client(server.port());
    client.send(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 401);
    EXPECT_TRUE(client.closes());

    wire_client trailing(server.port());
    trailing.send(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Bearer alpha-token\r\n\r\n");
    EXPECT_EQ(trailing.read_answer().status, 401);
}

TEST(Auth, TellsHandlersWhichQueuesATokenCovers) {
    test_server server(with_tokens());
    EXPECT_EQ(ask(server, "GET /queue/mail-eu", bearer("gamma-token")).status, 200);
    EXPECT_EQ(ask(server, "GET /queue/build", bearer("gamma-token")).status, 403);
    EXPECT_EQ(ask(server, "GET /queue/build", bearer("beta-token")).status, 200);
}

TEST(Auth, SlowsDownGuessingButNotTheRightToken) {
    test_server server(with_tokens());
    int unauthorized = 0, limited = 0;
    for (int i = 0; i < 40; ++i) {
        const int status = ask(server, "GET /things/1", bearer("guess")).status;
        unauthorized += status == 401;
        limited += status == 429;
    }
    EXPECT_GE(unauthorized, 10);
    EXPECT_GE(limited, 1);
    EXPECT_EQ(unauthorized + limited, 40);
    EXPECT_EQ(ask(server, "GET /things/1", bearer("beta-token")).status, 200);
}

TEST(FailureLimiter, RefillsAtTenASecondForEachAddress) {
    failure_limiter limiter;
    const auto one = boost::asio::ip::make_address("192.0.2.1");
    const auto two = boost::asio::ip::make_address("2001:db8::1");
    const failure_limiter::time_point begin{};
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(limiter.admit(one, begin));
    EXPECT_FALSE(limiter.admit(one, begin));
    EXPECT_FALSE(limiter.admit(one, begin + 99ms));
    EXPECT_TRUE(limiter.admit(two, begin));
    EXPECT_TRUE(limiter.admit(one, begin + 150ms));
    EXPECT_FALSE(limiter.admit(one, begin + 190ms));
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(limiter.admit(one, begin + 1h));
    EXPECT_FALSE(limiter.admit(one, begin + 1h));
}

TEST(Authenticator, RefusesADigestThatIsNone) {
    EXPECT_THROW(authenticator({{"a", "abc", {}, {}}}), std::invalid_argument);
    EXPECT_THROW(authenticator({{"a", std::string(64, 'g'), {}, {}}}), std::invalid_argument);
}

}  // namespace
}  // namespace sluice::http
