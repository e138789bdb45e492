#include "process_fixture.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace sluice::process::test {
namespace {

using RunnerContract = process_fixture;

TEST_F(RunnerContract, MapsExitCodes) {
    EXPECT_EQ(run(shell("exit 0")).how, verdict::completed);
    EXPECT_EQ(run(shell("exit 75")).how, verdict::retry);
    EXPECT_EQ(run(shell("exit 65")).how, verdict::dead_letter);
    const auto failed = run(shell("echo went wrong >&2; exit 3"));
    EXPECT_EQ(failed.how, verdict::failed);
    EXPECT_EQ(failed.exit_code, 3);
    EXPECT_EQ(failed.reason, "exit code 3: went wrong");
}

TEST_F(RunnerContract, NamesTheSignalThatEndedACommand) {
    const auto killed = run(shell("kill -SEGV $$"));
    EXPECT_EQ(killed.how, verdict::failed);
    EXPECT_EQ(killed.signal, "SIGSEGV");
    EXPECT_EQ(killed.reason, "killed by SIGSEGV");
}

TEST_F(RunnerContract, SaysWhyACommandCouldNotBeStarted) {
    command what;
    what.argv = {"/nonexistent/program"};
    const auto none = run(what);
    EXPECT_EQ(none.how, verdict::failed);
    EXPECT_FALSE(none.started);
    EXPECT_NE(none.reason.find("could not be executed: No such file"), std::string::npos)
        << none.reason;
    what.argv = {"true"};
    EXPECT_NE(run(what).reason.find("not absolute"), std::string::npos);
    EXPECT_EQ(run(shell("exit 0")).how, verdict::completed);
}

TEST_F(RunnerContract, GivesTheJobOnStandardInputUpToItsEnd) {
    EXPECT_EQ(run(shell("cat"), R"({"id":"a b"})").result, R"({"id":"a b"})");
    const std::string large = "\"" + std::string(std::size_t{1} << 20, 'x') + "\"";
    EXPECT_EQ(run(shell("wc -c"), large).result, std::to_string(large.size()));
}

TEST_F(RunnerContract, ACommandNeedNotReadItsInput) {
    const std::string large = "\"" + std::string(std::size_t{1} << 20, 'x') + "\"";
    EXPECT_EQ(run(shell("exec 0<&-; echo 1"), large).result, "1");
    EXPECT_EQ(run(shell("echo 2"), large).result, "2");
}

TEST_F(RunnerContract, OpensFourDescriptorsAndNoOther) {
    const int ours = ::dup(STDERR_FILENO);  // without FD_CLOEXEC
    const auto seen = run(python(list_descriptors));
    ::close(ours);
    EXPECT_EQ(seen.result, "[0, 1, 2, 3]");
}

TEST_F(RunnerContract, PassesNothingOfOurEnvironment) {
    ::setenv("SLUICE_TOKEN", "secret-of-the-server", 1);
    auto what = shell("env | sort; tr '\\0' '\\n' < /proc/$PPID/environ");
    what.environment = {"SLUICE_JOB_ID=7"};
    const auto seen = run(std::move(what));
    ::unsetenv("SLUICE_TOKEN");
    const auto& lines = logged[log_stream::stdout_];
    for (const auto& line : lines) {
        const auto name = line.substr(0, line.find('='));
        EXPECT_TRUE(name == "HOME" || name == "LANG" || name == "PATH" || name == "PWD" ||
                    name == "SLUICE_JOB_ID" || name == "TMPDIR")
            << line;
    }
    EXPECT_EQ(std::count(lines.begin(), lines.end(), "PATH=/usr/local/bin:/usr/bin:/bin"), 1);
    EXPECT_EQ(std::count(lines.begin(), lines.end(), "SLUICE_JOB_ID=7"), 1);
}

TEST_F(RunnerContract, RunsInAnEmptyDirectoryThatIsRemoved) {
    const auto seen = run(shell("ls -A | wc -l; stat -c %a .; mkdir -p a/b; echo x > a/b/c; pwd"));
    const auto& lines = logged[log_stream::stdout_];
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[0], "0");
    EXPECT_EQ(lines[1], "700");
    EXPECT_TRUE(lines[2].starts_with(directory.string()));
    EXPECT_FALSE(std::filesystem::exists(lines[2]));
}

TEST_F(RunnerContract, GivesADirectoryOnAgainOnlyIfItIsAsItWasMade) {
    const auto where = [this] { return run(shell("pwd")).result; };
    const auto first = where();
    EXPECT_EQ(where(), first);
    run(shell("chmod 755 ."));
    EXPECT_NE(where(), first);
    const auto second = where();
    run(shell("touch .left"));
    EXPECT_NE(where(), second);
}

TEST_F(RunnerContract, LeadsASessionWithoutNewPrivilegesOrBlockedSignals) {
    const auto seen =
        run(shell("grep -E '^(NoNewPrivs|SigBlk)' /proc/self/status; umask; "
                  "[ \"$(cut -d' ' -f6 /proc/$$/stat)\" = $$ ] && echo leader"));
    EXPECT_EQ(logged[log_stream::stdout_],
              (std::vector<std::string>{"SigBlk:\t0000000000000000", "NoNewPrivs:\t1", "0077",
                                        "leader"}));
}

TEST_F(RunnerContract, HoldsACommandToItsLimits) {
    auto what = shell("ulimit -n; ulimit -c; head -c 2000 /dev/zero > file || echo too large");
    what.limits.open_files = 64;
    what.limits.file_bytes = 1000;
    run(std::move(what));
    EXPECT_EQ(logged[log_stream::stdout_], (std::vector<std::string>{"64", "0", "too large"}));
    logged.clear();
    run(shell("ulimit -n; ulimit -c; head -c 2000 /dev/zero > file || echo too large"));
    EXPECT_EQ(logged[log_stream::stdout_], (std::vector<std::string>{"1024", "0"}));  // control
}

TEST_F(RunnerContract, TakesAnotherAccountWhenRootGivesIt) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto what = shell("id -u; id -g; id -G; touch file && echo can write");
    what.uid = 65534;
    what.gid = 65534;
    run(std::move(what));
    EXPECT_EQ(logged[log_stream::stdout_],
              (std::vector<std::string>{"65534", "65534", "65534", "can write"}));
}

TEST_F(RunnerContract, TakesProgressLogAndResultFromDescriptorThree) {
    const auto seen = run(shell(R"(echo '{"progress":0.25,"message":"a quarter"}' >&3
        echo '{"log":"said on three"}' >&3
        echo 'plain output'
        echo '{"progress":7}' >&3
        echo '{"result":{"n":18446744073709551616}}' >&3)"));
    EXPECT_EQ(seen.how, verdict::completed);
    EXPECT_EQ(seen.result, R"({"n":18446744073709551616})");
    ASSERT_EQ(progress.size(), 2U);
    EXPECT_EQ(progress[0], (std::pair<double, std::string>{0.25, "a quarter"}));
    EXPECT_EQ(progress[1].first, 1.0);
    EXPECT_EQ(logged[log_stream::log], std::vector<std::string>{"said on three"});
    EXPECT_EQ(logged[log_stream::stdout_], std::vector<std::string>{"plain output"});
}

TEST_F(RunnerContract, LogsWhatIsNoReportAndCarriesOn) {
    const auto seen = run(shell(R"(echo 'no json' >&3; echo '[1]' >&3; echo '{"other":1}' >&3
        head -c 2000000 /dev/zero >&3; echo >&3
        printf '{"result":1}' >&3)"));
    EXPECT_EQ(seen.result, "1");
    EXPECT_EQ(logged[log_stream::log].size(), 4U);
}

TEST_F(RunnerContract, MakesAResultOfTheOutputWhenNoneIsReported) {
    EXPECT_EQ(run(shell("echo '{\"a\": 1}'")).result, R"({"a": 1})");
    EXPECT_EQ(run(shell("echo somebody")).result, R"("somebody")");
    EXPECT_EQ(run(shell("true")).result, "null");
}

}  // namespace
}  // namespace sluice::process::test
