#include "naive.hpp"
#include "process_fixture.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>

/// The controls of the tests of commands that misbehave: the same command run without a runner
/// shows the fault, as the same detector sees it. A test that could not fail would prove nothing.
///
/// | what the command does | test of the runner | its control |
/// |---|---|---|
/// | daemonises | RunnerEnding.KillsAGrandchildThatDaemonised, ...ADaemonThatACommandLeaves... |
/// KillingTheCommand..., KillingTheGroupLeavesADaemon | | ignores SIGTERM |
/// RunnerEnding.KillsWhatIgnoresSigterm... | SigtermAloneLeavesWhatIgnoresIt | | leaves a child
/// that holds its output | RunnerEnding.AGrandchildThatHoldsThePipe... | AChildHoldsThePipe | |
/// closes its output | RunnerEnding.ACommandMayCloseItsOutputEarly | TheEndOfThePipeIsNotTheEnd...
/// | | leaves zombies | RunnerEnding.ACommandMayLeaveZombies | WhoWaitsForTheCommandAlone... | |
/// forks without end | RunnerEnding.KillsAForkBomb | KillingTheCommandLeavesABomb | | forks more
/// than its account may | RunnerEnding.ABombIsBound... | in the test | | exits with 0 when it is
/// stopped | RunnerEnding.ExitCodeZeroAfterAStop... | in the test: its exit code | | ends before it
/// is stopped | RunnerEnding.AStopAfterACommandHasEnded... | RunnerEnding.ExitCodeZeroAfterAStop...
/// | | kills its keeper | RunnerEnding.AKeeperThatIsKilled... | AParentThatIsKilledLeavesItsChild |
/// | prints 10 GiB | RunnerOutput.TakesTenGibibytes... | KeepingAllOutputGrows |
/// | never stops printing | RunnerOutput.StopsACommandThatNeverStopsTalking |
/// KillingTheCommandLeavesWhatTalks | | looks for our descriptors |
/// RunnerContract.OpensFourDescriptors... | ADescriptorOfOursIsInherited | | looks for our secrets
/// | RunnerContract.PassesNothingOfOurEnvironment | OurEnvironmentIsInherited | | gains rights by a
/// setuid program | RunnerContract.LeadsASession... | NewPrivilegesAreOpen | | writes large files,
/// opens many | RunnerContract.HoldsACommandToItsLimits | in the test | | leaves files |
/// RunnerContract.RunsInAnEmptyDirectory... | FilesStayWhereTheyWereMade | | cannot be started for
/// a shortage | RunnerShortage.* | in each test: the same command before and after | | does not die
/// | RunnerEnding.WhatDoesNotDieHoldsUpNoOtherCommand | in the test: it is still there |
namespace sluice::process::test {
namespace {

class RunnerControl : public process_fixture {
protected:
    ~RunnerControl() override { clean_up(left); }

    static std::vector<std::string> sh(std::string script) {
        return {"/bin/sh", "-c", std::move(script)};
    }
    /// Ends the naive command and says which of these outlived it.
    std::vector<int> survivors(naive_command& of, const std::vector<int>& pids) {
        left.insert(left.end(), pids.begin(), pids.end());
        of.wait();
        std::vector<int> alive;
        std::ranges::copy_if(pids, std::back_inserter(alive), is_alive);
        return alive;
    }

    std::vector<int> left;
};

TEST_F(RunnerControl, KillingTheCommandLeavesADaemon) {
    naive_command of({"/usr/bin/python3", "-c", std::string(daemonise) + "time.sleep(1000)"});
    const auto pids = of.pids(2);
    ::kill(of.pid(), SIGKILL);
    EXPECT_EQ(survivors(of, pids), std::vector<int>{pids[1]});
}

TEST_F(RunnerControl, KillingTheGroupLeavesADaemon) {
    naive_command of({"/usr/bin/python3", "-c", std::string(daemonise) + "time.sleep(1000)"}, true);
    const auto pids = of.pids(2);
    EXPECT_EQ(of.line(), "ready");  // it has a session of its own by then
    ::kill(-of.pid(), SIGKILL);
    EXPECT_EQ(survivors(of, pids), std::vector<int>{pids[1]});
}

TEST_F(RunnerControl, SigtermAloneLeavesWhatIgnoresIt) {
    naive_command heeds(sh("echo ready; exec sleep 1000"));
    EXPECT_EQ(heeds.line(), "ready");
    ::kill(heeds.pid(), SIGTERM);
    EXPECT_TRUE(WIFSIGNALED(heeds.wait()));
    naive_command ignores(sh("trap '' TERM; echo ready; exec sleep 1000"));
    EXPECT_EQ(ignores.line(), "ready");
    ::kill(ignores.pid(), SIGTERM);  // what is ignored is dropped within this call
    EXPECT_TRUE(is_alive(ignores.pid()));
}

TEST_F(RunnerControl, AChildHoldsThePipeOfACommandThatHasEnded) {
    naive_command of(sh("sleep 1000 & echo pid $!; exit 0"));
    const auto pids = of.pids(1);
    EXPECT_EQ(survivors(of, pids), pids);
    EXPECT_FALSE(of.output_has_ended());  // who reads to the end waits as long as the child lives
}

TEST_F(RunnerControl, TheEndOfThePipeIsNotTheEndOfTheCommand) {
    naive_command of(sh("exec >&-; exec sleep 1000"));
    EXPECT_EQ(of.rest(), "");
    EXPECT_TRUE(is_alive(of.pid()));
}

TEST_F(RunnerControl, WhoWaitsForTheCommandAloneKeepsItsZombies) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    naive_command of({"/usr/bin/python3", "-c", leave_zombies});
    EXPECT_EQ(of.line(), "1");
    of.wait();
    EXPECT_EQ(zombies_below_us(), 20U);
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    commands.reset();  // its nursery is a child, too
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    EXPECT_EQ(zombies_below_us(), 0U);
}

TEST_F(RunnerControl, KillingTheCommandLeavesABomb) {
    const std::string mark = "bomb-" + std::to_string(::getpid());
    naive_command of({"/usr/bin/python3", "-c", fork_bomb, mark});
    of.pids(1);
    EXPECT_EQ(of.line(), "ready");
    ::kill(of.pid(), SIGKILL);
    of.wait();
    EXPECT_FALSE(marked_with(mark).empty());
    // They fork still: stopped first, so that none is born while they are killed.
    for (auto all = marked_with(mark); !all.empty(); all = marked_with(mark)) {
        for (const int pid : all) ::kill(pid, SIGSTOP);
        if (marked_with(mark) == all) clean_up(all);
    }
}

TEST_F(RunnerControl, AParentThatIsKilledLeavesItsChild) {
    naive_command of(sh("sleep 1000 & echo pid $!; wait"));
    const auto pids = of.pids(1);
    ::kill(of.pid(), SIGKILL);
    EXPECT_EQ(survivors(of, pids), pids);
}

TEST_F(RunnerControl, KeepingAllOutputGrows) {
    const auto before = resident_bytes();
    naive_command of(sh("head -c 67108864 /dev/zero | tr '\\0' y"));
    const auto all = of.rest();
    EXPECT_EQ(all.size(), std::size_t{64} << 20);
    EXPECT_GT(resident_bytes(), before + output_growth_max);
}

TEST_F(RunnerControl, KillingTheCommandLeavesWhatTalks) {
    naive_command of(sh("yes >/dev/null & echo pid $!; wait"));
    const auto pids = of.pids(1);
    ::kill(of.pid(), SIGKILL);
    EXPECT_EQ(survivors(of, pids), pids);
}

TEST_F(RunnerControl, ADescriptorOfOursIsInherited) {
    const int ours = ::dup(STDERR_FILENO);  // without FD_CLOEXEC
    naive_command of({"/usr/bin/python3", "-c", list_descriptors});
    EXPECT_NE(of.line().find(", " + std::to_string(ours)), std::string::npos);
    ::close(ours);
}

TEST_F(RunnerControl, OurEnvironmentIsInherited) {
    ::setenv("SLUICE_TOKEN", "secret-of-the-server", 1);
    naive_command of(sh("env"));
    const auto seen = of.rest();
    ::unsetenv("SLUICE_TOKEN");
    EXPECT_NE(seen.find("SLUICE_TOKEN=secret-of-the-server"), std::string::npos);
}

TEST_F(RunnerControl, NewPrivilegesAreOpen) {
    if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0) GTEST_SKIP() << "they are closed to us";
    naive_command of(sh("grep NoNewPrivs /proc/self/status; umask"));
    EXPECT_EQ(of.line(), "NoNewPrivs:\t0");
    EXPECT_NE(of.line(), "0077");
}

TEST_F(RunnerControl, FilesStayWhereTheyWereMade) {
    const auto file = directory / "file";
    naive_command of(sh("cd " + directory.string() + "; echo x > file"));
    of.wait();
    EXPECT_TRUE(std::filesystem::remove(file));
}

}  // namespace
}  // namespace sluice::process::test
