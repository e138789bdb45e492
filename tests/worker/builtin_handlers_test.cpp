#include "server/worker/handler.hpp"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <string>

namespace sluice::worker {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// A run that only knows its job and its stop.
class scripted_run final : public job_run {
public:
    scripted_run(job_record job, std::stop_source stop)
        : job_(std::move(job)), stop_(std::move(stop)) {}
    const job_record& job() const override { return job_; }
    std::stop_token stop() const override { return stop_.get_token(); }
    void progress(double, std::string) override {}
    void log(log_stream, std::string_view) override {}
    asio::awaitable<bool> heartbeat() override { co_return true; }

private:
    job_record job_;
    std::stop_source stop_;
};

class builtin_test : public ::testing::Test {
protected:
    asio::io_context context;
    handler_registry handlers;
    std::stop_source stop;
    std::optional<outcome> ended;

    void SetUp() override { add_builtin_handlers(handlers); }

    void begin(const std::string& type, raw_json args) {
        auto spec = std::make_shared<job_spec>();
        spec->type = type;
        spec->args = std::move(args);
        job_record job;
        job.spec = std::move(spec);
        const registered_handler* known = handlers.find(type);
        ASSERT_NE(known, nullptr) << type;
        asio::co_spawn(context, known->run(std::make_shared<scripted_run>(std::move(job), stop)),
                       [this](std::exception_ptr fault, outcome how) {
                           ASSERT_FALSE(fault);
                           ended = std::move(how);
                       });
        context.poll();
    }
    outcome run(const std::string& type, raw_json args) {
        ended.reset();
        begin(type, std::move(args));
        context.restart();
        context.run_for(5s);
        return ended.value_or(interrupted{});
    }
    raw_json result_of(const std::string& type, raw_json args) {
        const outcome how = run(type, std::move(args));
        const auto* done = std::get_if<completed>(&how);
        return done != nullptr ? done->result : "not completed";
    }
    void expect_refused(const std::string& type, const raw_json& args) {
        const outcome how = run(type, args);
        const auto* failure = std::get_if<failed>(&how);
        ASSERT_NE(failure, nullptr) << type << ' ' << args;
        EXPECT_FALSE(failure->retryable) << args;
        EXPECT_EQ(failure->failure.code, "invalid_args") << args;
        EXPECT_FALSE(failure->failure.message.empty());
    }
};

using BuiltinHandlers = builtin_test;

TEST_F(BuiltinHandlers, AreKnownByType) {
    EXPECT_EQ(
        handlers.types(16),
        (std::vector<handled_type>{
            {"sluice.echo", 0}, {"sluice.fail", 0}, {"sluice.sleep", 0}, {"sluice.square", 0}}));
    EXPECT_EQ(handlers.find("sluice.none"), nullptr);
}

TEST_F(BuiltinHandlers, EchoReturnsTheArgumentsByteForByte) {
    const raw_json args = R"([18446744073709551616, 0.1000000000000000055, 1e400,  {"a":[]} ])";
    EXPECT_EQ(result_of("sluice.echo", args), args);
}

TEST_F(BuiltinHandlers, SquareIsExactWhileItFitsSixtyFourBits) {
    EXPECT_EQ(result_of("sluice.square", "[7]"), "49");
    EXPECT_EQ(result_of("sluice.square", "[-12]"), "144");
    EXPECT_EQ(result_of("sluice.square", "[0]"), "0");
    EXPECT_EQ(result_of("sluice.square", "[3037000500]"), "9223372037000250000");
    EXPECT_EQ(result_of("sluice.square", "[4294967295]"), "18446744065119617025");
    EXPECT_EQ(std::stod(result_of("sluice.square", "[4294967296]")), 18446744073709551616.0);
    EXPECT_EQ(std::stod(result_of("sluice.square", "[-9223372036854775808]")),
              85070591730234615865843651857942052864.0);
}

TEST_F(BuiltinHandlers, SquareTakesDoublesToo) {
    EXPECT_EQ(std::stod(result_of("sluice.square", "[1.5]")), 2.25);
    EXPECT_EQ(std::stod(result_of("sluice.square", "[-1e100]")), 1e200);
}

TEST_F(BuiltinHandlers, SquareWaitsForItsPause) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(result_of("sluice.square", "[3, 20]"), "9");
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
}

TEST_F(BuiltinHandlers, SleepTakesItsTime) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(result_of("sluice.sleep", "[20]"), "null");
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
    EXPECT_EQ(result_of("sluice.sleep", "[0]"), "null");
    EXPECT_EQ(result_of("sluice.sleep", "[0.5]"), "null");
}

TEST_F(BuiltinHandlers, SleepAndSquareReturnInterruptedWhenAskedToStop) {
    for (const std::string type : {"sluice.sleep", "sluice.square"}) {
        stop = std::stop_source();
        ended.reset();
        begin(type, "[3600000, 3600000]");
        ASSERT_FALSE(ended.has_value());
        stop.request_stop();
        context.restart();
        context.run();
        ASSERT_TRUE(ended.has_value());
        EXPECT_TRUE(std::holds_alternative<interrupted>(*ended)) << type;
    }
}

TEST_F(BuiltinHandlers, SleepDoesNotBeginAfterTheStop) {
    stop.request_stop();
    begin("sluice.sleep", "[3600000]");
    ASSERT_TRUE(ended.has_value());
    EXPECT_TRUE(std::holds_alternative<interrupted>(*ended));
}

TEST_F(BuiltinHandlers, FailFailsAsAsked) {
    const auto failure_with = [this](const raw_json& args) {
        const outcome how = run("sluice.fail", args);
        const auto* failure = std::get_if<failed>(&how);
        return failure != nullptr ? *failure : failed{};
    };
    const failed plain = failure_with("[]");
    EXPECT_EQ(plain.failure.type, "sluice.fail");
    EXPECT_EQ(plain.failure.code, "handler_error");
    EXPECT_FALSE(plain.failure.message.empty());
    EXPECT_TRUE(plain.retryable);

    EXPECT_EQ(failure_with(R"(["out of \"paper\""])").failure.message, "out of \"paper\"");
    EXPECT_EQ(failure_with(R"(["x", "card_declined"])").failure.code, "card_declined");
    EXPECT_FALSE(failure_with(R"(["x", false])").retryable);
    EXPECT_FALSE(failure_with(R"([null, null, false])").retryable);
    EXPECT_TRUE(failure_with(R"(["x", "io", true])").retryable);
}

TEST_F(BuiltinHandlers, RefuseArgumentsThatDoNotFit) {
    for (const char* args : {"[]", R"(["5"])", "[null]", "[-1]", "[1e300]", "[[5]]", "[true]"}) {
        expect_refused("sluice.sleep", args);
    }
    for (const char* args : {"[]", R"(["5"])", "[1e200]", R"([2, "5"])", "[2, -1]", "[2, null]"}) {
        expect_refused("sluice.square", args);
    }
    for (const char* args : {"[5]", R"(["x", 5])", R"(["x", "y", "z"])", R"(["x","y",true,{}])"}) {
        expect_refused("sluice.fail", args);
    }
}

}  // namespace
}  // namespace sluice::worker
