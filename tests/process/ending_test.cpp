#include "process_fixture.hpp"

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>

namespace sluice::process::test {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// How commands end, by themselves and by us. Each writes the numbers of its processes as log lines
/// "pid N", and after the run none of them may be alive.
class RunnerEnding : public process_fixture {
protected:
    std::vector<int> pids() {
        std::vector<int> found;
        for (const auto& line : logged[log_stream::stdout_])
            if (line.starts_with("pid ")) found.push_back(std::atoi(line.c_str() + 4));
        return found;
    }
    void expect_all_gone(std::size_t count) {
        EXPECT_EQ(pids().size(), count);
        for (const int pid : pids()) EXPECT_FALSE(is_alive(pid)) << pid;
    }
    void stop_at(std::string line) {
        on_line = [this, line = std::move(line)](const std::string& said) {
            if (said == line) stop.request_stop();
        };
    }
};

TEST_F(RunnerEnding, StopsWithSigtermFirst) {
    stop_at("ready");
    const auto how =
        run(shell("trap 'echo asked; exit 9' TERM; echo ready; "
                  "while :; do sleep 1000 & wait; done"));
    EXPECT_EQ(how.how, verdict::stopped);
    EXPECT_EQ(how.exit_code, 9);
    EXPECT_EQ(logged[log_stream::stdout_].back(), "asked");
}

TEST_F(RunnerEnding, KillsWhatIgnoresSigtermOnceItsGraceIsOver) {
    stop_at("ready");
    auto what = shell(
        "trap '' TERM; echo pid $$; (echo pid $(exec sh -c 'echo $PPID'); "
        "echo ready; sleep 1000); sleep 1000");
    what.grace = 200ms;
    const auto begin = clock::now();
    const auto how = run(std::move(what));
    EXPECT_EQ(how.how, verdict::stopped);
    EXPECT_EQ(how.signal, "SIGKILL");
    EXPECT_GE(clock::now() - begin, 200ms);
    expect_all_gone(2);
}

TEST_F(RunnerEnding, KillsAGrandchildThatDaemonised) {
    stop_at("ready");
    auto what = python(std::string(daemonise) + "time.sleep(1000)");
    EXPECT_EQ(run(std::move(what)).how, verdict::stopped);
    expect_all_gone(2);
}

TEST_F(RunnerEnding, KillsADaemonThatACommandLeavesWhenItEnds) {
    auto what = python(daemonise);
    what.linger = 50ms;
    const auto how = run(std::move(what));
    EXPECT_EQ(how.how, verdict::completed);
    EXPECT_TRUE(how.left_processes);
    expect_all_gone(2);
}

TEST_F(RunnerEnding, AGrandchildThatHoldsThePipeDoesNotHoldTheRun) {
    auto what = shell("sleep 1000 & echo pid $!; exit 0");
    what.linger = 100ms;
    const auto begin = clock::now();
    const auto how = run(std::move(what));
    EXPECT_EQ(how.how, verdict::completed);
    EXPECT_LT(clock::now() - begin, 5s);
    expect_all_gone(1);
}

TEST_F(RunnerEnding, AGrandchildThatEndsSoonIsWaitedFor) {
    auto what = shell("(sleep 0.2; echo late) & exit 0");
    what.linger = 20s;
    const auto how = run(std::move(what));
    EXPECT_FALSE(how.left_processes);
    EXPECT_EQ(logged[log_stream::stdout_], std::vector<std::string>{"late"});
}

TEST_F(RunnerEnding, ACommandMayCloseItsOutputEarly) {
    EXPECT_EQ(run(shell("exec >&- 2>&- 3>&-; sleep 0.1; exit 75")).how, verdict::retry);
}

TEST_F(RunnerEnding, ACommandMayLeaveZombies) {
    const auto how = run(python(leave_zombies));
    EXPECT_EQ(zombies_below_us(), 0U);
    EXPECT_EQ(how.result, "1");
    EXPECT_FALSE(how.left_processes);
}

TEST_F(RunnerEnding, ExitCodeZeroAfterAStopIsStillStopped) {
    stop_at("ready");
    const auto how =
        run(shell("trap 'exit 0' TERM; echo ready; "
                  "while :; do sleep 1000 & wait; done"));
    EXPECT_EQ(how.how, verdict::stopped);
    EXPECT_EQ(how.exit_code, 0);  // the control: by this alone it would have completed
}

TEST_F(RunnerEnding, AStopAfterACommandHasEndedLeavesItItsOwnEnd) {
    // What it leaves speaks once the command itself is no more.
    const std::string leaving = R"(
import os, sys, time
main = os.getpid()
if os.fork() == 0:
    while os.getppid() == main: time.sleep(0.001)
    os.write(1, b'pid %d\n' % os.getpid())
    os.write(1, b'left\n')
    time.sleep(1000)
os._exit(EXIT)
)";
    const std::vector<std::pair<std::string, verdict>> ends{
        {"0", verdict::completed}, {"75", verdict::retry}, {"3", verdict::failed}};
    for (const auto& [code, meaning] : ends) {
        logged.clear();
        stop = std::stop_source();
        stop_at("left");
        auto what = python(std::string(leaving).replace(leaving.find("EXIT"), 4, code));
        what.linger = 60s;
        what.grace = 100ms;
        const auto how = run(std::move(what));
        EXPECT_EQ(how.how, meaning) << code << ' ' << how.reason;
        EXPECT_EQ(how.exit_code, std::stoi(code));
        expect_all_gone(1);
    }
}

TEST_F(RunnerEnding, KillsAForkBomb) {
    stop_at("ready");
    auto what = python(fork_bomb);
    const auto mark = directory.string();
    what.argv.push_back(mark);
    what.grace = 100ms;
    EXPECT_EQ(run(std::move(what)).how, verdict::stopped);
    expect_all_gone(1);
    EXPECT_EQ(marked_with(mark), std::vector<int>{});
}

TEST_F(RunnerEnding, ABombIsBoundByTheLimitOfItsAccount) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto what = python(R"(
import os, signal, time
made = 0
try:
    while made < 100:
        if os.fork() == 0:
            signal.pause()
        made += 1
except OSError:
    print('pid refused', flush=True)
print(made, flush=True)
)");
    what.uid = 61234;
    what.gid = 61234;
    what.limits.processes = 20;
    what.linger = 10ms;
    const auto how = run(what);
    EXPECT_TRUE(how.left_processes);
    EXPECT_EQ(logged[log_stream::stdout_], (std::vector<std::string>{"pid refused", "19"}));
    logged.clear();
    what.limits.processes.reset();
    run(what);
    EXPECT_EQ(logged[log_stream::stdout_], std::vector<std::string>{"100"});  // the control
}

TEST_F(RunnerEnding, AKeeperThatIsKilledTakesItsCommandAlong) {
    auto what = python(std::string(daemonise) + R"(
import signal
os.kill(os.getppid(), signal.SIGKILL)
time.sleep(1000)
)");
    const auto how = run(std::move(what));
    EXPECT_EQ(how.how, verdict::failed);
    EXPECT_EQ(how.reason, "the process that kept the command was killed");
    const auto deadline = clock::now() + 10s;
    const auto all = pids();
    for (const int pid : all) {
        while (is_alive(pid) && clock::now() < deadline) {
        }
        EXPECT_FALSE(is_alive(pid));
    }
    EXPECT_EQ(all.size(), 2U);
    EXPECT_EQ(run(shell("echo 1")).result, "1");
    for (const auto& left : std::filesystem::directory_iterator(directory))
        std::filesystem::remove_all(left);  // the one thing a killed keeper leaves
}

TEST_F(RunnerEnding, AnIdleKeeperThatWasKilledCostsNoCommand) {
    const int keeper = std::stoi(run(shell("echo $PPID")).result);
    ASSERT_EQ(std::stoi(run(shell("echo $PPID")).result), keeper);  // the control: it is kept
    ASSERT_EQ(::kill(keeper, SIGKILL), 0);
    const auto deadline = clock::now() + 10s;
    while (is_alive(keeper) && clock::now() < deadline) {
    }
    const auto how = run(shell("echo $PPID"));
    EXPECT_EQ(how.how, verdict::completed) << how.reason;
    EXPECT_NE(how.result, std::to_string(keeper));
    for (const auto& left : std::filesystem::directory_iterator(directory))
        std::filesystem::remove_all(left);
}

TEST_F(RunnerEnding, WhatDoesNotDieHoldsUpNoOtherCommand) {
    // A process that was killed and is traced stays until its tracer looks, as one would that hangs
    // in the kernel.
    int daemon = 0;
    on_line = [&](const std::string& line) {
        if (line != "ready") return;
        daemon = pids().back();
        ASSERT_EQ(::ptrace(PTRACE_SEIZE, daemon, nullptr, nullptr), 0);
        const int keeper = parent_of(pids().front());
        ASSERT_EQ(::kill(keeper, SIGKILL), 0);
    };
    EXPECT_EQ(run(python(std::string(daemonise) + "time.sleep(1000)")).how, verdict::failed);
    ASSERT_GT(daemon, 0);
    const auto deadline = clock::now() + 10s;
    while (is_alive(daemon) && clock::now() < deadline) {
    }
    on_line = nullptr;
    const auto begin = clock::now();
    EXPECT_EQ(run(shell("echo 1")).result, "1");
    EXPECT_LT(clock::now() - begin, 5s);
    EXPECT_TRUE(std::filesystem::exists("/proc/" + std::to_string(daemon)));  // the control
    ::waitpid(daemon, nullptr, __WALL);
    for (const auto& left : std::filesystem::directory_iterator(directory))
        std::filesystem::remove_all(left);  // the one thing a killed keeper leaves
}

TEST_F(RunnerEnding, ManyRunAtOnceAndKeepersServeAgain) {
    for (int round = 0; round < 3; ++round) {
        for (const auto& how : run_all(std::vector<command>(40, shell("echo 1"))))
            EXPECT_EQ(how.result, "1") << how.reason;
    }
}

}  // namespace
}  // namespace sluice::process::test
