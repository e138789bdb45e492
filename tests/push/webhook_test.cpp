#include "server/worker/handlers/http/webhook_handler.hpp"

#include "server/worker/handlers/http/signing.hpp"
#include "tests/push/receiver.hpp"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <map>
#include <optional>
#include <string>

namespace sluice::worker::push {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using test::receiver;
using test::script;

constexpr timestamp now{1'614'265'330s};
const std::string event = R"({"id":"evt_1","type":"job.completed","data":{"x":[1, 2]}})";

class quiet_run final : public job_run {
public:
    explicit quiet_run(job_record job) : job_(std::move(job)) {}
    const job_record& job() const override { return job_; }
    std::stop_token stop() const override { return {}; }
    void progress(double, std::string) override {}
    void log(log_stream, std::string_view) override {}
    asio::awaitable<bool> heartbeat() override { co_return true; }

private:
    job_record job_;
};

std::string answer(const std::string& status, const std::string& more = "") {
    return "HTTP/1.1 " + status + "\r\n" + more + "Content-Length: 2\r\n\r\nOK";
}

/// The value of a header field of a request.
std::string field(const std::string& request, const std::string& name) {
    const auto at = request.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto from = at + name.size() + 4;
    return request.substr(from, request.find("\r\n", from) - from);
}

class Webhook : public ::testing::Test {
protected:
    Webhook() {
        with.allow = {"127.0.0.1"};
        with.timeout = 2s;
        to.id = "sub_1";
        to.secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    }

    std::shared_ptr<webhook_handler> make_handler() {
        auto push = std::make_shared<push_handler>(context.get_executor(), with,
                                                   make_system_lookup(context.get_executor()),
                                                   [] { return now; });
        webhook_book book;
        book.find = [this](std::string id) -> asio::awaitable<result<webhook_subscription>> {
            if (!kept || id != to.id) co_return error(failure, "");
            co_return to;
        };
        book.disable = [this](std::string id, std::string url,
                              std::string why) -> asio::awaitable<void> {
            EXPECT_EQ(url, to.url);
            disabled[id] = why;
            co_return;
        };
        return std::make_shared<webhook_handler>(push, book, [] { return now; });
    }

    outcome deliver(std::uint32_t attempt = 1) {
        handler_registry registry;
        (handler ? handler : make_handler())->add_to(registry);
        auto spec = std::make_shared<job_spec>();
        spec->id = make_uuid(now, 7, 0);
        spec->type = webhook_job_type;
        spec->args = R"([{"subscription_id":"sub_1","event":)" + what + "}]";
        job_record job;
        job.spec = std::move(spec);
        job.attempt = attempt;
        std::optional<outcome> ended;
        asio::co_spawn(context,
                       registry.find(webhook_job_type)->run(std::make_shared<quiet_run>(job)),
                       [&](std::exception_ptr fault, outcome how) {
                           EXPECT_FALSE(fault);
                           ended = std::move(how);
                       });
        context.restart();
        while (!ended && context.run_one_for(10s) > 0) {
        }
        EXPECT_TRUE(ended);
        return ended.value_or(interrupted{});
    }
    /// The same to an endpoint that answers `raw`.
    outcome deliver_to(const std::string& raw, std::uint32_t attempt = 1) {
        receiver endpoint(context.get_executor(),
                          [&](const std::string&) { return script{.raw = raw}; });
        to.url = endpoint.url() + "hook?a=1";
        auto how = deliver(attempt);
        requests = endpoint.requests;
        endpoint.stop();
        context.poll();
        return how;
    }
    static std::string dead_code(const outcome& how) {
        const auto* dead = std::get_if<dead_lettered>(&how);
        return dead ? dead->failure.code : "not a dead letter";
    }

    asio::io_context context;
    push_config with;
    webhook_subscription to;
    std::string what = event;
    std::shared_ptr<webhook_handler> handler;  ///< null: another one for each delivery
    bool kept = true;
    errc failure = errc::not_found;
    std::map<std::string, std::string> disabled;
    std::vector<std::string> requests;
};

TEST_F(Webhook, PostsTheEventByteForByteAndSaysWhatItIs) {
    const auto how = deliver_to(answer("200 OK"));
    const auto* done = std::get_if<completed>(&how);
    ASSERT_NE(done, nullptr);
    EXPECT_NE(done->result.find(R"("status":200)"), std::string::npos);
    EXPECT_NE(done->result.find(R"("body":"OK")"), std::string::npos);
    ASSERT_EQ(requests.size(), 1U);
    const auto& request = requests.front();
    EXPECT_TRUE(request.starts_with("POST /hook?a=1 HTTP/1.1\r\n"));
    EXPECT_TRUE(request.ends_with("\r\n\r\n" + event));
    EXPECT_EQ(field(request, "Content-Type"), "application/json");
    EXPECT_EQ(field(request, "X-OJS-Event-Type"), "job.completed");
    EXPECT_EQ(field(request, "X-OJS-Subscription-ID"), "sub_1");
    EXPECT_EQ(field(request, "X-OJS-Timestamp"), "1614265330");
    EXPECT_EQ(field(request, "X-OJS-Delivery-ID"), "del_" + to_string(make_uuid(now, 7, 0)));
    EXPECT_EQ(field(request, "webhook-id"), field(request, "X-OJS-Delivery-ID"));
}

/// The keys, texts and signatures of the first two were made with another implementation of HMAC
/// (Python's hmac).
TEST_F(Webhook, IsSignedInBothWays) {
    const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    EXPECT_EQ(signing_secret::of(secret).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                                              R"({"test": 2432232314})"),
              "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    EXPECT_EQ(sign_ojs("whk_test_secret_003", 1614265330, R"({"test": 2432232314})"),
              "sha256=9e6f96bc4eb58501cb2d52ad423e771754d7fd751ccd85e9cf51732113d7eab5");
    deliver_to(answer("200 OK"));
    ASSERT_EQ(requests.size(), 1U);
    const auto id = field(requests[0], "webhook-id");
    EXPECT_EQ(field(requests[0], "webhook-signature"),
              signing_secret::of(secret).sign(id, 1614265330, event));
    EXPECT_EQ(field(requests[0], "X-OJS-Signature"), sign_ojs(secret, 1614265330, event));
}

TEST_F(Webhook, TheSecretBeforeSignsTooUntilItsTimeIsOver) {
    to.previous_secret = "0123456789abcdef";
    to.previous_until = now + 1s;
    deliver_to(answer("200 OK"));
    const auto both = sign_ojs(to.secret, 1614265330, event) + "," +
                      sign_ojs(to.previous_secret, 1614265330, event);
    EXPECT_EQ(field(requests.at(0), "X-OJS-Signature"), both);
    EXPECT_NE(field(requests.at(0), "webhook-signature").find(" v1,"), std::string::npos);
    to.previous_until = now;
    deliver_to(answer("200 OK"));
    EXPECT_EQ(field(requests.at(0), "X-OJS-Signature"), sign_ojs(to.secret, 1614265330, event));
}

TEST_F(Webhook, IsTriedAgainLaterAndLater) {
    const std::chrono::milliseconds delays[] = {30s, 2min, 10min, 1h, 4h, 12h, 24h};
    for (std::uint32_t attempt = 1; attempt <= std::size(delays); ++attempt) {
        const auto how = deliver_to(answer("500 No"), attempt);
        const auto* again = std::get_if<failed>(&how);
        ASSERT_NE(again, nullptr);
        EXPECT_TRUE(again->retryable);
        EXPECT_EQ(again->retry_after, delays[attempt - 1]);
    }
}

TEST_F(Webhook, WaitsLongerWhenTheEndpointSaysSo) {
    const auto longer = deliver_to(answer("503 No", "Retry-After: 120\r\n"));
    EXPECT_EQ(std::get<failed>(longer).retry_after, 2min);
    const auto shorter = deliver_to(answer("429 No", "Retry-After: 1\r\n"));
    EXPECT_EQ(std::get<failed>(shorter).retry_after, 30s);
}

TEST_F(Webhook, WhatWillNeverBeTakenIsADeadLetter) {
    for (const auto* status : {"400 No", "401 No", "404 No", "422 No"})
        EXPECT_EQ(dead_code(deliver_to(answer(status))), "http_status") << status;
    for (const auto* status : {"408 No", "425 No", "429 No", "500 No", "302 No"})
        EXPECT_TRUE(std::holds_alternative<failed>(deliver_to(answer(status)))) << status;
    EXPECT_TRUE(disabled.empty());
}

TEST_F(Webhook, ATestThatFailsLeavesNothingBehind) {
    what = R"({"type":"webhook.test"})";
    const auto how = deliver_to(answer("404 No"));
    ASSERT_TRUE(std::holds_alternative<discarded>(how));
    EXPECT_EQ(std::get<discarded>(how).failure.code, "http_status");
}

TEST_F(Webhook, AnEndpointThatFailsAgainAndAgainRests) {
    handler = make_handler();
    const auto fail_once = [&] {
        return std::get<failed>(deliver_to(answer("500 No"))).hold_limit;
    };
    for (int i = 1; i < 8; ++i) EXPECT_FALSE(fail_once()) << i;
    EXPECT_EQ(fail_once(), 30s);
    for (int i = 9; i < 16; ++i) EXPECT_EQ(fail_once(), 30s);
    EXPECT_EQ(fail_once(), 60s);
    for (int i = 17; i < 80; ++i) fail_once();
    EXPECT_EQ(fail_once(), 10min);
    EXPECT_TRUE(std::holds_alternative<completed>(deliver_to(answer("200 OK"))));
    EXPECT_FALSE(fail_once()) << "it is well again";
}

TEST_F(Webhook, PlainHttpGoesOnlyWhereItMayByNow) {
    to.url = "http://93.184.216.34/";
    const auto how = deliver();
    ASSERT_TRUE(std::holds_alternative<failed>(how));
    EXPECT_EQ(std::get<failed>(how).failure.code, "egress_denied");
    EXPECT_EQ(std::get<failed>(how).retry_after, 30s);
}

TEST_F(Webhook, AnEndpointThatIsGoneGetsNoMore) {
    EXPECT_EQ(dead_code(deliver_to(answer("410 Gone"))), "gone");
    ASSERT_TRUE(disabled.contains("sub_1"));
    EXPECT_NE(disabled["sub_1"], "");
}

TEST_F(Webhook, AnEndpointTakesNoLeases) {
    const auto how = deliver_to(answer("202 Later", "Job-Lease: 1.2.3\r\n"));
    EXPECT_TRUE(std::holds_alternative<completed>(how));
}

TEST_F(Webhook, NothingIsSentForASubscriptionThatIsGoneOrInactive) {
    to.active = false;
    EXPECT_EQ(dead_code(deliver_to(answer("200 OK"))), "subscription_inactive");
    EXPECT_TRUE(requests.empty());
    kept = false;
    const auto gone = deliver_to(answer("200 OK"));
    EXPECT_TRUE(std::holds_alternative<discarded>(gone));
    EXPECT_TRUE(requests.empty());
    failure = errc::store_failed;
    EXPECT_TRUE(std::holds_alternative<interrupted>(deliver_to(answer("200 OK"))));
}

TEST_F(Webhook, GoesNowhereTheRulesDoNotAllow) {
    with.allow.clear();
    const auto how = deliver_to(answer("200 OK"));
    EXPECT_EQ(std::get<failed>(how).failure.code, "egress_denied");
    EXPECT_TRUE(requests.empty());
}

TEST_F(Webhook, EndsWhenItsTimeIsOver) {
    to.timeout = 100ms;
    receiver silent(context.get_executor(),
                    [](const std::string&) { return script{.end = script::ending::hang}; });
    to.url = silent.url();
    const auto how = deliver();
    EXPECT_EQ(std::get<failed>(how).failure.code, "timed_out");
    silent.stop();
    context.poll();
}

TEST_F(Webhook, KeepsLittleOfALongAnswer) {
    const auto how =
        deliver_to("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + std::string(5000, 'x'));
    EXPECT_LT(std::get<completed>(how).result.size(), 1200U);
}

TEST_F(Webhook, UrlsThatMayNotBeCalledAreRefusedWhenTheyAreGiven) {
    with.allow = {"127.0.0.1", "*.inside.example"};
    const push_handler push(context.get_executor(), with,
                            make_system_lookup(context.get_executor()), [] { return now; });
    for (const auto* good :
         {"https://example.com/", "https://example.com:8443/a?b=c", "http://127.0.0.1:8080/",
          "http://a.inside.example/", "https://93.184.216.34/"})
        EXPECT_FALSE(push.check_webhook_url(good)) << good;
    for (const auto* bad :
         {"http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://e.com/",
          "https://127.1/", "https://0x7f000001/", "https://2130706433/",
          "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/", "https://user:p@example.com/",
          "https://example.com:22/", "https://[::1]/", "x", ""}) {
        const auto refused = push.check_webhook_url(bad);
        ASSERT_TRUE(refused) << bad;
        EXPECT_EQ(refused->code, errc::validation_failed);
        EXPECT_EQ(refused->details, R"("field":"url")");
    }
    EXPECT_TRUE(push.check_webhook_url("https://e.com/" + std::string(9000, 'a')));
    with.allow.clear();
    const push_handler strict(context.get_executor(), with,
                              make_system_lookup(context.get_executor()), [] { return now; });
    for (const auto* local : {"https://localhost./", "https://localhost/", "https://127.0.0.1/"})
        EXPECT_TRUE(strict.check_webhook_url(local)) << local;
}

TEST(SigningSecret, EachNewOneIsAnother) {
    const auto one = make_signing_secret();
    EXPECT_TRUE(signing_secret::parse(one)) << one;
    EXPECT_NE(one, make_signing_secret());
}

}  // namespace
}  // namespace sluice::worker::push
