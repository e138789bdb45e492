#include "server/worker/handlers/http/push_outcome.hpp"
#include "server/worker/handlers/http/reply_rules.hpp"
#include "server/worker/handlers/http/signing.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace sluice::worker::push {
namespace {

using namespace std::chrono_literals;

// The test vector of the libraries of Standard Webhooks.
TEST(Signing, AgreesWithThePublishedVector) {
    const auto secret = signing_secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    ASSERT_TRUE(secret);
    const auto sign = [&](std::string_view body) {
        return secret->sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body);
    };
    EXPECT_EQ(sign(R"({"test": 2432232314})"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    EXPECT_NE(sign(R"({"test": 2432232315})"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(Signing, SignsWithTheNewAndTheOldSecret) {
    const auto a = *signing_secret::parse("whsec_" + std::string(32, 'A'));
    const auto b = *signing_secret::parse("whsec_" + std::string(32, 'B'));
    EXPECT_EQ(sign_with_all({a, b}, "id", 7, "x"),
              a.sign("id", 7, "x") + ' ' + b.sign("id", 7, "x"));
    EXPECT_NE(a.sign("id", 7, "x"), b.sign("id", 7, "x"));
}

TEST(Signing, TakesSecretsOfTwentyFourToSixtyFourBytes) {
    const auto of = [](std::size_t characters, const char* end = "") {
        return signing_secret::parse("whsec_" + std::string(characters, 'A') + end).has_value();
    };
    EXPECT_FALSE(of(31, "="));  // 23 bytes
    EXPECT_TRUE(of(32));        // 24
    EXPECT_TRUE(of(86, "=="));  // 64
    EXPECT_TRUE(of(86));
    EXPECT_FALSE(of(87, "="));  // 65
    EXPECT_FALSE(of(4000));
    EXPECT_FALSE(of(33));
    EXPECT_FALSE(signing_secret::parse("whsec_" + std::string(31, 'A') + "-"));
    EXPECT_FALSE(signing_secret::parse(std::string(32, 'A')));
}

TEST(ReplyRules, JudgesEveryStatus) {
    for (unsigned status = 200; status < 600; ++status) {
        const auto is = judge(status, "", "1.2.3");
        if (status < 300) {
            EXPECT_EQ(is, verdict::complete) << status;
        } else if (status < 400) {
            EXPECT_EQ(is, verdict::redirect_refused) << status;
        } else if (status == 410) {
            EXPECT_EQ(is, verdict::gone);
        } else if (status == 429 || (status >= 502 && status <= 504)) {
            EXPECT_EQ(is, verdict::slow_down) << status;
        } else {
            EXPECT_EQ(is, verdict::fail) << status;
        }
    }
    EXPECT_EQ(judge(202, "1.2.3", "1.2.3"), verdict::delegate);
    EXPECT_EQ(judge(202, "1.2.4", "1.2.3"), verdict::foreign_lease);
    EXPECT_EQ(judge(200, "1.2.3", "1.2.3"), verdict::complete);
}

TEST(ReplyRules, ReadRetryAfter) {
    const timestamp now{784111777s};  // Sun, 06 Nov 1994 08:49:37 GMT
    const auto read = [&](std::string_view text) { return parse_retry_after(text, now); };
    EXPECT_EQ(read("0"), 0ms);
    EXPECT_EQ(read("120"), 120s);
    EXPECT_EQ(read("3601"), 1h);
    EXPECT_EQ(read("99999999999999999999"), 1h);
    EXPECT_EQ(read("Sun, 06 Nov 1994 08:50:37 GMT"), 60s);
    EXPECT_EQ(read("Sunday, 06-Nov-94 08:50:37 GMT"), 60s);
    EXPECT_EQ(read("Sun Nov  6 08:50:37 1994"), 60s);
    EXPECT_EQ(read("Sun, 06 Nov 1994 08:00:00 GMT"), 0ms);
    EXPECT_EQ(read("Mon, 07 Nov 1994 08:49:37 GMT"), 1h);
    for (const char* bad : {"", "-1", "1.5", "soon", "12x", "Sun, 06 Nov 1994"})
        EXPECT_FALSE(read(bad)) << bad;
}

reply answer_with(unsigned status, std::string body) {
    reply answer;
    answer.status = status;
    answer.body = std::move(body);
    return answer;
}

TEST(PushOutcome, KeepsJsonByteForByteAndQuotesTheRest) {
    EXPECT_EQ(body_as_json(answer_with(200, R"({"a": 1e400, "b":[ ]})")),
              R"({"a": 1e400, "b":[ ]})");
    EXPECT_EQ(body_as_json(answer_with(200, "hello \"you\"")), R"("hello \"you\"")");
    EXPECT_EQ(body_as_json(answer_with(204, "")), "null");
    EXPECT_EQ(body_as_json(answer_with(200, std::string(200, '['))),
              '"' + std::string(200, '[') + '"');
    auto cut = answer_with(200, "123");
    cut.cut = true;
    EXPECT_EQ(body_as_json(cut), "\"123\"");
}

TEST(PushOutcome, TellsStatusTimeAndBody) {
    exchange_facts facts;
    facts.elapsed = 1500us;
    const auto done = outcome_of(answer_with(201, "[1]"), facts);
    EXPECT_EQ(std::get<completed>(done).result, R"({"status":201,"elapsed_ms":1.5,"body":[1]})");
    facts.form = result_form::body;
    EXPECT_EQ(std::get<completed>(outcome_of(answer_with(201, "[1]"), facts)).result, "[1]");
}

TEST(PushOutcome, SlowsDownAsLongAsTheReceiverSays) {
    auto busy = answer_with(503, "later");
    busy.retry_after = "7";
    const auto how = std::get<failed>(outcome_of(busy, {}));
    EXPECT_EQ(how.retry_after, 7s);
    EXPECT_TRUE(how.retryable);
    EXPECT_EQ(how.failure.code, "slow_down");
    auto wrong = answer_with(500, "");
    wrong.retry_after = "7";
    EXPECT_FALSE(std::get<failed>(outcome_of(wrong, {})).retry_after);
    EXPECT_TRUE(std::holds_alternative<dead_lettered>(outcome_of(answer_with(410, ""), {})));
    const fault stopped{.kind = fault_kind::stopped, .message = ""};
    EXPECT_TRUE(std::holds_alternative<interrupted>(outcome_of(stopped, {})));
}

}  // namespace
}  // namespace sluice::worker::push
