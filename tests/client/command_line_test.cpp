#include "client/cli/command_line.hpp"

#include "client/messages.hpp"
#include "tests/client/holds.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;

struct outcome {
    exit_code code;
    bool chosen;
    global_options globals;
    std::string said;  ///< on stderr
    std::string data;  ///< on stdout
};

outcome read(std::vector<std::string> arguments) {
    command_line line;
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    const auto code = line.read(std::move(arguments));
    auto data = testing::internal::GetCapturedStdout();
    auto said = testing::internal::GetCapturedStderr();
    return {code, line.chosen != nullptr, line.globals, std::move(said), std::move(data)};
}

TEST(CommandLine, TakesGlobalOptionsBeforeAndAfterTheCommand) {
    for (const auto& arguments : {std::vector<std::string>{"-u", "http://a:1", "-o", "jsonl",
                                                           "--timeout", "5s", "job", "get", "x"},
                                  std::vector<std::string>{"job", "get", "x", "--timeout=5s", "-u",
                                                           "http://a:1", "-o", "jsonl"}}) {
        const auto r = read(arguments);
        EXPECT_EQ(r.code, exit_code::ok) << r.said;
        EXPECT_TRUE(r.chosen);
        EXPECT_EQ(r.globals.url, "http://a:1");
        EXPECT_EQ(r.globals.output, output_format::jsonl);
        EXPECT_EQ(r.globals.timeout, 5s);
    }
}

TEST(CommandLine, PrefersTheOptionToTheEnvironment) {
    setenv("SLUICE_URL", "http://env:1", 1);
    EXPECT_EQ(read({"health"}).globals.url, "http://env:1");
    EXPECT_EQ(read({"health", "-u", "http://flag:1"}).globals.url, "http://flag:1");
    unsetenv("SLUICE_URL");
    EXPECT_EQ(read({"health"}).globals.url, "http://127.0.0.1:8080");
}

TEST(CommandLine, LeavesWhatFollowsTwoDashesToTheCommandOfAWorker) {
    const std::vector<std::string> command{"--", "sh", "-c", "exit 0", "--verbose"};
    for (std::vector<std::string> arguments : {std::vector<std::string>{"work", "-q", "a"},
                                               {"work", "-q", "a", "-q", "b", "-t", "t"},
                                               {"work", "-c", "2"},
                                               {"work"}}) {
        arguments.insert(arguments.end(), command.begin(), command.end());
        const auto r = read(arguments);
        EXPECT_EQ(r.code, exit_code::ok) << r.said;
        EXPECT_TRUE(r.chosen);
    }
}

TEST(CommandLine, UnderstandsEveryOptionOfProduce) {
    const auto r = read({"produce",
                         "-q",
                         "mail",
                         "-t",
                         "sluice.square",
                         "-n",
                         "20k",
                         "--rate",
                         "5k",
                         "--producers",
                         "8",
                         "--args",
                         "[7,1]",
                         "--seed",
                         "3",
                         "--fairness-key",
                         "tenant-7",
                         "--fairness-weight",
                         "2",
                         "--cost",
                         "1000",
                         "--wait-timeout",
                         "5m",
                         "--in-process-baseline=only",
                         "--time-scale",
                         "0.1",
                         "--label",
                         "x",
                         "--json"});
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    EXPECT_TRUE(r.chosen);
    EXPECT_EQ(
        read({"produce", "--interval", "0.5s..1.5s", "--pause", "0.25s..0.75s", "--no-wait"}).code,
        exit_code::ok);
    EXPECT_EQ(read({"produce", "--in-process-baseline", "--no-progress"}).code, exit_code::ok);
}

TEST(CommandLine, EndsWithTwoForEveryMistake) {
    const std::vector<std::vector<std::string>> mistakes{
        {},
        {"job"},
        {"produec"},
        {"job", "gte", "x"},
        {"job", "get"},
        {"job", "get", "x", "--nonsense"},
        {"job", "list", "extra"},
        {"job", "list", "--state", "asleep"},
        {"job", "list", "--limit", "0"},
        {"produce", "--interval", "3"},
        {"produce", "--interval", "3s..1s"},
        {"produce", "--interval", "1s", "--rate", "5"},
        {"produce", "--rate", "0"},
        {"produce", "-n"},
        {"produce", "-n", "-5"},
        {"produce", "--producers", "0"},
        {"produce", "--args", "{"},
        {"produce", "--args", "@/nonexistent"},
        {"produce", "--time-scale", "0.5"},
        {"produce", "--fairness-key", "a", "--fairness-weight", "0"},
        {"produce", "--fairness-key", "a", "--cost", "1001"},
        {"produce", "--cost", "2"},
        {"produce", "--in-process-baseline", "-t", "other"},
        {"produce", "--in-process-baseline", "-n", "0"},
        {"produce", "--in-process-baseline=never"},
        {"health", "-o", "yaml"},
        {"health", "--color", "sometimes"},
        {"health", "--timeout", "0"},
        {"health", "--token", "secret"},
        {"queue", "pause"},
        {"queue", "pause", "a", "b"},
        {"cron"},
        {"cron", "list", "--enabled", "--disabled"},
        {"cron", "show"},
        {"cron", "add", "report", "-t", "t"},
        {"cron", "add", "report", "@daily"},
        {"cron", "add", "report", "@daily", "-t", "t", "--overlap", "both"},
        {"cron", "add", "report", "@daily", "-t", "t", "--catch-up", "some"},
        {"cron", "add", "report", "@daily", "-t", "t", "--args", "{"},
        {"cron", "preview", "report", "-n", "0"},
        {"cron", "preview", "report", "-n", "1001"},
        {"version", "--json=maybe"},
        {"help", "nonsense"},
    };
    for (const auto& arguments : mistakes) {
        const auto r = read(arguments);
        std::string all;
        for (const auto& each : arguments) all += each + " ";
        EXPECT_EQ(r.code, exit_code::usage) << all;
        EXPECT_TRUE(holds(r.said, "error: ")) << all;
        EXPECT_TRUE(holds(r.said, "See: sluice")) << all << r.said;
        EXPECT_EQ(r.data, "") << all;
    }
}

TEST(CommandLine, GuessesWhatWasMeant) {
    EXPECT_TRUE(holds(read({"produec"}).said, "Did you mean sluice produce?"));
    EXPECT_TRUE(holds(read({"job", "cancle", "x"}).said, "Did you mean sluice job cancel?"));
    EXPECT_TRUE(holds(read({"produce", "--intervall", "1s"}).said, "Did you mean --interval?"));
    EXPECT_TRUE(holds(read({"produce", "--intervall=1s"}).said, "Did you mean --interval?"));
    EXPECT_TRUE(holds(read({"job", "get", "x", "--jsno"}).said, "Did you mean --json?"));
    EXPECT_FALSE(holds(read({"frobnicate"}).said, "Did you mean"));
}

TEST(CommandLine, TakesAQueueThatIsNamedLikeACommand) {
    for (const auto* name : {"job", "health", "queue", "list", "stats"}) {
        const auto r = read({"queue", "stats", name});
        EXPECT_EQ(r.code, exit_code::ok) << name << r.said;
        EXPECT_TRUE(r.chosen);
    }
    EXPECT_EQ(read({"produce", "-q", "job"}).code, exit_code::ok);
}

TEST(CommandLine, TakesACronJobThatIsNamedLikeACommand) {
    for (const auto* name : {"cron", "list", "add", "queue"}) {
        EXPECT_EQ(read({"cron", "show", name}).code, exit_code::ok) << name;
        const auto r = read({"cron", "add", name, "* * * * *", "-t", "t"});
        EXPECT_EQ(r.code, exit_code::ok) << name << r.said;
        EXPECT_TRUE(r.chosen);
    }
}

TEST(CommandLine, UnderstandsEveryOptionOfCronAdd) {
    const auto r = read({"cron", "add", "report", "0 9 * * MON-FRI", "-t", "report.daily", "--args",
                         "[1]", "-q", "reports", "--timezone", "Europe/Berlin", "--overlap",
                         "enqueue", "--catch-up", "all", "--disabled", "--description", "x"});
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    EXPECT_TRUE(r.chosen);
}

TEST(CommandLine, TakesTheOptionsOfTop) {
    const auto r = read({"top", "--sort", "backlog", "--interval", "2s", "-q", "mail*", "--queue",
                         "bulk", "--once", "--json"});
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    EXPECT_TRUE(r.chosen);
    for (const auto& wrong : {std::vector<std::string>{"--sort", "age"},
                              {"--interval", "50ms"},
                              {"--interval", "soon"},
                              {"--queue", ""}}) {
        std::vector<std::string> line{"top"};
        line.insert(line.end(), wrong.begin(), wrong.end());
        const auto refused = read(line);
        EXPECT_EQ(refused.code, exit_code::usage) << wrong[0] << " " << wrong[1];
        EXPECT_TRUE(holds(refused.said, wrong[0])) << refused.said;
        EXPECT_TRUE(holds(refused.said, "See: sluice top --help")) << refused.said;
    }
}

TEST(CommandLine, PrintsHelpAsData) {
    const auto asked = read({"job", "get", "--help"});
    EXPECT_EQ(asked.code, exit_code::ok);
    EXPECT_FALSE(asked.chosen);
    EXPECT_EQ(asked.said, "");
    EXPECT_TRUE(holds(asked.data, "Usage: sluice job get"));
    EXPECT_EQ(read({"help", "job", "get"}).data, asked.data);
    EXPECT_TRUE(holds(read({"help"}).data, "Commands:"));
    EXPECT_TRUE(holds(read({"help", "exit-codes"}).data, "124"));
}

TEST(Prepare, ReadsTheTokenFromItsFileOrTheEnvironmentAndNowhereElse) {
    const std::string path = testing::TempDir() + "token";
    std::ofstream{path} << "  from-file\n";
    setenv("SLUICE_TOKEN", "from-env", 1);
    context ctx;
    EXPECT_FALSE(prepare(ctx).has_value());
    EXPECT_EQ(ctx.server.token, "from-env");
    ctx.options.token_file = path;
    EXPECT_FALSE(prepare(ctx).has_value());
    EXPECT_EQ(ctx.server.token, "from-file");
    unsetenv("SLUICE_TOKEN");

    std::ofstream{path} << "two\nlines";
    EXPECT_TRUE(prepare(ctx).has_value()) << "would split the header";
    std::ofstream{path} << "\n";
    EXPECT_TRUE(prepare(ctx).has_value());
    ctx.options.token_file = "/nonexistent";
    const auto wrong = prepare(ctx);
    ASSERT_TRUE(wrong.has_value());
    EXPECT_TRUE(holds(wrong->text, "/nonexistent"));
}

TEST(Prepare, RefusesAUrlThatIsNone) {
    context ctx;
    ctx.options.url = "localhost:8080";
    const auto wrong = prepare(ctx);
    ASSERT_TRUE(wrong.has_value());
    EXPECT_TRUE(holds(wrong->text, "localhost:8080"));
}

TEST(NextStep, IsNamedForEveryKindOfFailure) {
    using client::failure_kind;
    for (const auto kind : {failure_kind::unreachable, failure_kind::lost, failure_kind::timed_out,
                            failure_kind::bad_answer}) {
        client::failure f;
        f.kind = kind;
        EXPECT_NE(next_step(f, false, ""), "");
    }
    for (const int status : {400, 401, 403, 404, 409, 413, 422, 429, 500, 503, 507}) {
        const auto f = client::read_error(status, "");
        EXPECT_NE(next_step(f, true, "job x"), "") << status;
    }
    EXPECT_NE(next_step(client::read_error(401, ""), true, ""),
              next_step(client::read_error(401, ""), false, ""));
}

}  // namespace
}  // namespace sluice::cli
