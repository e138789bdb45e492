#include "tests/support/powercut_vfs.hpp"
#include "tests/support/store_model.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

namespace sluice::test {
namespace {

using variant = powercut_vfs::variant;

constexpr int cuts_per_variant = 50;
constexpr int batches_per_run = 30;

struct cut_result {
    std::vector<store_contents> states;  ///< after each batch, from none on
    std::size_t acknowledged = 0;        ///< latest synced batch that was reported durable
    bool opened = false;                 ///< whether the store had been open at all
};

/// Every other store gives its log its size when it is opened.
sqlite_store_config powercut_store(const std::filesystem::path& directory, std::uint64_t seed) {
    auto config = small_store(directory);
    config.prepare_log = seed % 2 == 0;
    config.testing.vfs = powercut_vfs::name;
    config.reserve_bytes = 0;
    return config;
}

/// Writes until the power goes.
cut_result run_until_cut(const sqlite_store_config& config, std::uint64_t seed) {
    cut_result run;
    run.states.emplace_back();
    store_model model(seed);
    try {
        const auto store = open_sqlite_store(config);
        run.opened = true;
        for (int i = 1; i <= batches_per_run; ++i) {
            const auto batch = model.next_batch();
            run.states.push_back(model.contents());
            if (store->commit_blocking(batch).status != commit_status::ok) break;
            if (batch.sync) run.acknowledged = run.states.size() - 1;
        }
        if (!powercut_vfs::instance().is_cut()) store->close_blocking();
    } catch (const store_error&) {
    }
    powercut_vfs::instance().cut_now(variant::drop_all);
    return run;
}

/// How many batches the store holds after the cut; nothing if what it holds is no prefix.
std::optional<std::size_t> recovered_batches(const std::filesystem::path& directory,
                                             const cut_result& run) {
    const auto store = open_sqlite_store(small_store(directory));
    const auto found = contents_of(*store);
    for (std::size_t i = run.states.size(); i-- > 0;) {
        if (run.states[i] == found) return i;
    }
    return std::nullopt;
}

/// How many changes a run makes to the disk when nothing interrupts it.
std::uint64_t count_changes(std::uint64_t seed) {
    const temp_directory directory;
    powercut_vfs::instance().start(seed);
    run_until_cut(powercut_store(directory.path(), seed), seed);
    return powercut_vfs::instance().changes();
}

class PowerCut : public testing::TestWithParam<variant> {};

TEST_P(PowerCut, LosesNothingThatWasAcknowledgedAndLeavesAPrefix) {
    std::mt19937_64 random(announced_seed());
    int cut_after_ack = 0;
    for (int i = 0; i < cuts_per_variant; ++i) {
        const auto seed = random();
        const auto changes = count_changes(seed);
        const temp_directory directory;
        auto& power = powercut_vfs::instance();
        power.start(seed);
        power.cut_at(1 + random() % changes, GetParam());
        const auto run = run_until_cut(powercut_store(directory.path(), seed), seed);
        SCOPED_TRACE("cut " + std::to_string(i) + " at change " + std::to_string(power.changes()));
        std::optional<std::size_t> recovered;
        ASSERT_NO_THROW(recovered = recovered_batches(directory.path(), run));
        ASSERT_TRUE(recovered) << "what is left is no prefix of the batches";
        EXPECT_GE(*recovered, run.acknowledged);
        if (run.acknowledged > 0) ++cut_after_ack;
    }
    EXPECT_GT(cut_after_ack, cuts_per_variant / 2) << "most cuts came before anything was stored";
}

std::string variant_name(const testing::TestParamInfo<variant>& tested) {
    switch (tested.param) {
        case variant::drop_all:
            return "DropAll";
        case variant::torn:
            return "Torn";
        case variant::reordered:
            return "Reordered";
        case variant::new_files_gone:
            return "NewFilesGone";
    }
    return {};
}

INSTANTIATE_TEST_SUITE_P(Variants, PowerCut,
                         testing::Values(variant::drop_all, variant::torn, variant::reordered,
                                         variant::new_files_gone),
                         variant_name);

TEST(PowerCutControl, AStoreThatNeverSyncsLosesAcknowledgedJobs) {
    std::mt19937_64 random(7);
    int lost = 0;
    for (int i = 0; i < 10; ++i) {
        const auto seed = random();
        const temp_directory directory;
        auto& power = powercut_vfs::instance();
        power.start(seed);
        power.cut_at(150 + random() % 100, variant::drop_all);
        auto config = powercut_store(directory.path(), 1);
        config.testing.durable = false;
        const auto run = run_until_cut(config, seed);
        try {
            const auto recovered = recovered_batches(directory.path(), run);
            if (!recovered || *recovered < run.acknowledged) ++lost;
        } catch (const store_error&) {
            ++lost;  // the mark tells
        }
    }
    EXPECT_EQ(lost, 10);
}

}  // namespace
}  // namespace sluice::test
