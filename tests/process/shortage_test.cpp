#include "process_fixture.hpp"

#include <sys/resource.h>
#include <unistd.h>

namespace sluice::process::test {
namespace {

using namespace std::chrono_literals;

/// Holds a process to this many descriptors for as long as it lives.
class few_descriptors {
public:
    few_descriptors(int pid, rlim_t most) : pid_(pid) {
        ::prlimit(pid_, RLIMIT_NOFILE, nullptr, &before_);
        const rlimit few{.rlim_cur = most, .rlim_max = before_.rlim_max};
        EXPECT_EQ(::prlimit(pid_, RLIMIT_NOFILE, &few, nullptr), 0);
    }
    ~few_descriptors() { ::prlimit(pid_, RLIMIT_NOFILE, &before_, nullptr); }
    few_descriptors(const few_descriptors&) = delete;
    few_descriptors& operator=(const few_descriptors&) = delete;

private:
    int pid_;
    rlimit before_{};
};

/// Starting a command where something is lacking. Each test runs the same command before, in the
/// middle of and after the shortage: the first and the last are the control.
class RunnerShortage : public process_fixture {
protected:
    void expect_good() {
        const auto how = run(shell("echo 1"));
        EXPECT_EQ(how.result, "1") << how.reason;
        EXPECT_FALSE(how.shortage);
    }
    void expect_shortage() {
        const auto how = run(shell("echo 1"));
        EXPECT_TRUE(how.shortage) << how.reason;
        EXPECT_FALSE(how.started);
        EXPECT_EQ(how.how, verdict::failed);
        EXPECT_TRUE(how.reason.starts_with("cannot start /bin/sh: ")) << how.reason;
    }
};

TEST_F(RunnerShortage, WithoutDescriptorsOfOurOwn) {
    {
        const int next = ::dup(STDERR_FILENO);
        ::close(next);
        const few_descriptors held(::getpid(), static_cast<rlim_t>(next));
        expect_shortage();
    }
    expect_good();
    {
        const int next = ::dup(STDERR_FILENO);
        ::close(next);
        const few_descriptors held(::getpid(), static_cast<rlim_t>(next + 3));
        expect_shortage();
    }
    expect_good();
}

TEST_F(RunnerShortage, WhereNoKeeperCanBeMade) {
    std::vector<int> nursery;
    while (nursery.empty()) nursery = children_named(::getpid(), "sluice-nursery");
    {
        const few_descriptors held(nursery[0], 3);
        expect_shortage();
    }
    expect_good();
}

TEST_F(RunnerShortage, OfAKeeper) {
    expect_good();
    const auto nursery = children_named(::getpid(), "sluice-nursery");
    ASSERT_EQ(nursery.size(), 1U);
    const auto keeper = children_named(nursery[0], "sluice-keeper");
    ASSERT_EQ(keeper.size(), 1U);
    {
        const few_descriptors held(keeper[0], 4);
        expect_shortage();
    }
    expect_good();
}

TEST_F(RunnerShortage, IsNotWhatACommandDoesWrong) {
    command what;
    what.argv = {"/nonexistent/program"};
    EXPECT_FALSE(run(what).shortage);
    what.argv = {"true"};
    EXPECT_FALSE(run(what).shortage);
    EXPECT_FALSE(run(shell("exit 3")).shortage);
}

}  // namespace
}  // namespace sluice::process::test
