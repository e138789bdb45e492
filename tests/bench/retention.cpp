// Whether retention costs those who push: creation to start of jobs at a constant rate, before,
// while and after a server deletes what has been kept long enough. Usage: bench_retention SLUICED
// DIRECTORY [ROUNDS [RATE [ROWS]]]

#include "server/store/sqlite/sqlite_store.hpp"
#include "tests/bench/client.hpp"
#include "tests/bench/load.hpp"
#include "tests/bench/process.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace sluice;
using namespace std::chrono_literals;

constexpr std::int64_t batch_jobs = 500;

timestamp wall_now() {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
}

job_record ended_job(std::int64_t seq) {
    auto spec = std::make_shared<job_spec>();
    spec->id = make_uuid(wall_now(), seq, static_cast<std::uint32_t>(seq * 2654435761));
    spec->type = "bench.job";
    spec->queue = "old";
    spec->args = R"(["01234567890123456789"])";
    job_record job;
    job.seq = job.ticket = seq;
    job.spec = std::move(spec);
    job.state = job_state::completed;
    job.attempt = 1;
    job.received_at = wall_now() - 1h;
    job.finished_at = wall_now() - 1h;
    return job;
}

/// Ids of the first and the last job that go.
struct kept_jobs {
    std::string first, last;
};

/// A data directory with so many jobs whose retention has passed.
kept_jobs fill(const std::filesystem::path& directory, std::int64_t rows) {
    sqlite_store_config config;
    config.directory = directory;
    const auto store = open_sqlite_store(config);
    kept_jobs ids;
    std::uint64_t number = 0;
    for (std::int64_t seq = 1; seq <= rows;) {
        journal_batch batch;
        batch.number = ++number;
        for (std::int64_t i = 0; i < batch_jobs && seq <= rows; ++i, ++seq) {
            auto job = ended_job(seq);
            if (seq == 1) ids.first = to_string(job.spec->id);
            ids.last = to_string(job.spec->id);
            const auto due = wall_now() - 10min + std::chrono::microseconds(seq);
            batch.jobs.push_back({job_place::nowhere, job_place::history, std::move(job), due});
        }
        const auto outcome = store->commit_blocking(batch);
        if (outcome.status != commit_status::ok) throw std::runtime_error(outcome.message);
    }
    store->close_blocking();
    return ids;
}

bool is_there(std::uint16_t port, const std::string& id) {
    try {
        bench::client(port).call("GET", "/ojs/v1/jobs/" + id);
        return true;
    } catch (const std::runtime_error&) {
        return false;
    }
}

enum phase : std::size_t { before, during, after };
using samples = std::array<std::vector<double>, 3>;

struct server {
    server(const std::string& sluiced, const std::filesystem::path& directory)
        : port(bench::free_port()),
          running({sluiced, "--listen", "127.0.0.1:" + std::to_string(port), "--data",
                   directory.string()},
                  port, directory.string() + ".log") {}

    std::uint16_t port;
    bench::process running;
};

/// Half a second of jobs at a time, until retention has been over for a while.
void measure(const server& at, const kept_jobs& ids, double rate, samples& seen) {
    const auto jobs = static_cast<std::size_t>(rate / 2);
    bench::sluice_latency(at.port, rate, 4 * jobs);  // warm
    std::chrono::steady_clock::time_point begun, ended;
    phase now = before;
    for (int left = 40; left > 0;) {
        const auto values = bench::sluice_latency(at.port, rate, jobs);
        const bool begins = now == before && !is_there(at.port, ids.first);
        if (begins) begun = std::chrono::steady_clock::now();
        const bool ends = now != after && !is_there(at.port, ids.last);
        if (ends) ended = std::chrono::steady_clock::now();
        // What fell into two phases counts for the one in the middle.
        const phase of = begins || ends ? during : now;
        seen[of].insert(seen[of].end(), values.begin(), values.end());
        if (begins) now = during;
        if (ends) now = after;
        if (now == after) --left;
    }
    const std::chrono::duration<double> took = ended - begun;
    std::printf("deleted in %.1f s\n", took.count());
}

void report(samples& seen) {
    std::printf("%-8s %9s %9s %9s %9s   (us)\n", "", "jobs", "p50", "p99", "p99.9");
    constexpr std::array names{"before", "during", "after"};
    for (std::size_t i = 0; i < seen.size(); ++i) {
        auto& values = seen[i];
        if (values.empty()) continue;
        std::sort(values.begin(), values.end());
        const auto at = [&](double part) {
            return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
        };
        std::printf("%-8s %9zu %9.0f %9.0f %9.0f\n", names.at(i), values.size(), at(0.5), at(0.99),
                    at(0.999));
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: bench_retention SLUICED DIRECTORY [ROUNDS [RATE [ROWS]]]\n", stderr);
        return 64;
    }
    const std::filesystem::path where = argv[2];
    const int rounds = argc > 3 ? std::atoi(argv[3]) : 3;
    const double rate = argc > 4 ? std::atof(argv[4]) : 500;
    const std::int64_t rows = argc > 5 ? std::atoll(argv[5]) : 300'000;
    std::filesystem::create_directories(where);
    samples seen;
    for (int round = 0; round < rounds; ++round) {
        const auto directory = where / std::to_string(round);
        const auto ids = fill(directory, rows);
        const server running(argv[1], directory);
        measure(running, ids, rate, seen);
        std::filesystem::remove_all(directory);
    }
    report(seen);
    return 0;
}
