#include "tests/push/receiver.hpp"
#include "tests/push/abuses.hpp"

#include "proto/json_text.hpp"
#include "server/worker/handlers/http/push_handler.hpp"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
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
using ending = script::ending;

using name_table = std::map<std::string, std::vector<std::string>>;

/// Names have the addresses the test gave them, and from the second question on those in `then`,
/// where it has some.
class table_lookup final : public name_lookup {
public:
    table_lookup(name_table& names, name_table& then) : names_(names), then_(then) {}
    asio::awaitable<addresses> find(std::string host, std::chrono::steady_clock::time_point,
                                    std::stop_token) override {
        addresses out;
        for (const auto& text : names_[host]) out.found.push_back(asio::ip::make_address(text));
        if (then_.contains(host)) names_[host] = then_[host];
        if (out.found.empty()) out.fault = "unknown";
        co_return out;
    }

private:
    name_table& names_;
    name_table& then_;
};

class test_run final : public job_run {
public:
    explicit test_run(job_record job, std::stop_token stop)
        : job_(std::move(job)), stop_(std::move(stop)) {}
    const job_record& job() const override { return job_; }
    std::stop_token stop() const override { return stop_; }
    void progress(double, std::string) override {}
    void log(log_stream, std::string_view text) override { logged += text; }
    asio::awaitable<bool> heartbeat() override { co_return true; }

    std::string logged;

private:
    job_record job_;
    std::stop_token stop_;
};

const std::string good_reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n42";

class Push : public ::testing::Test {
protected:
    asio::io_context context;
    push_config with;
    name_table names;
    name_table then;
    std::shared_ptr<push_handler> pushing;
    std::shared_ptr<test_run> run;
    std::stop_source stop;
    std::chrono::steady_clock::duration took{};

    Push() {
        with.allow = {"127.0.0.1"};
        with.timeout = 500ms;
    }

    outcome perform(const std::string& type, raw_json args) {
        if (!pushing)
            pushing = std::make_shared<push_handler>(context.get_executor(), with,
                                                     std::make_unique<table_lookup>(names, then),
                                                     [] { return timestamp{1614265330s}; });
        handler_registry registry;
        pushing->add_to(registry);
        auto spec = std::make_shared<job_spec>();
        spec->id = make_uuid(timestamp{}, 7, 0);
        spec->type = type;
        spec->args = std::move(args);
        job_record job;
        job.spec = std::move(spec);
        job.attempt = 3;
        job.lease = {.epoch = 1, .counter = 2, .nonce = 3};
        run = std::make_shared<test_run>(std::move(job), stop.get_token());
        std::optional<outcome> ended;
        const auto begin = std::chrono::steady_clock::now();
        asio::co_spawn(context, registry.find(type)->run(run),
                       [&](std::exception_ptr fault, outcome how) {
                           EXPECT_FALSE(fault);
                           ended = std::move(how);
                       });
        context.restart();
        while (!ended && std::chrono::steady_clock::now() - begin < 20s) context.run_one_for(1s);
        took = std::chrono::steady_clock::now() - begin;
        EXPECT_TRUE(ended);
        return ended.value_or(interrupted{});
    }
    outcome call(const std::string& url, const std::string& more = "") {
        return perform("sluice.http", "[{\"url\":\"" + url + '"' + more + "}]");
    }
    /// The code of the failure; "completed" and so on for what is none.
    std::string end_of(const std::string& url, const std::string& more = "") {
        const auto how = call(url, more);
        if (const auto* failure = std::get_if<failed>(&how)) return failure->failure.code;
        if (std::holds_alternative<completed>(how)) return "completed";
        return std::holds_alternative<interrupted>(how) ? "interrupted" : "other";
    }
};

TEST_F(Push, SurvivesReceiversFromHell) {
    for (const auto& each : test::abuses()) {
        receiver bad(context.get_executor(), [&](const std::string&) { return each.doing; });
        EXPECT_EQ(end_of(bad.url(), R"(,"method":"POST")"), each.code) << each.name;
        EXPECT_LT(took, with.timeout + 1s) << each.name;
        EXPECT_EQ(bad.requests.size(), 1U) << each.name;
        bad.stop();
        receiver well(context.get_executor(),
                      [](const std::string&) { return script{.raw = good_reply}; });
        EXPECT_EQ(end_of(well.url(), R"(,"method":"POST")"), "completed") << "after " << each.name;
        well.stop();
        context.poll();
    }
}

TEST_F(Push, KeepsSixtyFourKibibytesOfAnEndlessBody) {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
    for (const auto& raw : {head, std::string("HTTP/1.1 200 OK\r\n\r\n")}) {
        receiver endless(context.get_executor(), [&](const std::string&) {
            return script{.raw = raw, .repeat = std::string(65536, 'x')};
        });
        const auto how = call(endless.url());
        const auto* done = std::get_if<completed>(&how);
        ASSERT_NE(done, nullptr);
        EXPECT_EQ(std::ranges::count(done->result, 'x'), 65536);
        EXPECT_NE(done->result.find(R"("truncated":true)"), std::string::npos);
        endless.stop();
        context.poll();
    }
}

TEST_F(Push, TakesInterimAnswersAndBodiesThatEndWithTheConnection) {
    receiver polite(context.get_executor(), [](const std::string&) {
        return script{
            .raw = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n[7]",
            .end = ending::close};
    });
    const auto how = call(polite.url());
    ASSERT_TRUE(std::holds_alternative<completed>(how));
    EXPECT_NE(std::get<completed>(how).result.find(R"("body":[7])"), std::string::npos);
}

TEST_F(Push, UsesAConnectionAgain) {
    receiver well(context.get_executor(),
                  [](const std::string&) { return script{.raw = good_reply}; });
    for (int i = 0; i < 3; ++i) EXPECT_EQ(end_of(well.url()), "completed");
    EXPECT_EQ(well.connections, 1U);
    EXPECT_EQ(well.requests.size(), 3U);
}

/// Nobody reads while it is written, and no socket has room for that much.
TEST_F(Push, SendsWhatTheSocketDoesNotTakeAtOnceInOrder) {
    with.timeout = 20s;
    std::string body;
    for (int i = 0; body.size() < std::size_t{32} << 20; ++i) body += std::to_string(i) + ' ';
    receiver well(context.get_executor(),
                  [](const std::string&) { return script{.raw = good_reply}; });
    EXPECT_EQ(end_of(well.url(), R"(,"body":")" + body + '"'), "completed");
    ASSERT_EQ(well.requests.size(), 1U);
    EXPECT_TRUE(well.requests[0].ends_with("\r\n\r\n" + body));
    well.stop();
}

TEST_F(Push, NeverTrustsBytesNobodyAskedFor) {
    receiver liar(context.get_executor(), [](const std::string&) {
        return script{.raw = good_reply + "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n9"};
    });
    for (int i = 0; i < 2; ++i) {
        const auto how = call(liar.url());
        ASSERT_TRUE(std::holds_alternative<completed>(how));
        EXPECT_NE(std::get<completed>(how).result.find(R"("body":42)"), std::string::npos);
    }
    EXPECT_EQ(liar.connections, 2U);
}

TEST_F(Push, RepeatsOnANewConnectionOnlyWhatDoesNoHarm) {
    // The second request of a connection is read, and then it is closed without a byte.
    std::size_t seen = 0;
    receiver liar(context.get_executor(), [&](const std::string&) {
        return ++seen == 2 ? script{.end = ending::close} : script{.raw = good_reply};
    });
    EXPECT_EQ(end_of(liar.url()), "completed");
    EXPECT_EQ(end_of(liar.url()), "completed");
    EXPECT_EQ(seen, 3U);
    seen = 1;
    EXPECT_EQ(end_of(liar.url(), R"(,"method":"POST")"), "connection_lost");
    EXPECT_EQ(seen, 2U);
}

TEST_F(Push, RefusesAConnectionToNobody) {
    receiver gone(context.get_executor(), [](const std::string&) { return script{}; });
    const auto url = gone.url();
    gone.stop();
    EXPECT_EQ(end_of(url), "connect_failed");
}

TEST_F(Push, ReachesNoPrivateAddressUnlessItIsListed) {
    receiver well(context.get_executor(),
                  [](const std::string&) { return script{.raw = good_reply}; });
    const auto url = "http://rebound.example:" + std::to_string(well.port()) + '/';
    names["rebound.example"] = {"127.0.0.1"};
    EXPECT_EQ(end_of(url), "completed");  // the control: it is listed
    EXPECT_EQ(well.connections, 1U);
    pushing.reset();
    with.allow.clear();
    EXPECT_EQ(end_of(url), "egress_denied");
    EXPECT_EQ(end_of(well.url()), "egress_denied");
    names["rebound.example"] = {"8.8.8.8", "127.0.0.1"};
    EXPECT_EQ(end_of(url), "egress_denied");
    EXPECT_EQ(well.connections, 1U);
}

TEST_F(Push, ChecksTheNameAgainOnEachAttempt) {
    receiver well(context.get_executor(),
                  [](const std::string&) { return script{.raw = good_reply}; });
    const auto url = "http://rebound.example:" + std::to_string(well.port()) + '/';
    names["rebound.example"] = {"127.0.0.1"};
    EXPECT_EQ(end_of(url), "completed");
    names["rebound.example"] = {"127.0.0.2"};  // a connection to 127.0.0.1 waits, and is not used
    EXPECT_EQ(end_of(url), "egress_denied");
    names["rebound.example"] = {};
    EXPECT_EQ(end_of(url), "name_not_resolved");
    EXPECT_EQ(well.requests.size(), 1U);
}

TEST_F(Push, ConnectsToTheAddressThatWasJudged) {
    receiver inside(context.get_executor(),
                    [](const std::string&) { return script{.raw = good_reply}; });
    with.allow = {"127.0.0.2"};
    names["rebound.example"] = {"127.0.0.2"};  // where nobody listens
    then["rebound.example"] = {"127.0.0.1"};
    const auto url = "http://rebound.example:" + std::to_string(inside.port()) + '/';
    EXPECT_EQ(end_of(url), "connect_failed");
    EXPECT_EQ(inside.connections, 0U);
}

TEST_F(Push, FollowsNoRedirect) {
    receiver inside(context.get_executor(),
                    [](const std::string&) { return script{.raw = good_reply}; });
    receiver outside(context.get_executor(), [&](const std::string&) {
        return script{.raw = "HTTP/1.1 302 Found\r\nLocation: " + inside.url() +
                             "\r\nContent-Length: 0\r\n\r\n"};
    });
    for (int i = 0; i < 2; ++i) EXPECT_EQ(end_of(outside.url()), "redirect_refused");
    EXPECT_EQ(outside.requests.size(), 2U);
    EXPECT_EQ(inside.connections, 0U);
}

TEST_F(Push, StopsPromptly) {
    with.timeout = 60s;
    receiver mute(context.get_executor(), [&](const std::string&) {
        stop.request_stop();
        return script{.end = ending::hang};
    });
    EXPECT_EQ(end_of(mute.url()), "interrupted");
    EXPECT_LT(took, 1s);
}

TEST_F(Push, HandsAJobOverWithItsLease) {
    std::string lease = to_string(lease_token{.epoch = 1, .counter = 2, .nonce = 3});
    receiver taker(context.get_executor(), [&](const std::string&) {
        return script{.raw = "HTTP/1.1 202 Accepted\r\nJob-Lease: " + lease +
                             "\r\nContent-Length: 0\r\n\r\n"};
    });
    EXPECT_TRUE(std::holds_alternative<delegated>(call(taker.url())));
    EXPECT_NE(taker.requests[0].find("Job-Lease: " + lease + "\r\n"), std::string::npos);
    lease += "0";
    EXPECT_EQ(end_of(taker.url()), "lease_mismatch");
}

TEST_F(Push, SendsATargetTheJobSigned) {
    receiver well(context.get_executor(),
                  [](const std::string&) { return script{.raw = good_reply}; });
    push_target target;
    target.types = {"mail.*"};
    target.url = well.url() + "hook";
    target.headers = {{"Authorization", "Bearer x"}};
    target.secrets = {*signing_secret::parse("whsec_" + std::string(32, 'A'))};
    with.targets = {target};
    const auto how = perform("mail.welcome", R"(["ada"])");
    ASSERT_TRUE(std::holds_alternative<completed>(how));
    EXPECT_EQ(std::get<completed>(how).result, "42");
    const auto& sent = well.requests.at(0);
    const auto body = sent.substr(sent.find("\r\n\r\n") + 4);
    EXPECT_FALSE(check_json(body, 64)) << body;
    for (const char* part :
         {"\"type\":\"mail.welcome\"", "\"args\":[\"ada\"]", "\"lease\":\"", "\"attempt\":3"})
        EXPECT_NE(body.find(part), std::string::npos) << part << " in " << body;
    const auto id = to_string(run->job().spec->id);
    const auto signature = target.secrets[0].sign(id, 1614265330, body);
    for (const auto& line : {"POST /hook HTTP/1.1", "Authorization: Bearer x"})
        EXPECT_NE(sent.find(line), std::string::npos) << line;
    EXPECT_NE(sent.find("webhook-id: " + id +
                        "\r\nwebhook-timestamp: 1614265330\r\n"
                        "webhook-signature: " +
                        signature + "\r\n"),
              std::string::npos)
        << sent;
    EXPECT_NE(run->logged.find("took"), std::string::npos);
}

}  // namespace
}  // namespace sluice::worker::push
