/// How many jobs a second the embedded store makes durable, for several sizes of a commit.
///
///     bench_store_commit [DIRECTORY [ARGS_BYTES [SECONDS]]]
///
/// `insert` stores jobs; `life` stores each, marks it active (unsynced) and moves it to history.

#include "proto/time.hpp"
#include "server/store/sqlite/sqlite_store.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

namespace {

using namespace sluice;
using steady = std::chrono::steady_clock;

timestamp wall_now() {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
}

double cpu_seconds() {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

job_record make_job(std::int64_t seq, std::size_t args_bytes) {
    auto spec = std::make_shared<job_spec>();
    spec->id = make_uuid(wall_now(), seq, static_cast<std::uint32_t>(seq * 2654435761));
    spec->type = "email.send";
    spec->args = "[\"" + std::string(args_bytes > 4 ? args_bytes - 4 : 0, 'x') + "\"]";
    job_record job;
    job.seq = job.ticket = seq;
    job.spec = std::move(spec);
    job.received_at = wall_now();
    job.available_at = job.received_at;
    return job;
}

struct run {
    job_store& store;
    std::int64_t next_seq;
    std::uint64_t batches = 0;
    std::vector<double> commit_us;

    void commit(journal_batch batch) {
        batch.number = ++batches;
        const auto start = steady::now();
        const auto outcome = store.commit_blocking(batch);
        if (batch.sync) {
            commit_us.push_back(
                std::chrono::duration<double, std::micro>(steady::now() - start).count());
        }
        if (outcome.status == commit_status::ok) return;
        std::fprintf(stderr, "commit: %s\n", outcome.message.c_str());
        std::exit(1);
    }
};

journal_batch insert_batch(run& r, std::size_t jobs, std::size_t args_bytes) {
    journal_batch batch;
    batch.jobs.reserve(jobs);
    for (std::size_t i = 0; i < jobs; ++i) {
        batch.jobs.push_back({job_place::nowhere, job_place::live,
                              make_job(r.next_seq++, args_bytes), std::nullopt});
    }
    return batch;
}

/// The batches that carry the jobs of `inserted` through their lives.
std::vector<journal_batch> later_batches(const journal_batch& inserted) {
    journal_batch grants = inserted;
    grants.sync = false;
    for (auto& w : grants.jobs) {
        w.from = job_place::live;
        w.record.state = job_state::active;
        w.record.attempt = 1;
        w.record.lease = {1, static_cast<std::uint64_t>(w.record.seq), 77};
        w.record.worker_id = "worker-1";
        w.record.started_at = wall_now();
        w.record.lease_expires_at = wall_now() + std::chrono::seconds{30};
        w.record.lease_length = std::chrono::seconds{30};
        w.record.run_left = std::chrono::minutes{30};
        w.record.attempts = {{1, "worker-1", *w.record.started_at, {}, {}}};
    }
    journal_batch ends = grants;
    ends.sync = true;
    for (auto& w : ends.jobs) {
        w.to = job_place::history;
        w.record.state = job_state::completed;
        w.record.finished_at = w.record.acked_at = wall_now();
        w.record.outcome = lease_outcome::acked;
        w.record.attempts.back().finished_at = w.record.finished_at;
        w.record.attempts.back().outcome = w.record.outcome;
        w.record.result = "{\"ok\":true}";
        w.purge_at = wall_now() + std::chrono::hours{24};
    }
    return {std::move(grants), std::move(ends)};
}

void measure(const std::filesystem::path& directory, const char* what, bool life, std::size_t k,
             std::size_t args_bytes, double seconds) {
    std::filesystem::remove_all(directory);
    sqlite_store_config config;
    config.directory = directory;
    if (const char* wal = std::getenv("WAL_MIB")) config.wal_bytes = std::stoull(wal) << 20;
    const auto store = open_sqlite_store(config);
    run r{*store, 1, 0, {}};
    double in_store = 0;
    double cpu = 0;
    while (in_store < seconds) {
        auto first = insert_batch(r, k, args_bytes);
        std::vector<journal_batch> rest;
        if (life) rest = later_batches(first);
        const auto start = steady::now();
        const double cpu_start = cpu_seconds();
        r.commit(std::move(first));
        for (auto& batch : rest) r.commit(std::move(batch));
        in_store += std::chrono::duration<double>(steady::now() - start).count();
        cpu += cpu_seconds() - cpu_start;
    }
    std::sort(r.commit_us.begin(), r.commit_us.end());
    const auto at = [&](double q) {
        return r
            .commit_us[static_cast<std::size_t>(q * static_cast<double>(r.commit_us.size() - 1))];
    };
    const auto jobs = static_cast<double>(r.next_seq - 1);
    store->close_blocking();
    const auto bytes = static_cast<double>(std::filesystem::file_size(directory / "sluice.db"));
    std::printf(
        "%-6s k=%-5zu %9.0f jobs/s  %6.2f us cpu/job  commit us p50 %7.0f p99 %7.0f max "
        "%7.0f  %4.0f bytes/job\n",
        what, k, jobs / in_store, cpu / jobs * 1e6, at(0.5), at(0.99), at(1), bytes / jobs);
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const std::filesystem::path directory =
        std::filesystem::path(argc > 1 ? argv[1] : ".") / "bench-store";
    const std::size_t args_bytes = argc > 2 ? std::stoul(argv[2]) : 100;
    const double seconds = argc > 3 ? std::stod(argv[3]) : 2;
    for (const bool life : {false, true}) {
        for (const std::size_t k : {1, 10, 100, 1000}) {
            measure(directory, life ? "life" : "insert", life, k, args_bytes, seconds);
        }
    }
    std::filesystem::remove_all(directory);
}
