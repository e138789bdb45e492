#include "server/queue/local_backend.hpp"
#include "server/runtime/clock.hpp"
#include "server/store/sqlite/sqlite_store.hpp"
#include "tests/support/powercut_vfs.hpp"
#include "tests/support/store_model.hpp"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <map>
#include <random>
#include <set>

/// The whole server side of it, from the answer to a push down to the file, when the power goes.
namespace sluice::test {
namespace {

using variant = powercut_vfs::variant;
using enum durability_class;

constexpr int producers = 3;
constexpr int cuts_per_variant = 25;

struct receipt {
    std::string args;
    durability_class asked = fsync;
    durability_class reached = fsync;
};

struct cut_run {
    std::vector<receipt> receipts;  ///< in the order they came
    std::uint64_t changes = 0;      ///< of the disk
};

asio::awaitable<void> produce(backend& queue, cut_run& run, std::uint64_t seed, int number) {
    std::mt19937_64 random(seed + static_cast<std::uint64_t>(number));
    for (int i = 0; i < 12; ++i) {
        push_request request;
        job_spec spec;
        spec.type = "work";
        spec.args = "[" + std::to_string(number * 1000 + i) + "]";
        spec.durability = static_cast<durability_class>(random() % 3);
        receipt made{spec.args, *spec.durability, memory};
        request.jobs.push_back(std::move(spec));
        const auto pushed = co_await queue.push(std::move(request));
        if (!pushed) co_return;
        made.reached = pushed->durability;
        run.receipts.push_back(std::move(made));
    }
}

/// Pushes until all is stored or the power goes.
cut_run push_until_cut(const sqlite_store_config& config, std::uint64_t seed) {
    cut_run run;
    asio::io_context context;
    try {
        local_backend_options options;
        options.now = [] { return system_instant(); };
        options.on_store_failure = [](const std::string&) {};
        const auto queue = make_local_backend(context.get_executor(), open_sqlite_store(config),
                                              std::move(options));
        int left = producers;
        for (int i = 0; i < producers; ++i)
            asio::co_spawn(context, produce(*queue, run, seed, i),
                           [&left](std::exception_ptr) { --left; });
        while (left > 0) context.run_one();
    } catch (const store_error&) {
    }
    powercut_vfs::instance().cut_now(variant::drop_all);
    run.changes = powercut_vfs::instance().changes();
    return run;
}

sqlite_store_config powercut_store(const temp_directory& directory) {
    auto config = small_store(directory.path());
    config.testing.vfs = powercut_vfs::name;
    config.reserve_bytes = 0;
    return config;
}

std::set<std::string> left_of(const temp_directory& directory) {
    std::set<std::string> found;
    restore_sink sink;
    sink.waiting = [](const waiting_job&) {};
    sink.queue = [](std::string_view, bool) {};
    sink.setting = [](const setting_record&) {};
    sink.dead_letters = [](std::string_view, std::uint64_t) {};
    sink.active = [](const job_record&) {};
    sink.cron = [](const cron_record&) {};
    sink.workflow = [](const workflow_record&) {};
    const auto store = open_sqlite_store(small_store(directory.path()));
    std::vector<std::int64_t> seqs;
    sink.waiting = [&seqs](const waiting_job& job) { seqs.push_back(job.seq); };
    store->restore_blocking(sink);
    for (const auto& job : store->load_blocking(seqs)) found.insert(job.spec->args);
    return found;
}

/// How many of each class were lost though their receipt had come.
using losses = std::map<durability_class, int>;

void count_losses(const cut_run& run, const std::set<std::string>& left, losses& lost) {
    for (const auto& each : run.receipts) {
        EXPECT_GE(each.reached, each.asked);
        if (!left.contains(each.args)) ++lost[each.reached];
    }
}

/// A run whose power goes at a change of the disk that the seed names.
void cut_once(std::uint64_t seed, variant how, bool durable, losses& lost) {
    auto& power = powercut_vfs::instance();
    std::uint64_t changes = 0;
    {
        const temp_directory directory;
        power.start(seed);
        changes = push_until_cut(powercut_store(directory), seed).changes;
    }
    const temp_directory directory;
    power.start(seed);
    power.cut_at(1 + std::mt19937_64(seed)() % changes, how);
    auto config = powercut_store(directory);
    config.testing.durable = durable;
    const auto run = push_until_cut(config, seed);
    try {
        count_losses(run, left_of(directory), lost);
    } catch (const store_error&) {
        if (durable) throw;
        count_losses(run, {}, lost);  // the mark tells
    }
}

TEST(DurabilityClasses, APowerCutTakesWhatTheReceiptAllowsAndNoMore) {
    std::mt19937_64 random(announced_seed());
    losses lost;
    for (const auto how :
         {variant::drop_all, variant::torn, variant::reordered, variant::new_files_gone})
        for (int i = 0; i < cuts_per_variant; ++i) cut_once(random(), how, true, lost);
    EXPECT_EQ(lost[fsync], 0);
    EXPECT_GT(lost[written] + lost[memory], 0) << "the cuts hit nothing: they prove little";
}

TEST(DurabilityClasses, AStoreThatNeverSyncsLosesWhatWasSaidToBeSynced) {
    losses lost;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) cut_once(seed, variant::drop_all, false, lost);
    EXPECT_GT(lost[fsync], 0);
}

}  // namespace
}  // namespace sluice::test
