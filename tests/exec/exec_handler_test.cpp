#include "server/worker/handlers/exec/exec.hpp"
#include "tests/process/detectors.hpp"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::worker {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class test_run final : public job_run {
public:
    test_run(job_record job, std::stop_token stop) : job_(std::move(job)), stop_(std::move(stop)) {}
    const job_record& job() const override { return job_; }
    std::stop_token stop() const override { return stop_; }
    void progress(double, std::string) override {}
    void log(log_stream, std::string_view text) override {
        logged += text;
        if (on_log) on_log(logged);
    }
    asio::awaitable<bool> heartbeat() override { co_return true; }

    std::string logged;
    std::function<void(const std::string& all)> on_log;

private:
    job_record job_;
    std::stop_token stop_;
};

/// The handler with real commands.
class Exec : public ::testing::Test {
protected:
    struct begun {
        std::shared_ptr<test_run> run;
        std::optional<outcome> end;
    };

    asio::io_context context{1};
    exec_config with;
    logger log{log_level::error, logger::format::json, false};
    handler_registry registry;
    std::stop_source stop;

    exec_command& row(const std::string& name, const std::string& script) {
        exec_command made;
        made.name = name;
        made.what.argv = {"/bin/sh", "-c", script};
        with.commands.push_back(std::move(made));
        return with.commands.back();
    }

    std::shared_ptr<begun> begin(const std::string& type, raw_json args) {
        if (registry.find("sluice.exec") == nullptr)
            add_exec_handlers(registry, context.get_executor(), with, log);
        auto spec = std::make_shared<job_spec>();
        spec->id = make_uuid(timestamp{}, 7, 0);
        spec->type = type;
        spec->args = std::move(args);
        job_record job;
        job.spec = std::move(spec);
        job.attempt = 1;
        auto made = std::make_shared<begun>();
        made->run = std::make_shared<test_run>(std::move(job), stop.get_token());
        asio::co_spawn(context, registry.find(type)->run(made->run),
                       [made](std::exception_ptr fault, outcome how) {
                           EXPECT_FALSE(fault);
                           made->end = std::move(how);
                       });
        return made;
    }
    void finish(const std::vector<std::shared_ptr<begun>>& runs) {
        const auto all_ended = [&] {
            for (const auto& each : runs)
                if (!each->end) return false;
            return true;
        };
        context.restart();
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (!all_ended() && std::chrono::steady_clock::now() < deadline) context.run_one_for(1s);
        ASSERT_TRUE(all_ended());
    }
    outcome run(const std::string& type, raw_json args) {
        const auto one = begin(type, std::move(args));
        finish({one});
        return one->end.value_or(interrupted{});
    }
};

TEST_F(Exec, AShortageComesBackLaterWithoutAnAttempt) {
    row("one", "echo 1");
    EXPECT_TRUE(std::holds_alternative<completed>(run("sluice.exec", R"(["one"])")));
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int next = ::dup(STDERR_FILENO);
    ::close(next);
    rlimit few = before;
    few.rlim_cur = static_cast<rlim_t>(next);
    ::setrlimit(RLIMIT_NOFILE, &few);
    const auto short_run = begin("sluice.exec", R"(["one"])");
    finish({short_run});
    ::setrlimit(RLIMIT_NOFILE, &before);
    const auto* later = std::get_if<snoozed>(&*short_run->end);
    ASSERT_NE(later, nullptr);
    EXPECT_GE(later->delay, 1s);
    EXPECT_NE(short_run->run->logged.find("cannot start /bin/sh: "), std::string::npos)
        << short_run->run->logged;
    EXPECT_TRUE(std::holds_alternative<completed>(run("sluice.exec", R"(["one"])")));
}

TEST_F(Exec, ACommandThatWasNeverStartedHasNotTimedOut) {
    row("one", "echo 1").timeout = 1ms;
    const auto one = begin("sluice.exec", R"(["one"])");
    std::vector<int> nursery;
    while (nursery.empty()) nursery = process::test::children_named(::getpid(), "sluice-nursery");
    ::kill(nursery[0], SIGSTOP);  // no keeper comes
    context.poll();
    asio::steady_timer later(context, 20ms);  // so that it fires after the timeout
    later.async_wait([&](const boost::system::error_code&) { ::kill(nursery[0], SIGKILL); });
    finish({one});
    EXPECT_TRUE(std::holds_alternative<snoozed>(*one->end));
}

TEST_F(Exec, ACommandThatCannotBeStartedForItsOwnFaultFails) {
    row("none", "").what.argv = {"/nonexistent/program"};
    const auto how = run("sluice.exec", R"(["none"])");
    ASSERT_TRUE(std::holds_alternative<failed>(how));
    EXPECT_EQ(std::get<failed>(how).failure.code, "not_started");
}

TEST_F(Exec, ARowAtItsLimitHoldsNoWorker) {
    auto& slow = row("slow", "echo begun; sleep 1000");
    slow.concurrency = 1;
    slow.types = {"slow.*"};
    slow.what.grace = 100ms;
    row("quick", "echo 1");
    const auto first = begin("sluice.exec", R"(["slow"])");
    std::shared_ptr<begun> second;
    std::shared_ptr<begun> other;
    first->run->on_log = [&](const std::string&) {
        second = begin("slow.one", "[]");  // the limit is the row's, however it is named
        other = begin("sluice.exec", R"(["quick"])");
    };
    context.restart();
    while (!other || !other->end) context.run_one_for(1s);
    EXPECT_TRUE(std::holds_alternative<completed>(*other->end));
    EXPECT_FALSE(first->end);
    ASSERT_TRUE(second->end);
    ASSERT_TRUE(std::holds_alternative<snoozed>(*second->end));
    EXPECT_GT(std::get<snoozed>(*second->end).delay, 0ms);
    stop.request_stop();
    finish({first});
    EXPECT_TRUE(std::holds_alternative<interrupted>(*first->end));
}

TEST_F(Exec, ACommandThatEndedBeforeTheStopIsNotRunAgain) {
    // It leaves a child that holds its output, says so when the command is gone, and is stopped.
    auto& leaves = row("leaves", "");
    leaves.what.argv = {"/usr/bin/python3", "-c", R"(
import os, time
main = os.getpid()
if os.fork() == 0:
    while os.getppid() == main: time.sleep(0.001)
    os.write(1, b'left\n')
    time.sleep(1000)
os._exit(0)
)"};
    leaves.what.linger = 60s;
    leaves.what.grace = 100ms;
    const auto one = begin("sluice.exec", R"(["leaves"])");
    one->run->on_log = [&](const std::string&) { stop.request_stop(); };
    finish({one});
    EXPECT_TRUE(std::holds_alternative<completed>(*one->end));
}

}  // namespace
}  // namespace sluice::worker
