#include "server/observe/objective_tracker.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using change = objective_tracker::change;

constexpr auto five = objective_window::five_minutes;
constexpr auto hour = objective_window::hour;
constexpr auto six = objective_window::six_hours;

const timestamp begin{std::chrono::seconds{1'700'000'400}};

class tracker_story {
public:
    explicit tracker_story(double share = 0.99, std::chrono::milliseconds within = 250ms,
                           std::uint64_t waiting = 0)
        : tracker({share, within}, begin, waiting) {}

    void enter() { tracker.enter(now, now); }
    void pass(std::chrono::microseconds time) { now += time; }
    /// A job that waits for so long and starts then.
    void run(std::chrono::microseconds waits) {
        const auto came = now;
        enter();
        pass(waits);
        tracker.start(came, now);
    }
    objective_counts counts(objective_window window = five) const {
        return tracker.counts(window, now);
    }
    /// What looks say, each made at its time.
    std::vector<change> look_until(timestamp end) {
        std::vector<change> seen;
        while (const auto next = tracker.next_look(now)) {
            if (*next > end) break;
            now = std::max(*next, now);
            if (const auto what = tracker.look(now); what != change::none) seen.push_back(what);
        }
        now = end;
        return seen;
    }

    timestamp now = begin;
    objective_tracker tracker;
};

TEST(Objective, CountsAStartByHowLongTheJobWaited) {
    tracker_story s;
    s.run(250ms);
    EXPECT_EQ(s.counts(), (objective_counts{1, 0}));
    s.run(250ms + 1us);
    EXPECT_EQ(s.counts(), (objective_counts{1, 1}));
    EXPECT_DOUBLE_EQ(s.counts().compliance(), 0.5);
    EXPECT_NEAR(s.counts().burn_rate(0.99), 50.0, 1e-9);
}

TEST(Objective, IsMetByAQueueWithoutJobs) {
    const tracker_story s;
    EXPECT_DOUBLE_EQ(s.counts().compliance(), 1.0);
    EXPECT_DOUBLE_EQ(s.counts().burn_rate(0.99), 0.0);
    EXPECT_FALSE(s.tracker.next_look(s.now)) << "nothing to look at: no timer";
}

TEST(Objective, AJobThatStillWaitsIsBadAsSoonAsItIsLate) {
    tracker_story s;
    s.enter();
    const auto next = s.tracker.next_look(s.now);
    ASSERT_TRUE(next);
    EXPECT_GT(*next, begin + 250ms);
    EXPECT_LE(*next, begin + 250ms + std::chrono::microseconds{250ms} / 8);
    s.now = *next;
    s.tracker.look(s.now);
    EXPECT_EQ(s.counts(), (objective_counts{0, 1}));
    EXPECT_EQ(s.tracker.waiting(), 0U);
    s.tracker.start(begin, s.now + 1s);
    EXPECT_EQ(s.counts(), (objective_counts{0, 1})) << "it was counted already";
}

TEST(Objective, AJobThatLeftBeforeItWasLateIsNotCounted) {
    tracker_story s;
    s.enter();
    s.pass(100ms);
    s.tracker.leave(begin);
    s.pass(10s);
    s.tracker.look(s.now);
    EXPECT_EQ(s.counts(), (objective_counts{}));
}

TEST(Objective, AJobThatComesLateIsBadOnce) {
    tracker_story s;
    s.pass(10s);
    s.tracker.enter(s.now - 400ms, s.now);
    EXPECT_EQ(s.counts(), (objective_counts{0, 1}));
    s.tracker.start(s.now - 400ms, s.now);
    s.pass(1s);
    s.tracker.look(s.now);
    EXPECT_EQ(s.counts(), (objective_counts{0, 1}));
}

TEST(Objective, AJobThatDidNotWaitIsGood) {
    tracker_story s;
    s.tracker.start_at_once(s.now);
    EXPECT_EQ(s.counts(), (objective_counts{1, 0}));
}

TEST(Objective, AStampThatIsAheadOfTheClockIsOfThoseThatWereThere) {
    tracker_story s(0.99, 250ms, 1);
    s.tracker.start(begin + 30s, s.now);
    s.pass(1s);
    s.tracker.look(s.now);
    EXPECT_EQ(s.counts(), (objective_counts{1, 0}));
}

TEST(Objective, JobsThatWereThereCountAsComeWhenItBegan) {
    tracker_story s(0.99, 250ms, 3);
    s.pass(100ms);
    s.tracker.start(begin - 1h, s.now);
    s.tracker.start(begin - 100ms, s.now);
    EXPECT_EQ(s.counts(), (objective_counts{1, 1})) << "by how long they did wait";
    s.pass(1s);
    s.tracker.look(s.now);
    EXPECT_EQ(s.counts(), (objective_counts{1, 2}));
}

/// Against a list of all jobs: each is counted once, and late ones within an eighth of the time.
TEST(Objective, CountsAsAListOfAllJobsWould) {
    std::mt19937_64 random{11};
    for (const auto within : {1ms, 40ms, 250ms, 3000ms}) {
        tracker_story s(0.9, within);
        std::deque<timestamp> waiting;
        std::uint64_t good = 0;
        std::uint64_t bad = 0;
        for (int step = 0; step < 20'000; ++step) {
            s.pass(std::chrono::microseconds(random() % 20'000));
            if (random() % 5000 == 0) s.pass(within * 40);
            const auto what = random() % 8;
            if (what < 4) {
                s.enter();
                waiting.push_back(s.now);
            } else if (what < 7 && !waiting.empty()) {
                s.tracker.start(waiting.front(), s.now);
                ++(s.now - waiting.front() <= within ? good : bad);
                waiting.pop_front();
            } else {
                s.tracker.look(s.now);
            }
            if (waiting.size() > 50) {
                for (const auto& each : waiting) s.tracker.start(each, s.now);
                for (const auto& each : waiting) ++(s.now - each <= within ? good : bad);
                waiting.clear();
            }
            const auto counted = s.counts(six);
            std::uint64_t late = 0;
            std::uint64_t may_be_late = 0;
            const std::chrono::microseconds slack =
                std::max<std::chrono::microseconds>(within / 8, 10ms);
            for (const auto& each : waiting) {
                late += s.now - each > within + slack ? 1 : 0;
                may_be_late += s.now - each > within ? 1 : 0;
            }
            ASSERT_EQ(counted.good, good) << step;
            ASSERT_LE(counted.bad, bad + may_be_late) << step;
            if (what == 7) {
                ASSERT_GE(counted.bad, bad + late) << step;
            }
        }
    }
}

TEST(Objective, WindowsForgetWhatIsTooOld) {
    tracker_story s;
    s.run(1s);
    EXPECT_EQ(s.counts(five).bad, 1U);
    s.now = begin + 5min;
    EXPECT_EQ(s.counts(five).bad, 0U);
    EXPECT_EQ(s.counts(hour).bad, 1U);
    s.now = begin + 1h;
    EXPECT_EQ(s.counts(hour).bad, 0U);
    EXPECT_EQ(s.counts(six).bad, 1U);
    s.now = begin + 6h;
    EXPECT_EQ(s.counts(six).bad, 0U);
}

TEST(Objective, BurnsWhenBothWindowsDoAndRecovers) {
    tracker_story s;
    for (int i = 0; i < 20; ++i) s.run(1s);
    EXPECT_EQ(s.look_until(s.now + 20s), std::vector{change::burning});
    EXPECT_TRUE(s.tracker.status(s.now).burning);
    // The bad ones leave the short window; nobody has to start a job for that to be seen.
    EXPECT_EQ(s.look_until(s.now + 6min), std::vector{change::recovered});
    EXPECT_FALSE(s.tracker.status(s.now).burning);
    EXPECT_FALSE(s.tracker.next_look(s.now)) << "no timer is left";
}

TEST(Objective, AnHourThatWentWellOutweighsAShortTrouble) {
    tracker_story s;
    for (int i = 0; i < 3000; ++i) s.run(200ms);
    s.pass(10min);
    for (int i = 0; i < 30; ++i) s.run(1s);
    EXPECT_GT(s.counts(five).burn_rate(0.99), burning_rate);
    EXPECT_LT(s.counts(hour).burn_rate(0.99), burning_rate);
    EXPECT_TRUE(s.look_until(s.now + 20s).empty());
}

TEST(Objective, WithinItsObjectiveAQueueSaysNothing) {
    tracker_story s;
    for (int i = 0; i < 5000; ++i) {
        s.run(i % 100 == 0 ? 300ms : 10ms);
        ASSERT_TRUE(s.look_until(s.now + 100ms).empty()) << i;
    }
    EXPECT_GT(s.counts(hour).bad, 10U);
}

TEST(Objective, AQueueNobodyTakesFromBurnsWithoutAnybodyLooking) {
    tracker_story s;
    for (int i = 0; i < 100; ++i) {
        s.enter();
        s.pass(1ms);
    }
    EXPECT_EQ(s.look_until(s.now + 1min), std::vector{change::burning});
    EXPECT_EQ(s.counts(), (objective_counts{0, 100}));
}

}  // namespace
}  // namespace sluice
