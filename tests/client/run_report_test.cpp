#include "client/cli/run_report.hpp"

#include "tests/client/holds.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;

terminal plain_terminal(std::size_t width, bool utf8 = true) {
    terminal term;
    term.width = width;
    term.utf8 = utf8;
    return term;
}

run_report sample() {
    run_report run;
    run.label = "1 producer";
    run.queue = "default";
    run.type = "image.resize";
    run.url = "http://127.0.0.1:8080";
    run.store = "sqlite";
    run.wanted = 2000;
    run.rate = 5000;
    run.producers = 20;
    run.args_bytes = 9;
    run.created = 2000;
    run.completed = 1999;
    run.discarded = 1;
    run.retried = 3;
    run.elapsed = 400ms;
    for (int i = 1; i <= 2000; ++i) {
        run.enqueue.record(200us + 1us * i);
        run.waiting.record(30us * i / 10);
        run.running.record(20us);
        run.total.record(20us + 30us * i / 10);
        run.lag.record(50us);
    }
    return run;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

TEST(RunReport, FitsItsTerminal) {
    for (const std::size_t width : {60U, 80U, 100U, 120U, 200U}) {
        for (const bool utf8 : {true, false}) {
            const auto term = plain_terminal(width, utf8);
            const auto run = sample();
            const std::string text = render_header(run, term) + render_report(run, term);
            const std::size_t wide = std::max<std::size_t>(width, 72);
            for (const auto& line : lines_of(text)) {
                EXPECT_LE(columns_of(line), wide) << line;
            }
        }
    }
}

TEST(RunReport, SaysWhatRanAndHowItWent) {
    const auto term = plain_terminal(80);
    const std::string header = render_header(sample(), term);
    EXPECT_TRUE(holds(header, "Queue default"));
    EXPECT_TRUE(holds(header, "2,000 jobs at 5,000/s"));
    EXPECT_TRUE(holds(header, "20 producers"));
    EXPECT_TRUE(holds(header, "http://127.0.0.1:8080 (sqlite)"));
    const std::string text = render_report(sample(), term);
    EXPECT_TRUE(holds(text, "2,000 jobs, 1 failed, 3 retried, 400ms, 5,000/s")) << text;
    EXPECT_TRUE(holds(text, "p99.9"));
    EXPECT_TRUE(holds(text, "enqueue"));
    EXPECT_TRUE(holds(text, "waiting"));
    EXPECT_TRUE(holds(text, "running"));
    EXPECT_TRUE(holds(text, "total"));
}

TEST(RunReport, UsesPlainSignsWithoutUtf8) {
    const auto term = plain_terminal(80, false);
    const auto run = sample();
    for (const char c : render_header(run, term) + render_report(run, term)) {
        EXPECT_LT(static_cast<unsigned char>(c), 0x80);
    }
}

TEST(RunReport, PaintsOnlyWhereThereIsColour) {
    auto term = plain_terminal(80);
    EXPECT_FALSE(holds(render_report(sample(), term), "\x1b["));
    term.colour = true;
    EXPECT_TRUE(holds(render_report(sample(), term), "\x1b["));
}

TEST(RunReport, LeavesOutPhasesNobodyMeasured) {
    run_report run;
    run.followed = false;
    run.created = 5;
    run.elapsed = 1s;
    run.enqueue.record(1ms);
    const std::string text = render_report(run, plain_terminal(80));
    EXPECT_TRUE(holds(text, "5 jobs created, 1.00s, 5/s"));
    EXPECT_TRUE(holds(text, "enqueue"));
    EXPECT_FALSE(holds(text, "waiting"));
    EXPECT_TRUE(holds(render_report(run_report{}, plain_terminal(80)), "0 jobs"));
}

TEST(RunReport, GivesProgramsALineAPhaseInMicroseconds) {
    run_report run;
    run.enqueue.record(1500us);
    run.enqueue.record(2500us);
    EXPECT_EQ(render_plain_report(run),
              "enqueue\t2\t1500.0\t1500.0\t2500.0\t2500.0\t2500.0\t2500.0\t2000.0\n");
}

TEST(RunReport, StatesTheFactorOfAShortenedBaseline) {
    run_report run = sample();
    run.in_process = true;
    run.time_scale = 0.1;
    EXPECT_TRUE(holds(render_report(run, plain_terminal(80)), "scaled back by 10"));
}

TEST(RunReport, WarnsWhenJobsLeftLate) {
    run_report run = sample();
    const auto term = plain_terminal(80);
    EXPECT_EQ(render_warnings(run, term), "");
    for (int i = 0; i < 100; ++i) run.lag.record(5ms);
    EXPECT_TRUE(holds(render_warnings(run, term), "max 5.00ms"));
    run.refusals = 2;
    EXPECT_TRUE(holds(render_warnings(run, term), "not now\" 2 times"));
}

TEST(Histogram, ShowsEverySampleInAPowerOfTwo) {
    histogram values;
    for (int i = 0; i < 10; ++i) values.record(40us);
    for (int i = 0; i < 5; ++i) values.record(300us);
    values.record(3s);
    const auto rows = lines_of(render_histogram(values, plain_terminal(80)));
    ASSERT_GT(rows.size(), 3U);
    EXPECT_TRUE(holds(rows[2], "31–62 µs")) << rows[2];
    EXPECT_TRUE(holds(rows[2], "10 │"));
    EXPECT_TRUE(holds(rows[2], "62.5%"));
    EXPECT_TRUE(holds(rows.back(), "2–4 s")) << rows.back();
    EXPECT_TRUE(holds(rows.back(), "100.0%"));
    const auto with_300us = std::find_if(rows.begin(), rows.end(), [](const auto& row) {
        return row.find("250–500 µs") != std::string::npos;
    });
    ASSERT_NE(with_300us, rows.end());
    EXPECT_TRUE(holds(*with_300us, "93.8%"));
}

TEST(Histogram, HasNothingToShowForOneValue) {
    histogram values;
    EXPECT_EQ(render_histogram(values, plain_terminal(80)), "");
    values.record(1ms);
    EXPECT_EQ(render_histogram(values, plain_terminal(80)), "");
}

TEST(Histogram, ShowsZeroAndVeryLongTimes) {
    histogram values;
    values.record(0ns);
    values.record(40h);
    const auto rows = lines_of(render_histogram(values, plain_terminal(80)));
    EXPECT_TRUE(holds(rows.back(), "100.0%"));
    EXPECT_LT(rows.size(), 60U);
}

}  // namespace
}  // namespace sluice::cli
