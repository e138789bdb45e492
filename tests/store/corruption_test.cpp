#include "tests/support/store_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

constexpr int damages = 90;
/// A log that is never moved into the database.
constexpr std::uint64_t long_log = std::uint64_t{64} << 20;

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

/// Data directories as they stood: once early, once when the process was killed, and the same
/// closed in order.
struct store_copies {
    temp_directory root;
    fs::path older = root.path() / "older";
    fs::path killed = root.path() / "killed";
    fs::path closed = root.path() / "closed";
    std::vector<store_contents> states;
    std::size_t acknowledged = 0;

    store_copies() = default;
    explicit store_copies(std::uint64_t seed, std::uint64_t wal_bytes = 64 * 1024) {
        const auto live = root.path() / "live";
        auto config = small_store(live);
        config.wal_bytes = wal_bytes;
        auto store = open_sqlite_store(config);
        store_model model(seed);
        states.emplace_back();
        for (int i = 1; i <= 80; ++i) {
            const auto batch = model.next_batch();
            if (store->commit_blocking(batch).status != commit_status::ok) std::abort();
            states.push_back(model.contents());
            if (batch.sync) acknowledged = states.size() - 1;
            if (i == 40) fs::copy(live, older);
        }
        fs::copy(live, killed);
        store->close_blocking();
        fs::copy(live, closed);
    }
};

std::string padded_args(std::size_t size) {
    return "[\"" + std::string(size, 'x') + "\"]";
}

/// Does one thing at random to one file and says what.
std::string damage(const fs::path& data, const fs::path& older, std::mt19937_64& random) {
    constexpr std::array<const char*, 3> files{"sluice.db", "sluice.db-wal", "mark"};
    const std::string name = files[random() % files.size()];
    const auto path = data / name;
    if (!fs::exists(path)) return "nothing";
    auto bytes = read_file(path);
    const auto at = static_cast<std::size_t>(random() % bytes.size());
    switch (random() % 6) {
        case 0:
        case 1:
            bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
            write_file(path, bytes);
            return "flipped a bit at " + std::to_string(at) + " of " + name;
        case 2: {
            const auto from = random() % 2 == 0 ? at : at / 4096 * 4096;
            const auto count = std::min<std::size_t>(4096, bytes.size() - from);
            std::memset(bytes.data() + from, 0, count);
            write_file(path, bytes);
            return "zeroed " + std::to_string(count) + " bytes at " + std::to_string(from) +
                   " of " + name;
        }
        case 3:
            fs::resize_file(path, at);
            return "truncated " + name + " to " + std::to_string(at);
        case 4:
            fs::remove(path);
            return "deleted " + name;
        default:
            fs::copy_file(older / name, path, fs::copy_options::overwrite_existing);
            return "swapped " + name + " with an older copy";
    }
}

enum class outcome { refused, intact, loss_unseen };

/// What a start makes of a directory. Damage that shows when a job is read counts as refused.
outcome open_damaged(const sqlite_store_config& config, const store_copies& copies,
                     std::string& words) {
    try {
        const auto store = open_sqlite_store(config);
        restore_sink sink;
        sink.waiting = [](const waiting_job&) {};
        sink.active = [](const job_record&) {};
        sink.queue = [](std::string_view, bool) {};
        store->restore_blocking(sink);
        const auto found = contents_of(*store);
        const auto from = copies.states.begin() + static_cast<std::ptrdiff_t>(copies.acknowledged);
        if (std::find(from, copies.states.end(), found) != copies.states.end()) {
            return outcome::intact;
        }
        return outcome::loss_unseen;
    } catch (const store_error& e) {
        words = e.what();
        EXPECT_EQ(e.exit_code(), 65) << words;
        return outcome::refused;
    }
}

TEST(Corruption, NeverHidesALoss) {
    std::mt19937_64 random(announced_seed());
    const store_copies copies(random());
    int refused = 0;
    int intact = 0;
    for (int i = 0; i < damages; ++i) {
        const temp_directory directory;
        const auto data = directory.path() / "data";
        fs::copy(i % 3 == 0 ? copies.closed : copies.killed, data);
        const auto what = damage(data, copies.older, random);
        SCOPED_TRACE(what);
        std::string words;
        const auto result = open_damaged(small_store(data), copies, words);
        EXPECT_NE(result, outcome::loss_unseen);
        if (result == outcome::refused) {
            ++refused;
            EXPECT_NE(words.find(data.string()), words.npos) << words;
        } else {
            ++intact;
        }
    }
    std::cout << refused << " refused, " << intact << " intact\n";
    EXPECT_GT(refused, damages / 4);
}

TEST(CorruptionControl, WithoutTheMarkADamagedLogLosesJobsWithoutAWord) {
    const store_copies copies(3, long_log);
    auto log = read_file(copies.killed / "sluice.db-wal");
    log[100] = static_cast<char>(log[100] ^ 1);  // in its first page
    write_file(copies.killed / "sluice.db-wal", log);

    std::string words;
    auto config = small_store(copies.killed);
    EXPECT_EQ(open_damaged(config, copies, words), outcome::refused);
    EXPECT_NE(words.find("sluice.db-wal"), words.npos) << words;

    config.testing.check_mark = false;
    EXPECT_EQ(open_damaged(config, copies, words), outcome::loss_unseen);
}

TEST(CorruptionControl, WithoutPageChecksumsAFlippedBitChangesAJobWithoutAWord) {
    const temp_directory directory;
    const auto config = small_store(directory.path());
    {
        const auto store = open_sqlite_store(config);
        journal_batch batch;
        batch.jobs = {stored(make_job(1, "[\"needle\"]"))};
        ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
        store->close_blocking();
    }
    auto bytes = read_file(directory.path() / "sluice.db");
    const auto at = bytes.find("needle");
    ASSERT_NE(at, bytes.npos);
    bytes[at] = 'w';
    write_file(directory.path() / "sluice.db", bytes);

    EXPECT_THROW(contents_of(*open_sqlite_store(config)), store_error);
    auto unchecked = config;
    unchecked.testing.check_pages = false;
    const auto contents = contents_of(*open_sqlite_store(unchecked));
    EXPECT_NE(contents.at(1).find("weedle"), std::string::npos);
}

TEST(Corruption, AnOlderDatabaseUnderANewerLogIsSeen) {
    const store_copies copies(5);
    fs::copy_file(copies.older / "sluice.db", copies.killed / "sluice.db",
                  fs::copy_options::overwrite_existing);
    std::string words;
    EXPECT_EQ(open_damaged(small_store(copies.killed), copies, words), outcome::refused);
    EXPECT_NE(words.find("sluice.db "), words.npos) << words;
    auto config = small_store(copies.killed);
    config.testing.check_mark = false;
    EXPECT_NE(open_damaged(config, copies, words), outcome::intact);
}

/// A database ahead of its log holds pages of two times. The mark alone would not show it while
/// only unsynced commits came in between.
TEST(Corruption, ALogThatEndsBeforeItsDatabaseIsSeenAmongUnsyncedCommits) {
    int refused = 0;
    for (int unsynced = 1; unsynced <= 40; ++unsynced) {
        store_copies copies;
        const auto live = copies.root.path() / "live";
        const auto store = open_sqlite_store(small_store(live));
        journal_batch batch;
        for (int i = 1; i <= 60; ++i) batch.jobs.push_back(stored(make_job(i, padded_args(900))));
        ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
        copies.states = {contents_of(*store)};
        for (int i = 0; i < unsynced; ++i) {
            batch.sync = false;
            batch.jobs.resize(0);
            for (const int seq : {1 + i % 60, 1 + (i * 7 + 30) % 60}) {
                auto job = make_job(seq, padded_args(900));
                job.attempt = static_cast<std::uint32_t>(i + 1);
                batch.jobs.push_back({job_place::live, job_place::live, std::move(job), {}});
            }
            ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
            copies.states.push_back(contents_of(*store));
        }
        fs::copy(live, copies.killed);
        const auto log = copies.killed / "sluice.db-wal";
        fs::resize_file(log, fs::file_size(log) / 2);
        std::string words;
        const auto result = open_damaged(small_store(copies.killed), copies, words);
        EXPECT_NE(result, outcome::loss_unseen) << unsynced;
        refused += result == outcome::refused ? 1 : 0;
    }
    EXPECT_GT(refused, 0);
}

TEST(Corruption, ALostMarkIsRefused) {
    const store_copies copies(6);
    fs::remove(copies.killed / "mark");
    std::string words;
    EXPECT_EQ(open_damaged(small_store(copies.killed), copies, words), outcome::refused);
    EXPECT_NE(words.find("mark"), words.npos) << words;
}

TEST(Corruption, ARefusedStoreIsLeftAsItWas) {
    const store_copies copies(8, long_log);
    auto log = read_file(copies.killed / "sluice.db-wal");
    log.resize(log.size() / 2);
    write_file(copies.killed / "sluice.db-wal", log);
    const auto database = read_file(copies.killed / "sluice.db");
    std::string words;
    EXPECT_EQ(open_damaged(small_store(copies.killed), copies, words), outcome::refused);
    EXPECT_TRUE(read_file(copies.killed / "sluice.db-wal") == log);
    EXPECT_TRUE(read_file(copies.killed / "sluice.db") == database);
}

}  // namespace
}  // namespace sluice::test
