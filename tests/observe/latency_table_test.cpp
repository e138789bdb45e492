#include "server/observe/latency_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace sluice {
namespace {

using namespace std::chrono_literals;

const timestamp begin{std::chrono::seconds{1'700'000'400}};

class table_story {
public:
    explicit table_story(latency_table::limits bound = {}) : table(bound, begin) {}

    void add(const std::string& queue, const std::string& type, std::chrono::microseconds at = 0s,
             latency_phase phase = latency_phase::waiting) {
        table.record(handles[{queue, type}], queue, type, phase, 5ms, begin + at);
    }
    queue_latency view(const std::string& queue, std::optional<std::string> type = {}) const {
        return table.view({queue, {}, std::move(type)}, begin);
    }
    static std::uint64_t starts(const latency_windows& windows) {
        return windows[static_cast<std::size_t>(latency_window::start)]
                      [static_cast<std::size_t>(latency_phase::waiting)]
                          .count();
    }
    /// Samples over all pairs.
    std::uint64_t counted() const {
        std::uint64_t sum = 0;
        for (const auto& pair : table.counts())
            for (const auto& phase : pair.phases) sum += phase.count;
        return sum;
    }

    latency_table table;
    std::map<std::pair<std::string, std::string>, latency_table::handle> handles;
};

TEST(LatencyTable, SumsTheTypesOfAQueueAndOfNoOther) {
    table_story s;
    s.add("mail", "send");
    s.add("mail", "send");
    s.add("mail", "render");
    s.add("mail2", "send");
    s.add("ma", "send");
    const auto all = s.view("mail");
    EXPECT_EQ(s.starts(all.windows), 3U);
    ASSERT_EQ(all.types.size(), 2U);
    EXPECT_EQ(all.types[0].type, "render");
    EXPECT_EQ(s.starts(all.types[1].windows), 2U);
    EXPECT_TRUE(all.complete);
    EXPECT_EQ(all.since, begin);
    const auto one = s.view("mail", "render");
    EXPECT_EQ(s.starts(one.windows), 1U);
    EXPECT_EQ(one.types.size(), 1U);
    EXPECT_TRUE(s.view("mail", "rend").types.empty());
    EXPECT_TRUE(s.table.knows("mail"));
    EXPECT_FALSE(s.table.knows("mai"));
}

TEST(LatencyTable, GivesOnlyTheWindowThatWasAskedFor) {
    table_story s;
    s.add("mail", "send");
    const auto minute = s.table.view({"mail", latency_window::minute, {}}, begin);
    EXPECT_EQ(minute.windows[0][1].count(), 1U);
    EXPECT_TRUE(minute.windows[1][1].empty());
    EXPECT_TRUE(minute.windows[2][1].empty());
}

TEST(LatencyTable, CountsWhatHasNoRoomUnderOneNameAndSaysSo) {
    table_story s({.pairs_max = 2});
    s.add("a", "t");
    s.add("b", "t");
    EXPECT_TRUE(s.view("a").complete);
    s.add("c", "t");
    s.add("d", "t");
    EXPECT_EQ(s.table.size(), 2U);
    EXPECT_FALSE(s.view("a").complete);
    EXPECT_FALSE(s.table.knows("c"));
    const auto counts = s.table.counts();
    ASSERT_EQ(counts.size(), 3U);
    EXPECT_EQ(counts.back().queue, latency_other);
    EXPECT_EQ(counts.back().type, latency_other);
    EXPECT_EQ(counts.back().phases[1].count, 2U);
    EXPECT_EQ(s.counted(), 4U);
}

TEST(LatencyTable, APairThatRestedForAnHourMakesWay) {
    table_story s({.pairs_max = 2});
    s.add("a", "t");
    s.add("b", "t", 30min);
    s.add("c", "t", 59min);
    EXPECT_FALSE(s.table.knows("c")) << "nobody rested for an hour yet";
    s.add("c", "t", 60min);
    EXPECT_TRUE(s.table.knows("c"));
    EXPECT_FALSE(s.table.knows("a"));
    EXPECT_TRUE(s.table.knows("b"));
    EXPECT_EQ(s.counted(), 4U) << "no sample is lost";
    // Its handle is void now: it comes back as any other, and finds no room.
    s.add("a", "t", 61min);
    EXPECT_FALSE(s.table.knows("a"));
    EXPECT_EQ(s.counted(), 5U);
}

TEST(LatencyTable, TheOldestMakeWayWhenMemoryIsShort) {
    constexpr std::size_t bytes_max = 100'000;
    table_story bounded({.pairs_max = 1000, .bytes_max = bytes_max});
    table_story control({.pairs_max = 1000, .bytes_max = SIZE_MAX});
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 100; ++i) {
            bounded.add("q" + std::to_string(i), "t", round * 10s);
            control.add("q" + std::to_string(i), "t", round * 10s);
        }
        EXPECT_LE(bounded.table.bytes(), bytes_max);
    }
    EXPECT_GT(control.table.bytes(), bytes_max);
    EXPECT_EQ(control.table.size(), 100U);
    EXPECT_LT(bounded.table.size(), 100U);
    EXPECT_GT(bounded.table.size(), 5U);
    EXPECT_EQ(bounded.counted(), 300U) << "no sample is lost";
}

TEST(LatencyTable, CountsForMonitoringAreMonotoneAndEndAtTheCount) {
    table_story s;
    latency_table::handle pair;
    for (int i = 1; i <= 5000; ++i)
        s.table.record(pair, "q", "t", latency_phase::running,
                       std::chrono::microseconds{i * std::int64_t{i} * 300}, begin);
    const auto counts = s.table.counts();
    ASSERT_EQ(counts.size(), 1U);
    const auto& running = counts[0].phases[static_cast<std::size_t>(latency_phase::running)];
    EXPECT_EQ(running.count, 5000U);
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < latency_bounds.size(); ++i) {
        EXPECT_GE(running.within[i], before);
        before = running.within[i];
        std::uint64_t exact = 0;
        for (std::int64_t n = 1; n <= 5000; ++n) exact += n * n * 300 <= latency_bounds[i].count();
        EXPECT_NEAR(static_cast<double>(running.within[i]), static_cast<double>(exact),
                    static_cast<double>(exact) * 0.005 + 1);
    }
    EXPECT_LE(before, running.count);
    EXPECT_GT(before, 0U);
}

TEST(LatencyTable, IsEmptyOnceItIsCleared) {
    table_story s({.pairs_max = 1});
    s.add("a", "t");
    s.add("b", "t");
    s.table.clear(begin + 1h);
    EXPECT_EQ(s.counted(), 0U);
    EXPECT_EQ(s.view("a").since, begin + 1h);
    EXPECT_TRUE(s.view("a").complete);
    s.add("a", "t", 1h);
    EXPECT_EQ(s.counted(), 1U);
    EXPECT_TRUE(s.table.knows("a"));
}

}  // namespace
}  // namespace sluice
