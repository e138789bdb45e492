#include "server/queue/ready_line.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <random>
#include <vector>

namespace sluice::test {
namespace {

std::vector<std::int64_t> drain(ready_line& line) {
    std::vector<std::int64_t> seqs;
    while (const auto first = line.front()) {
        seqs.push_back(first->seq);
        line.pop(first->priority);
    }
    return seqs;
}

TEST(ReadyLine, IsEmptyAtFirst) {
    const ready_line line;
    EXPECT_TRUE(line.empty());
    EXPECT_FALSE(line.front());
    EXPECT_TRUE(line.peek(5).empty());
}

TEST(ReadyLine, PutsHigherPrioritiesFirstAndThenSmallerTickets) {
    ready_line line;
    line.add({0, 1, 1});
    line.add({0, 2, 2});
    line.add({5, 3, 3});
    line.add({-5, 4, 4});
    line.add({5, 5, 5});
    EXPECT_EQ(drain(line), (std::vector<std::int64_t>{3, 5, 1, 2, 4}));
    EXPECT_TRUE(line.empty());
}

TEST(ReadyLine, TakesAJobThatComesBackAtItsOldPlace) {
    ready_line line;
    for (std::int64_t i = 1; i <= 4; ++i) line.add({0, i, i});
    line.pop(line.front()->priority);
    line.pop(line.front()->priority);
    line.add({0, 2, 2});
    line.add({0, 1, 1});
    EXPECT_EQ(drain(line), (std::vector<std::int64_t>{1, 2, 3, 4}));
}

TEST(ReadyLine, KeepsTicketsApartFromSequenceNumbers) {
    ready_line line;
    line.add({0, 10, 3});
    line.add({0, 11, 1});
    line.add({0, 12, 2});
    EXPECT_EQ(drain(line), (std::vector<std::int64_t>{3, 1, 2}));
}

TEST(ReadyLine, CountsAPlaceThatIsTakenAgainOnce) {
    ready_line line;
    for (std::int64_t i = 1; i <= 3; ++i) line.add({0, i, i});
    line.pop(line.front()->priority);
    EXPECT_TRUE(line.add({0, 1, 1}));
    EXPECT_FALSE(line.add({0, 1, 1}));
    EXPECT_EQ(line.size(), 3U);
    EXPECT_EQ(drain(line).size(), 3U);
    EXPECT_TRUE(line.empty());
}

TEST(ReadyLine, IsRestoredInOrderOfTicketsWhateverTheScanGives) {
    ready_line line;
    line.restore({0, 1, 1});
    line.restore({0, 40, 2});  // failed once and came back
    line.restore({0, 3, 3});
    line.restore({0, 30, 4});
    line.restore({0, 35, 5});
    line.add({0, 41, 41});
    EXPECT_EQ(drain(line), (std::vector<std::int64_t>{1, 3, 4, 5, 2, 41}));
}

TEST(ReadyLine, RestoresNobodyInAPlaceThatIsTaken) {
    ready_line line;
    EXPECT_TRUE(line.restore({0, 50, 1}));
    EXPECT_TRUE(line.restore({0, 3, 2}));
    EXPECT_FALSE(line.restore({0, 3, 3}));  // which now would have its place in a long run
    EXPECT_FALSE(line.restore({0, 50, 4}));
    EXPECT_TRUE(line.restore({1, 50, 5}));
    for (std::int64_t seq = 10; seq < 20; ++seq) EXPECT_TRUE(line.restore({0, seq, seq}));
    EXPECT_FALSE(line.restore({0, 12, 20}));
    EXPECT_FALSE(line.restore({0, 50, 50}));
    EXPECT_EQ(line.size(), 13U);
    EXPECT_EQ(drain(line),
              (std::vector<std::int64_t>{5, 2, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 1}));
}

TEST(ReadyLine, LooksAheadWithoutChangingAnything) {
    ready_line line;
    for (std::int64_t i = 1; i <= 5; ++i) line.add({i % 2 == 0 ? 1 : 0, i, i});
    const auto first = line.peek(3);
    ASSERT_EQ(first.size(), 3U);
    EXPECT_EQ(first[0].seq, 2);
    EXPECT_EQ(first[1].seq, 4);
    EXPECT_EQ(first[2].seq, 1);
    EXPECT_EQ(line.peek(99).size(), 5U);
    EXPECT_EQ(line.size(), 5U);
}

/// Against a sorted map, with everything that happens to a line: joining, being taken, coming back,
/// taking the same place again, and a restart.
TEST(ReadyLine, AgreesWithASortedMap) {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        std::mt19937 random(seed);
        ready_line line;
        std::map<std::pair<int, std::int64_t>, std::int64_t> model;
        std::vector<ready_entry> taken;
        std::int64_t next = 1;
        for (int i = 0; i < 400; ++i) {
            const auto dice = random() % 10;
            if (dice < 4) {
                const ready_entry fresh{static_cast<int>(random() % 3), next, next};
                if (random() % 4 != 0) ++next;
                if (model.contains({-fresh.priority, fresh.ticket})) continue;
                ++next;
                line.add(fresh);
                model.emplace(std::pair{-fresh.priority, fresh.ticket}, fresh.seq);
            } else if (dice < 6 && !taken.empty()) {
                const auto back = taken[random() % taken.size()];
                if (model.emplace(std::pair{-back.priority, back.ticket}, back.seq).second)
                    line.add(back);
            } else if (dice < 9 && !model.empty()) {
                const auto first = line.front();
                ASSERT_TRUE(first);
                taken.push_back(*first);
                const auto expected = model.begin();
                ASSERT_EQ(first->ticket, expected->first.second) << "seed " << seed;
                ASSERT_EQ(first->seq, expected->second);
                ASSERT_EQ(first->priority, -expected->first.first);
                line.pop(first->priority);
                model.erase(expected);
            } else if (dice == 9 && !model.empty() && random() % 2 == 0) {
                const auto oldest = line.oldest();
                ASSERT_TRUE(oldest);
                const auto expected = std::min_element(
                    model.begin(), model.end(),
                    [](const auto& a, const auto& b) { return a.first.second < b.first.second; });
                ASSERT_EQ(oldest->ticket, expected->first.second) << "seed " << seed;
                ASSERT_EQ(oldest->priority, -expected->first.first);
                line.pop(oldest->priority);
                model.erase(expected);
            } else if (random() % 20 == 0) {
                std::map<std::int64_t, ready_entry> by_seq;
                for (const auto& [place, seq] : model)
                    by_seq[seq] = {-place.first, place.second, seq};
                line = ready_line{};
                for (const auto& [seq, entry] : by_seq) line.restore(entry);
            }
            ASSERT_EQ(line.size(), model.size()) << "seed " << seed;
            const auto ahead = line.peek(5);
            auto expected = model.begin();
            for (const auto& entry : ahead) ASSERT_EQ(entry.seq, (expected++)->second);
        }
    }
}

/// The same as fairness keys have it: several sources, each with tickets that rise in steps of its
/// own, now and then one far below the others.
TEST(ReadyLine, AgreesWithASortedMapWhenTicketsRiseInSteps) {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        std::mt19937 random(seed);
        ready_line line;
        std::map<std::int64_t, std::int64_t> model;  // ticket to seq
        std::int64_t seq = 0;
        struct source {
            std::int64_t next, step;
        };
        std::vector<source> sources;
        for (auto left = 1 + random() % 3; left > 0; --left)
            sources.push_back({static_cast<std::int64_t>(random() % 50) - 20,
                               static_cast<std::int64_t>(random() % 4) * 7 + 1});
        for (int i = 0; i < 300; ++i) {
            const auto dice = random() % 10;
            if (dice < 3) {
                auto& from = sources[random() % sources.size()];
                for (auto many = random() % 8; many > 0; --many) {
                    auto expected = from.next;
                    while (model.contains(expected)) ++expected;
                    const auto ticket = line.next_free(0, from.next);
                    ASSERT_EQ(ticket, expected) << "seed " << seed;
                    ASSERT_TRUE(line.add({0, ticket, ++seq}));
                    model[ticket] = seq;
                    from.next = ticket + from.step;
                }
            } else if (dice < 8 && !model.empty()) {
                ASSERT_EQ(line.front()->ticket, model.begin()->first) << "seed " << seed;
                ASSERT_EQ(line.front()->seq, model.begin()->second) << "seed " << seed;
                line.pop(0);
                model.erase(model.begin());
            } else if (random() % 10 == 0) {
                std::map<std::int64_t, std::int64_t> by_seq;
                for (const auto& [ticket, of] : model) by_seq[of] = ticket;
                line = ready_line{};
                for (const auto& [of, ticket] : by_seq) line.restore({0, ticket, of});
            }
            ASSERT_EQ(line.size(), model.size()) << "seed " << seed;
            const auto ahead = line.peek(20);
            auto expected = model.begin();
            for (const auto& entry : ahead) {
                ASSERT_EQ(entry.ticket, expected->first);
                ASSERT_EQ(entry.seq, (expected++)->second);
            }
            const auto extent = line.extent_of(0);
            ASSERT_EQ(extent.has_value(), !model.empty());
            if (!extent) continue;
            ASSERT_EQ(extent->first, model.begin()->first);
            ASSERT_EQ(extent->last, model.rbegin()->first);
            ASSERT_EQ(extent->count, model.size());
            const auto any = extent->first + static_cast<std::int64_t>(random() % 60);
            const auto has = model.find(any);
            ASSERT_EQ(line.holder(0, any),
                      has == model.end() ? std::nullopt : std::optional(has->second));
            std::size_t looks = 1000;
            ASSERT_EQ(line.ahead_of(0, any, looks), static_cast<std::size_t>(std::distance(
                                                        model.begin(), model.lower_bound(any))));
        }
    }
}

TEST(ReadyLine, CountsThoseAheadOfAPlace) {
    ready_line line;
    for (std::int64_t seq = 1; seq <= 10; ++seq) line.add({0, seq, seq});
    line.add({5, 11, 11});
    line.add({0, 20, 12});
    line.add({0, 15, 3});  // one that came back under another ticket
    const auto ahead = [&](int priority, std::int64_t ticket, std::size_t looks = 100) {
        return line.ahead_of(priority, ticket, looks);
    };
    EXPECT_EQ(ahead(0, 1), 1U);
    EXPECT_EQ(ahead(0, 7), 7U);
    EXPECT_EQ(ahead(0, 15), 11U);
    EXPECT_EQ(ahead(0, 20), 12U);
    EXPECT_EQ(ahead(0, 99), 13U);
    EXPECT_EQ(ahead(5, 11), 0U);
    EXPECT_EQ(ahead(9, 99), 0U);
    EXPECT_EQ(ahead(0, 99, 2), 11U) << "no more than so many looks";
}

/// Against a sorted map, as fairness keys and a full queue have it: entries go from anywhere, and
/// others take their tickets.
TEST(ReadyLine, AgreesWithASortedMapWhenEntriesGoFromTheMiddle) {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        std::mt19937 random(seed);
        ready_line line;
        std::map<std::int64_t, std::int64_t> model;  // ticket to seq
        std::int64_t seq = 0, next = 1;
        for (int i = 0; i < 300; ++i) {
            const auto dice = random() % 10;
            if (dice < 5) {
                for (auto count = random() % 6; count > 0; --count, next += 1 + random() % 2) {
                    ASSERT_TRUE(line.add({0, next, ++seq}));
                    model[next] = seq;
                }
            } else if (dice < 9 && !model.empty()) {
                const auto at = static_cast<std::ptrdiff_t>(random() % model.size());
                const auto one = std::next(model.begin(), at);
                EXPECT_FALSE(line.remove({0, one->first, one->second + 1}));
                EXPECT_FALSE(line.remove({1, one->first, one->second}));
                ASSERT_TRUE(line.remove({0, one->first, one->second})) << "seed " << seed;
                if (random() % 2 == 0) {
                    ASSERT_TRUE(line.add({0, one->first, ++seq}));
                    one->second = seq;
                } else {
                    model.erase(one);
                }
            }
            ASSERT_EQ(line.size(), model.size()) << "seed " << seed;
            auto expected = model.begin();
            for (const auto& entry : line.peek(1000)) {
                ASSERT_EQ(entry.ticket, expected->first) << "seed " << seed;
                ASSERT_EQ(entry.seq, (expected++)->second) << "seed " << seed;
            }
        }
    }
}

TEST(ReadyLine, GivesTheTicketOfAStaleEntryToAnother) {
    ready_line line;
    line.add({0, 10, 1});
    EXPECT_TRUE(line.add({0, 5, 2}));
    EXPECT_FALSE(line.add({0, 5, 3})) << "it grows no longer";
    EXPECT_EQ(line.size(), 2U);
    EXPECT_EQ(line.front()->seq, 3);
    EXPECT_FALSE(line.add({0, 10, 1})) << "the job is in line already";
    EXPECT_EQ(line.size(), 2U);
}

TEST(ReadyLine, LetsAllOfOnePriorityGo) {
    ready_line line;
    for (std::int64_t i = 1; i <= 10; ++i) line.add({i % 2 == 0 ? 0 : 3, i, i});
    line.add({0, -1, 11});
    auto gone = line.split_off(0);
    EXPECT_EQ(gone.size(), 6U);
    EXPECT_EQ(line.size(), 5U);
    EXPECT_FALSE(line.extent_of(0));
    EXPECT_EQ(line.front()->seq, 1);
    EXPECT_TRUE(line.split_off(7).empty());
    EXPECT_EQ(gone.free_some(2), 2U);
    EXPECT_GT(gone.free_some(100), 0U);
    EXPECT_EQ(gone.free_some(100), 0U);
}

TEST(ReadyLine, ShowsTheFirstThatAreNotNewer) {
    ready_line line;
    for (std::int64_t i = 1; i <= 5; ++i) line.add({0, 10 * i, i});
    for (std::int64_t i = 6; i <= 9; ++i) line.add({0, i, i});
    line.add({2, 1, 10});
    line.add({2, 2, 0});
    const auto shown = [&](std::int64_t before, std::size_t max, std::size_t looks) {
        std::vector<std::int64_t> seqs;
        for (const auto& entry : line.peek_before(before, max, looks)) seqs.push_back(entry.seq);
        return seqs;
    };
    EXPECT_EQ(shown(6, 2, 4), (std::vector<std::int64_t>{0, 1, 2}));
    EXPECT_EQ(shown(6, 2, 3), (std::vector<std::int64_t>{0})) << "too many are newer";
    EXPECT_EQ(shown(INT64_MAX, 2, 0), (std::vector<std::int64_t>{10, 0, 6, 7}));
}

}  // namespace
}  // namespace sluice::test
