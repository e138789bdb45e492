#include "tests/support/store_model.hpp"

#include "server/store/sqlite/checked_pages.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace sluice::test {
namespace {

constexpr timestamp some_day{std::chrono::microseconds{1'770'000'000'000'000}};

}  // namespace

temp_directory::temp_directory() {
    // Memory where there is some: what these tests say of syncs does not come from the real disk.
    const std::filesystem::path memory = "/dev/shm";
    const auto root =
        ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
    std::string pattern = (root / "sluice-store-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
}

temp_directory::~temp_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::uint64_t announced_seed() {
    const char* text = std::getenv("SLUICE_SEED");
    const std::uint64_t seed = text ? std::stoull(text) : std::random_device{}();
    std::cout << "SLUICE_SEED=" << seed << '\n';
    return seed;
}

sqlite::connection open_writer(const std::filesystem::path& file, const char* vfs) {
    sqlite::connection db(file.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs);
    int reserved = sqlite::page_checksum_bytes;
    sqlite3_file_control(db.get(), "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    sqlite3_db_config(db.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    db.execute("PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0");
    return db;
}

sqlite_store_config small_store(const std::filesystem::path& directory) {
    sqlite_store_config config;
    config.directory = directory;
    config.reserve_bytes = 4096;
    config.disk_low_bytes = 4096;
    config.wal_bytes = 64 * 1024;
    return config;
}

job_record make_job(std::int64_t seq, std::string args) {
    auto spec = std::make_shared<job_spec>();
    spec->id = make_uuid(some_day, seq, static_cast<std::uint32_t>(seq * 2654435761));
    spec->type = "email.send";
    spec->args = std::move(args);
    job_record job;
    job.seq = job.ticket = seq;
    job.spec = std::move(spec);
    job.received_at = some_day;
    return job;
}

job_write stored(job_record job) {
    return {job_place::nowhere, job_place::live, std::move(job), std::nullopt};
}

std::string describe(job_place place, const job_record& job) {
    std::string text = place == job_place::live ? "live " : "history ";
    text += to_string(job.state);
    text += ' ' + to_string(job.spec->id) + ' ' + std::to_string(job.ticket) + ' ' +
            std::to_string(job.attempt) + ' ' + job.worker_id + ' ' + job.result + ' ';
    return text + job.spec->args;
}

std::string describe(const log_line& line) {
    return "\n" + std::to_string(line.number) + ' ' + std::to_string(line.attempt) + ' ' +
           std::string(to_string(line.stream)) + ' ' +
           std::to_string(line.time.time_since_epoch().count()) + ' ' + line.text;
}

store_contents contents_of(job_store& store) {
    store_contents all;
    job_query query;
    query.limit = 200;
    for (;;) {
        auto page = store.list_blocking(query);
        for (const auto& job : page.jobs) {
            const auto found = store.find_blocking(job.spec->id);
            if (!found || found->record.seq != job.seq) {
                throw std::runtime_error("listed, but not found by its id");
            }
            auto text = describe(found->place, job);
            for (const auto& line : store.read_log_blocking(job.seq, 0, 10'000))
                text += describe(line);
            all.emplace(job.seq, std::move(text));
        }
        if (!page.next_before_seq) return all;
        query.before_seq = page.next_before_seq;
    }
}

void store_model::put(journal_batch& batch, job_place to, job_record record) {
    const auto seq = record.seq;
    const auto known = jobs_.find(seq);
    const auto from = known == jobs_.end() ? job_place::nowhere : known->second.place;
    if (to == job_place::nowhere) {
        jobs_.erase(seq);
        contents_.erase(seq);
    } else {
        auto& job = jobs_[seq];
        job.place = to;
        job.record = record;
        contents_[seq] = describe(to, record) + job.lines;
    }
    batch.jobs.push_back({from, to, std::move(record), std::nullopt});
}

void store_model::say_something(journal_batch& batch, known_job& job) {
    for (auto count = 1 + below(3); count > 0; --count) {
        const auto size = below(8) == 0 ? below(9000) : below(100);
        log_write write;
        write.seq = job.record.seq;
        write.line = {++job.log.lines, some_day, job.record.attempt,
                      static_cast<log_stream>(below(4)), std::string(size, 'l')};
        write.bytes = job.log.bytes += log_cost(write.line.text);
        job.lines += describe(write.line);
        batch.logs.push_back(std::move(write));
    }
    contents_[job.record.seq] = describe(job.place, job.record) + job.lines;
}

void store_model::change_one(journal_batch& batch) {
    if (jobs_.empty()) return;
    const auto it = std::next(jobs_.begin(), static_cast<std::ptrdiff_t>(below(jobs_.size())));
    for (const auto& write : batch.jobs) {
        if (write.record.seq == it->first) return;
    }
    for (const auto& write : batch.logs) {
        if (write.seq == it->first) return;
    }
    if (it->second.record.state == job_state::active && below(3) != 0)
        return say_something(batch, it->second);
    auto job = it->second;
    auto& record = job.record;
    if (job.place == job_place::history) {
        if (below(4) != 0) return;
        record.state = job_state::available;
        record.ticket = next_seq_++;
        put(batch, below(2) == 0 ? job_place::live : job_place::nowhere, std::move(record));
    } else if (record.state == job_state::active) {
        record.state = job_state::completed;
        record.result = "{\"sum\":" + std::to_string(below(1000)) + "}";
        put(batch, job_place::history, std::move(record));
    } else {
        record.state = job_state::active;
        ++record.attempt;
        record.worker_id = "worker-" + std::to_string(below(5));
        put(batch, job_place::live, std::move(record));
    }
}

journal_batch store_model::next_batch() {
    journal_batch batch;
    batch.number = ++batches_;
    batch.sync = below(4) != 0;
    if (batch.sync) {
        for (auto count = 1 + below(6); count > 0; --count) {
            const auto size = below(12) == 0 ? 1000 + below(9000) : below(200);
            put(batch, job_place::live,
                make_job(next_seq_++, "[\"" + std::string(size, 'x') + "\"]"));
        }
    }
    for (auto count = below(6); count > 0; --count) change_one(batch);
    return batch;
}

}  // namespace sluice::test
