#include "client/cli/bench/bench_options.hpp"

#include "client/cli/command_line.hpp"
#include "client/cli/help.hpp"
#include "proto/json_text.hpp"

#include <gtest/gtest.h>

namespace sluice::cli::bench {
namespace {

using namespace std::chrono_literals;

TEST(BenchOptions, ReadHandlers) {
    EXPECT_EQ(parse_handler("noop")->kind, handler_kind::noop);
    EXPECT_EQ(parse_handler("square")->kind, handler_kind::square);
    EXPECT_EQ(parse_handler("sleep:5ms")->pause, 5ms);
    EXPECT_EQ(parse_handler("remote")->pause, 0ms);
    EXPECT_EQ(parse_handler("remote:2ms")->pause, 2ms);
    for (const auto* text : {"", "sleep", "sleep:", "sleep:5", "noop:5ms", "square:1s", "echo"}) {
        EXPECT_FALSE(parse_handler(text).has_value()) << text;
    }
}

TEST(BenchOptions, ReadSizes) {
    EXPECT_EQ(parse_size("0"), 0U);
    EXPECT_EQ(parse_size("128"), 128U);
    EXPECT_EQ(parse_size("128B"), 128U);
    EXPECT_EQ(parse_size("4k"), 4000U);
    EXPECT_EQ(parse_size("4KiB"), 4096U);
    EXPECT_EQ(parse_size("1MiB"), 1024U * 1024);
    for (const auto* text : {"", "-1", "B", "2MiB", "1.5k", "10GB", "99999999999999999999"}) {
        EXPECT_FALSE(parse_size(text).has_value()) << text;
    }
}

TEST(BenchOptions, FillTheArgumentsUpToTheSize) {
    for (const auto* handler : {"noop", "sleep:2.5ms", "square", "remote"}) {
        bench_options options;
        options.handler = *parse_handler(handler);
        EXPECT_FALSE(check_json(args_of(options), 8).has_value()) << args_of(options);
        const auto least = args_of(options).size();
        for (const std::size_t size : {0U, 1U, 9U, 128U, 4096U}) {
            options.args_bytes = size;
            const auto args = args_of(options);
            EXPECT_FALSE(check_json(args, 8).has_value()) << args;
            EXPECT_EQ(json_root(args).kind, json_kind::array);
            if (size >= 128) {
                EXPECT_EQ(args.size(), size);
            } else {
                EXPECT_GE(args.size(), least);
            }
        }
    }
    bench_options options;
    options.handler = *parse_handler("sleep:2.5ms");
    EXPECT_EQ(args_of(options), "[2.5]");
}

exit_code read(std::vector<std::string> arguments) {
    command_line line;
    arguments.insert(arguments.begin(), "bench");
    testing::internal::CaptureStderr();
    const auto code = line.read(std::move(arguments));
    testing::internal::GetCapturedStderr();
    return code;
}

TEST(BenchOptions, OfTheLineAreChecked) {
    EXPECT_EQ(read({}), exit_code::ok);
    EXPECT_EQ(read({"--rate", "2k", "--slo", "p99<10ms,waiting.p50<1ms", "--slo", "max<1s"}),
              exit_code::ok);
    EXPECT_EQ(read({"--rates", "1k,2k,5k", "--plot", "a.svg"}), exit_code::ok);
    EXPECT_EQ(read({"--find-max", "--rate", "500", "--slo", "p99<10ms"}), exit_code::ok);
    EXPECT_EQ(read({"--closed", "--connections", "8", "--batch", "100"}), exit_code::ok);
    const std::vector<std::vector<std::string>> bad{
        {"--find-max"},
        {"--find-max", "--rates", "1,2", "--slo", "p99<1s"},
        {"--closed", "--rate", "5"},
        {"--closed", "--poisson"},
        {"--rate", "5", "--rates", "5,6"},
        {"--rates", "5,,6"},
        {"--rates", ""},
        {"--rate", "0"},
        {"--slo", "p99"},
        {"--slo", "p99<10ms,bad"},
        {"--hdr", "a", "--rates", "1,2"},
        {"--batch", "0"},
        {"--batch", "1001"},
        {"--connections", "0"},
        {"--duration", "0"},
        {"--handler", "echo"},
        {"--size", "1GB"},
        {"--durability", "paper"},
        {"--workers", "0"}};
    for (const auto& arguments : bad) {
        EXPECT_EQ(read(arguments), exit_code::usage) << testing::PrintToString(arguments);
    }
}

TEST(BenchOptions, AreExplainedByHelp) {
    const command_line line;
    const auto text = render_help(*line.root.get_subcommand("bench"));
    for (const auto* part :
         {"--rate R", "--rates A,B,C", "--find-max", "--closed", "--poisson", "--connections N",
          "--batch N", "--size BYTES", "--handler WHAT", "--workers N", "--durability CLASS",
          "--duration TIME", "--warmup TIME", "--slo SLO", "--hdr FILE", "--plot FILE"}) {
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    }
}

}  // namespace
}  // namespace sluice::cli::bench
