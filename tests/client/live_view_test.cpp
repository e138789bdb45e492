#include "client/cli/live_view.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;

struct view_fixture {
    std::string seen;
    terminal term;
    live_view make(view_mode mode) {
        return live_view{mode, term, [this](std::string_view text) { seen += text; }};
    }
    bool holds(std::string_view part) const { return seen.find(part) != std::string::npos; }
};

job_tracker::notice notice_of(std::string state, std::string result) {
    job_tracker::notice n;
    n.index = 2;
    n.state = std::move(state);
    n.attempt = 1;
    n.result = std::move(result);
    n.times.durable_at = timestamp{1s};
    n.times.started_at = timestamp{1s + 500us};
    n.times.finished_at = timestamp{1s + 420'500us};
    return n;
}

TEST(ChooseView, ShowsLinesForFewJobsAndABarForMany) {
    terminal term;
    term.tty = true;
    EXPECT_EQ(choose_view(term, 20, false, false), view_mode::lines);
    EXPECT_EQ(choose_view(term, 5000, false, false), view_mode::bar);
    EXPECT_EQ(choose_view(term, 0, false, false), view_mode::bar);
    EXPECT_EQ(choose_view(term, 20, true, false), view_mode::silent);
    EXPECT_EQ(choose_view(term, 20, false, true), view_mode::silent);
    term.tty = false;
    EXPECT_EQ(choose_view(term, 5000, false, false), view_mode::reports);
}

TEST(LiveView, TellsEachStepOnALine) {
    view_fixture f;
    auto view = f.make(view_mode::lines);
    const auto n = notice_of("completed", "49");
    view.created(12ms, n, 3, "[7,420]");
    view.started(13ms, n);
    view.finished(433ms, n);
    EXPECT_TRUE(f.holds("0.012s  created   #3    [7,420]  by producer 1\n")) << f.seen;
    EXPECT_TRUE(f.holds("0.013s  started   #3\n"));
    EXPECT_TRUE(f.holds("0.433s  finished  #3    49"));
    EXPECT_TRUE(f.holds("waited 0.50ms, ran 420ms\n"));
}

TEST(LiveView, ShowsCreationInYellowAndProcessingInCyan) {
    view_fixture f;
    f.term.colour = true;
    auto view = f.make(view_mode::lines);
    view.created(0ms, notice_of("", ""), 1, "[]");
    EXPECT_TRUE(f.holds("\x1b[33m"));
    EXPECT_FALSE(f.holds("\x1b[36m"));
    view.started(0ms, notice_of("", ""));
    view.finished(0ms, notice_of("completed", "1"));
    EXPECT_TRUE(f.holds("\x1b[36m"));
    EXPECT_FALSE(f.holds("\x1b[31m"));
    view.finished(0ms, notice_of("discarded", ""));
    EXPECT_TRUE(f.holds("\x1b[31m"));
    EXPECT_TRUE(f.holds("ended"));
}

TEST(LiveView, KeepsALineWithinTheTerminal) {
    view_fixture f;
    f.term.utf8 = true;
    auto view = f.make(view_mode::lines);
    view.created(0ms, notice_of("", ""), 1, std::string(500, 'x') + "\x1b[2J");
    EXPECT_EQ(columns_of(f.seen), f.term.width + 1);
}

TEST(LiveView, DrawsTheBarNotMoreOftenThanTenTimesASecond) {
    view_fixture f;
    auto view = f.make(view_mode::bar);
    run_report run;
    run.wanted = 1000;
    run.created = 500;
    view.progress(50ms, run, 10);
    EXPECT_EQ(f.seen, "");
    view.progress(100ms, run, 10);
    EXPECT_TRUE(f.holds("\r"));
    EXPECT_TRUE(f.holds(" 50%"));
    const auto once = f.seen.size();
    view.progress(150ms, run, 10);
    EXPECT_EQ(f.seen.size(), once);
    run.created = 1000;
    view.end(160ms, run, 0);
    EXPECT_TRUE(f.holds("100%"));
    EXPECT_EQ(f.seen.back(), '\n');
    EXPECT_LE(columns_of(f.seen.substr(0, once)), f.term.width + 4) << "carriage return, erase";
}

TEST(LiveView, WritesALineASecondWhereThereIsNoTerminal) {
    view_fixture f;
    auto view = f.make(view_mode::reports);
    run_report run;
    run.created = 300;
    for (auto at = 100ms; at <= 3000ms; at += 100ms) view.progress(at, run, 3);
    EXPECT_EQ(std::count(f.seen.begin(), f.seen.end(), '\n'), 3);
    EXPECT_FALSE(f.holds("\r"));
    EXPECT_FALSE(f.holds("\x1b"));
}

TEST(LiveView, IsSilentWhenToldSo) {
    view_fixture f;
    auto view = f.make(view_mode::silent);
    view.created(0ms, notice_of("", ""), 1, "[]");
    view.progress(10s, run_report{}, 0);
    view.remark("unheard");
    view.end(10s, run_report{}, 0);
    EXPECT_EQ(f.seen, "");
}

}  // namespace
}  // namespace sluice::cli
