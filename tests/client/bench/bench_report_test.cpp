#include "client/cli/bench/bench_report.hpp"

#include "tests/client/holds.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>

namespace sluice::cli::bench {
namespace {

using namespace std::chrono_literals;
using json = nlohmann::json;

step_result step_at(double rate, nanoseconds latency) {
    step_result step;
    step.rate = rate;
    step.slice = 100ms;
    step.over_time.resize(5);
    auto& run = step.run;
    run.queue = "bench-1";
    run.measures_overall = true;
    run.created = run.completed = 1000;
    run.elapsed = 10s;
    run.producers = 3;
    for (int i = 1; i <= 1000; ++i) {
        run.enqueue.record(latency / 4);
        run.waiting.record(latency * i / 1000);
        run.running.record(10us);
        run.total.record(latency * i / 1000 + 10us);
        run.overall.record(latency * i / 1000 + latency / 4);
        run.lag.record(60us);
        step.generator_lag.record(60us);
        step.over_time[static_cast<std::size_t>(i) % 5].record(latency * i / 1000);
    }
    return step;
}

bench_report report_of(std::vector<step_result> steps, const std::vector<std::string>& slo = {}) {
    bench_report report;
    report.url = "http://127.0.0.1:8080";
    report.server_version = "0.1.0";
    report.store = "sqlite";
    report.queue = "bench-1";
    report.options.rates.clear();
    for (const auto& text : slo) report.options.objectives.push_back(*parse_objective(text));
    for (auto& step : steps) {
        report.options.rates.push_back(step.rate.value_or(1000));
        judge(step, report.options.objectives);
        if (step.met()) report.best = std::max(report.best.value_or(0), step.rate.value_or(0));
        report.steps.push_back(std::move(step));
    }
    return report;
}

bench_report sweep() {
    return report_of({step_at(2000, 1ms), step_at(5000, 2ms), step_at(100'000, 1234ms)},
                     {"p99<10ms"});
}

terminal plain_terminal(std::size_t width, bool utf8 = true) {
    terminal term;
    term.width = width;
    term.utf8 = utf8;
    return term;
}

void expect_fits(const std::string& text, std::size_t width) {
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);) EXPECT_LE(columns_of(line), width) << line;
}

TEST(BenchReport, FitsEightyColumns) {
    auto report = sweep();
    report.steps[2].unsent = 1'234'567;
    for (const bool utf8 : {true, false}) {
        const auto term = plain_terminal(80, utf8);
        expect_fits(render_header(report, term) + render_report(report, term) +
                        render_warnings(report, term),
                    80);
        const auto one = report_of({step_at(2000, 1ms)}, {"p99<10ms", "enqueue.max<1us"});
        expect_fits(render_header(one, term) + render_report(one, term), 80);
    }
}

TEST(BenchReport, GivesALineToEachRateAndNamesTheHighestThatMet) {
    const auto text = render_report(sweep(), plain_terminal(100));
    EXPECT_TRUE(holds(text, "100,000")) << text;
    EXPECT_TRUE(holds(text, "MISSED"));
    EXPECT_TRUE(holds(text, "Highest rate that met p99<10ms: 5,000/s."));
    EXPECT_FALSE(sweep().objectives_met());
}

TEST(BenchReport, OfOneRateShowsItsPhasesAndItsObjectives) {
    const auto report = report_of({step_at(2000, 1ms)}, {"p99<10ms", "enqueue.max<1us"});
    const auto text = render_report(report, plain_terminal(100));
    for (const auto* part : {"enqueue", "waiting", "running", "total", "overall",
                             "ok      p99<10ms", "MISSED  enqueue.max<1us"}) {
        EXPECT_TRUE(holds(text, part)) << part << text;
    }
}

TEST(BenchReport, OfASearchIsMetWhenOneRateIs) {
    auto report = sweep();
    report.options.find_max = true;
    EXPECT_TRUE(report.objectives_met());
    report.best.reset();
    EXPECT_FALSE(report.objectives_met());
    EXPECT_TRUE(holds(render_report(report, plain_terminal(80)), "No rate met p99<10ms."));
}

TEST(BenchReport, CallsARateMissedThatWasNotSent) {
    auto step = step_at(100'000, 1ms);
    step.sent_share = 0.3;
    auto report = report_of({step}, {"waiting.p99<10ms"});
    EXPECT_TRUE(report.steps[0].objectives[0].met);
    EXPECT_FALSE(report.objectives_met());
    EXPECT_TRUE(holds(render_report(report, plain_terminal(80)), "MISSED  the rate  (30 %"));
    EXPECT_FALSE(holds(render_report(report_of({step_at(1, 1ms)}, {"p99<1s"}), plain_terminal(80)),
                       "the rate"));
}

TEST(BenchReport, SaysWhenASearchEndedAtItsOwnLimit) {
    auto late = step_at(10'000, 100ms);
    for (int i = 0; i < 100; ++i) late.generator_lag.record(2ms);
    auto report = report_of({step_at(5000, 1ms), late}, {"p99<10ms"});
    report.options.find_max = true;
    EXPECT_TRUE(holds(render_report(report, plain_terminal(200)), "the server may well do more"));
    report.steps[1] = step_at(10'000, 100ms);
    judge(report.steps[1], report.options.objectives);
    EXPECT_FALSE(holds(render_report(report, plain_terminal(200)), "the server may well do more"));
}

TEST(BenchReport, TellsASlowGeneratorFromASlowServer) {
    const auto term = plain_terminal(200);
    EXPECT_EQ(render_warnings(report_of({step_at(2000, 1ms)}), term), "");
    auto slow_server = step_at(2000, 1ms);
    for (int i = 0; i < 100; ++i) slow_server.run.lag.record(500ms);
    slow_server.blocked = 100;
    EXPECT_TRUE(holds(render_warnings(report_of({slow_server}), term), "100 requests found all"));
    auto slow_here = slow_server;
    for (int i = 0; i < 100; ++i) slow_here.generator_lag.record(2ms);
    EXPECT_TRUE(holds(render_warnings(report_of({slow_here}), term), "too slow for the rate"));
}

TEST(BenchReport, WarnsOfWhatIsMissing) {
    auto step = step_at(2000, 1ms);
    step.errors = 2;
    step.unsent = 3;
    step.run.created += 4;
    step.run.refusals = 5;
    const auto text = render_warnings(report_of({step}), plain_terminal(200));
    for (const auto* part : {"2 jobs could not be created", "3 jobs could not be sent",
                             "4 jobs had not ended", "\"not now\" 5 times"}) {
        EXPECT_TRUE(holds(text, part)) << part << text;
    }
    auto closed = report_of({step_at(2000, 1ms)});
    closed.options.closed = true;
    EXPECT_TRUE(holds(render_warnings(closed, plain_terminal(200)), "hide stalls"));
}

TEST(BenchReport, AsJsonKeepsItsSchema) {
    const auto report = json::parse(encode_report(sweep()));
    EXPECT_EQ(report.at("schema"), "sluice.bench/1");
    EXPECT_EQ(report.at("params").at("loop"), "open");
    EXPECT_EQ(report.at("params").at("rates").size(), 3U);
    EXPECT_EQ(report.at("server").at("store"), "sqlite");
    EXPECT_EQ(report.at("slo_met"), false);
    EXPECT_EQ(report.at("highest_rate"), 5000);
    ASSERT_EQ(report.at("steps").size(), 3U);
    const auto& step = report.at("steps")[0];
    EXPECT_EQ(step.at("offered_rate"), 2000);
    EXPECT_EQ(step.at("rate"), 100);
    EXPECT_EQ(step.at("counts").at("completed"), 1000);
    for (const auto* phase : {"enqueue", "waiting", "running", "total", "overall"}) {
        const auto& values = step.at("latency_us").at(phase);
        EXPECT_EQ(values.at("count"), 1000) << phase;
        for (const auto* figure : {"min", "p50", "p90", "p99", "p99_9", "max", "mean"}) {
            EXPECT_TRUE(values.at(figure).is_number()) << phase << figure;
        }
        EXPECT_FALSE(values.at("histogram").empty());
    }
    EXPECT_EQ(step.at("sent_share"), 1);
    EXPECT_EQ(step.at("lag_us").at("max"), 60);
    EXPECT_EQ(step.at("generator_too_slow"), false);
    const auto& slo = step.at("slo").at(0);
    EXPECT_EQ(slo.at("objective"), "p99<10ms");
    EXPECT_EQ(slo.at("phase"), "overall");
    EXPECT_EQ(slo.at("limit_us"), 10'000);
    EXPECT_EQ(slo.at("met"), true);
    EXPECT_EQ(step.at("overall_us_over_time").size(), 5U);
}

TEST(BenchReport, AsJsonSaysWhatThereIsNot) {
    auto step = step_at(1, 1ms);
    step.rate.reset();
    step.run.lag = {};
    auto closed = report_of({step});
    closed.options.closed = true;
    const auto report = json::parse(encode_report(closed));
    EXPECT_EQ(report.at("params").at("loop"), "closed");
    EXPECT_TRUE(report.at("slo_met").is_null());
    EXPECT_TRUE(report.at("steps")[0].at("offered_rate").is_null());
    EXPECT_FALSE(report.at("steps")[0].contains("lag_us"));
}

TEST(BenchReport, GivesProgramsALineARate) {
    const auto text = render_plain_report(sweep());
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\t'), 36);
    EXPECT_TRUE(text.starts_with("2000\t100.0\t250.0\t")) << text;
}

TEST(BenchReport, IsDrawnAgainstTheRateOrOverTime) {
    const auto by_rate = draw_report(sweep());
    EXPECT_TRUE(holds(by_rate, "rate offered (jobs/s)"));
    EXPECT_TRUE(holds(by_rate, ">p99.9<"));
    EXPECT_TRUE(holds(by_rate, "p99&lt;10ms"));
    const auto over_time = draw_report(report_of({step_at(2000, 1ms)}, {"waiting.p99<10ms"}));
    EXPECT_TRUE(holds(over_time, "after the start (s)"));
    EXPECT_TRUE(holds(over_time, ">max<"));
    EXPECT_FALSE(holds(over_time, "p99&lt;10ms")) << "it is about another phase";
}

}  // namespace
}  // namespace sluice::cli::bench
