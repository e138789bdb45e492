#include "tests/queue/simulation/world.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>

namespace sluice::test {
namespace {

/// SLUICE_SIM_SEEDS sets how many seeds are tried, SLUICE_SIM_SEED the first one. With a single
/// seed that fails its whole story is told.
constexpr std::size_t steps = 1'000;

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// The first of the broken promises over so many seeds; empty when none was.
std::string first_broken(std::uint64_t seeds, wrongdoing wrong = {}) {
    const auto first = number_from("SLUICE_SIM_SEED", 1);
    for (auto seed = first; seed < first + seeds; ++seed) {
        const auto seen = world(seed, wrong).run(steps);
        const auto broken = broken_promises(seen);
        if (broken.empty()) continue;
        if (seeds == 1)
            for (const auto& line : story(seen)) std::cerr << line << "\n";
        std::string text = "SLUICE_SIM_SEED=" + std::to_string(seed) + " SLUICE_SIM_SEEDS=1\n";
        for (const auto& promise : broken) text += "  " + promise + "\n";
        return text;
    }
    return {};
}

/// The first broken promise about redrives.
std::string first_redrive_broken(wrongdoing wrong) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed)
        for (const auto& promise : broken_promises(world(seed, wrong).run(steps)))
            if (promise.find("C21") != std::string::npos) return promise;
    return {};
}

TEST(Simulation, KeepsEveryPromiseWhateverHappensWhenever) {
    EXPECT_EQ(first_broken(number_from("SLUICE_SIM_SEEDS", 1'000)), "");
}

TEST(Simulation, ARunCanBeRepeatedFromItsSeed) {
    const auto once = world(7, {}).run(steps);
    const auto twice = world(7, {}).run(steps);
    ASSERT_EQ(once.deliveries.size(), twice.deliveries.size());
    for (std::size_t i = 0; i < once.deliveries.size(); ++i) {
        EXPECT_EQ(once.deliveries[i].ended, twice.deliveries[i].ended);
        EXPECT_EQ(once.deliveries[i].lease, twice.deliveries[i].lease);
    }
}

TEST(Simulation, DoesMoreThanItsFirstStepsAndSeesMostOutcomes) {
    std::size_t delivered = 0, done = 0, refused = 0, unknown = 0, stops = 0, lines = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const auto h = world(seed, {}).run(steps);
        delivered += h.deliveries.size();
        stops += h.stops.size();
        for (const auto& job : h.at_the_end) lines += job.log.size();
        for (const auto& c : h.calls)
            ++(c.how == told::done ? done : c.how == told::refused ? refused : unknown);
    }
    EXPECT_GT(delivered, 1'000U);
    EXPECT_GT(done, 1'000U);
    EXPECT_GT(refused, 200U);
    EXPECT_GT(unknown, 20U);
    EXPECT_GT(stops, 40U);
    EXPECT_GT(lines, 200U);
}

TEST(Simulation, SeesRedrivesEndInEveryWay) {
    std::map<std::string, int> ended;
    for (std::uint64_t seed = 1; seed <= 100; ++seed)
        for (const auto& [state, count] : world(seed, {}).run(steps).redrives)
            ended[state] += count;
    EXPECT_GT(ended["completed"], 40);
    EXPECT_GT(ended["stopped"], 10);
    EXPECT_GT(ended["cancelled"], 10);
}

// Each of these must be caught, or the run above proves nothing.

TEST(SimulationControl, AnswersBeforeTheirBatchIsDurableAreCaught) {
    wrongdoing wrong;
    wrong.answer_at_once = true;
    EXPECT_NE(first_broken(50, wrong), "");
}

TEST(SimulationControl, ADiskThatForgetsToSyncIsCaught) {
    wrongdoing wrong;
    wrong.forget_to_sync = true;
    EXPECT_NE(first_broken(50, wrong), "");
}

TEST(SimulationControl, AReceiptThatOverstatesItsDurabilityIsCaught) {
    wrongdoing wrong;
    wrong.overstate_durability = true;
    EXPECT_NE(first_broken(100, wrong).find("C1 lost"), std::string::npos);
}

TEST(SimulationControl, AnEpochThatIsUsedTwiceIsCaught) {
    wrongdoing wrong;
    wrong.forget_epoch = true;
    EXPECT_NE(first_broken(50, wrong).find("C4"), std::string::npos);
}

TEST(SimulationControl, ALineThatIsAnsweredTooSoonIsCaught) {
    wrongdoing wrong;
    wrong.answer_at_once = true;
    bool found = false;
    for (std::uint64_t seed = 1; seed <= 50 && !found; ++seed)
        for (const auto& promise : broken_log_promises(world(seed, wrong).run(steps)))
            found = found || promise.ends_with("was kept and is gone");
    EXPECT_TRUE(found);
}

TEST(SimulationControl, ALogThatBeginsAnewIsCaught) {
    wrongdoing wrong;
    wrong.leave_logs_unread = true;
    std::string found;
    try {
        found = first_broken(200, wrong);
    } catch (const std::exception& e) {
        found = e.what();
    }
    EXPECT_NE(found, "");
}

TEST(SimulationControl, ACronJobWrittenApartFromItsJobsIsCaught) {
    wrongdoing wrong;
    wrong.write_crons_late = true;
    bool found = false;
    for (std::uint64_t seed = 1; seed <= 300 && !found; ++seed)
        for (const auto& promise : broken_schedule_promises(world(seed, wrong).run(steps)))
            found = found || promise.starts_with("C13");
    EXPECT_TRUE(found);
}

TEST(SimulationControl, APauseThatIsNotWrittenIsCaught) {
    wrongdoing wrong;
    wrong.forget_pauses = true;
    EXPECT_NE(first_broken(300, wrong).find("C14"), std::string::npos);
}

TEST(SimulationControl, DuplicatesThatAreAtRestAreMissed) {
    wrongdoing wrong;
    wrong.overlook_duplicates = true;
    EXPECT_NE(first_broken(300, wrong).find("C15"), std::string::npos);
}

TEST(SimulationControl, LimitsThatARestartForgetsAreExceeded) {
    wrongdoing wrong;
    wrong.forget_limits = true;
    EXPECT_NE(first_broken(300, wrong).find("C17"), std::string::npos);
}

TEST(SimulationControl, FairnessKeysThatARestartForgetsLoseTheirOrder) {
    wrongdoing wrong;
    wrong.forget_fairness = true;
    std::string found;
    for (std::uint64_t seed = 1; seed <= 300 && found.empty(); ++seed)
        for (const auto& promise : broken_promises(world(seed, wrong).run(steps)))
            if (promise.find("C9") != std::string::npos) found = promise;
    EXPECT_NE(found, "");
}

TEST(SimulationControl, ADeliveryWrittenApartFromItsEventIsCaught) {
    wrongdoing wrong;
    wrong.write_deliveries_late = true;
    std::string found;
    for (std::uint64_t seed = 1; seed <= 300 && found.empty(); ++seed)
        for (const auto& promise : broken_promises(world(seed, wrong).run(steps)))
            if (promise.find("C18") != std::string::npos) found = promise;
    EXPECT_NE(found, "");
}

TEST(SimulationControl, AFollowUpThatIsNotWrittenIsCaught) {
    wrongdoing wrong;
    wrong.lose_follow_ups = true;
    std::string found;
    for (std::uint64_t seed = 1; seed <= 300 && found.empty(); ++seed)
        for (const auto& promise : broken_promises(world(seed, wrong).run(steps)))
            if (promise.find("C20") != std::string::npos) found = promise;
    EXPECT_NE(found, "");
}

TEST(SimulationControl, ARedriveWrittenApartFromWhatItSendsIsCaught) {
    wrongdoing wrong;
    wrong.write_redrives_late = true;
    EXPECT_NE(first_redrive_broken(wrong), "");
}

TEST(SimulationControl, ARedriveThatARestartBeginsAnewIsCaught) {
    wrongdoing wrong;
    wrong.forget_redrives = true;
    EXPECT_NE(first_redrive_broken(wrong), "");
}

TEST(SimulationControl, ABoundThatARestartForgetsIsExceeded) {
    wrongdoing wrong;
    wrong.forget_settings = true;
    std::string found;
    for (std::uint64_t seed = 1; seed <= 300 && found.empty(); ++seed)
        for (const auto& promise : broken_promises(world(seed, wrong).run(steps)))
            if (promise.find("C19") != std::string::npos) found = promise;
    EXPECT_NE(found, "");
}

TEST(SimulationControl, AWorkflowWrittenApartFromItsJobsIsCaught) {
    wrongdoing wrong;
    wrong.write_workflows_late = true;
    std::string found;
    try {
        found = first_broken(300, wrong);
    } catch (const std::exception& e) {
        found = e.what();
    }
    EXPECT_NE(found, "");
}

TEST(SimulationControl, EvictionDuringAReadIsCaught) {
    wrongdoing wrong;
    wrong.read_behind_its_back = true;
    std::string found;
    try {
        found = first_broken(200, wrong);
    } catch (const std::exception& e) {
        found = e.what();
    }
    EXPECT_NE(found, "");
}

}  // namespace
}  // namespace sluice::test
