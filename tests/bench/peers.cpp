// Sluice beside Redis and beanstalkd, each at its durable setting, in one interleaved run: only
// ratios within one run say anything on a shared machine. Usage: bench_peers SLUICED [--rounds N]
// [--seconds S]

#include "tests/bench/load.hpp"
#include "tests/bench/process.hpp"

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <thread>

using namespace sluice::bench;

namespace {

struct servers {
    explicit servers(const std::string& sluiced, const std::filesystem::path& where)
        : sluice_port(free_port()),
          sluice({sluiced, "--listen", "127.0.0.1:" + std::to_string(sluice_port), "--data",
                  where / "sluice"},
                 sluice_port, where / "sluiced.log"),
          redis_port(free_port()),
          redis({"redis-server", "--port", std::to_string(redis_port), "--dir", where, "--save", "",
                 "--appendonly", "yes", "--appendfsync", "always"},
                redis_port, where / "redis.log"),
          beanstalkd_port(free_port()),
          beanstalkd({"beanstalkd", "-l", "127.0.0.1", "-p", std::to_string(beanstalkd_port), "-b",
                      where, "-f0"},
                     beanstalkd_port, where / "beanstalkd.log") {}

    std::uint16_t sluice_port;
    process sluice;
    std::uint16_t redis_port;
    process redis;
    std::uint16_t beanstalkd_port;
    process beanstalkd;
};

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

double quantile(const std::vector<double>& sorted, double q) {
    const auto at = static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1));
    return sorted[at];
}

using row = std::map<std::string, std::vector<double>>;

void print_row(const std::string& name, const row& values, const std::string& unit) {
    for (const auto& [peer, all] : values)
        fmt::print("{:<28} {:<12} {:>10.0f} {} (min {:.0f}, max {:.0f})\n", name, peer, median(all),
                   unit, *std::min_element(all.begin(), all.end()),
                   *std::max_element(all.begin(), all.end()));
    const auto ours = median(values.at("sluice"));
    for (const auto& [peer, all] : values)
        if (peer != "sluice")
            fmt::print("{:<28} sluice / {:<10} {:>6.2f}\n", name, peer, ours / median(all));
}

void throughput(const servers& peers, std::size_t connections, int rounds,
                std::chrono::seconds length) {
    row rates;
    const auto ours = sluice_push("bench", "bench.push");
    const auto redis = redis_lpush("bench");
    const auto beanstalkd = beanstalkd_put();
    for (int round = 0; round < rounds; ++round) {
        rates["sluice"].push_back(closed_loop(peers.sluice_port, ours, connections, length));
        rates["redis"].push_back(closed_loop(peers.redis_port, redis, connections, length));
        rates["beanstalkd"].push_back(
            closed_loop(peers.beanstalkd_port, beanstalkd, connections, length));
    }
    print_row("durable push, " + std::to_string(connections) + " conn", rates, "jobs/s");
}

void latency(const servers& peers, int rounds, std::size_t count) {
    row p50, p99;
    for (int round = 0; round < rounds; ++round) {
        const auto ours = sluice_latency(peers.sluice_port, 500, count);
        const auto redis = redis_latency(peers.redis_port, 500, count);
        p50["sluice"].push_back(quantile(ours, 0.5));
        p99["sluice"].push_back(quantile(ours, 0.99));
        p50["redis"].push_back(quantile(redis, 0.5));
        p99["redis"].push_back(quantile(redis, 0.99));
    }
    print_row("create to start, 500/s, p50", p50, "us");
    print_row("create to start, 500/s, p99", p99, "us");
}

void idle(const servers& peers) {
    const auto before = peers.sluice.cpu_seconds();
    std::this_thread::sleep_for(std::chrono::seconds{5});
    fmt::print("idle CPU over 5 s: {:.2f} s; resident memory {} MiB\n",
               peers.sluice.cpu_seconds() - before, peers.sluice.resident_kib() / 1024);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Sluice beside Redis and beanstalkd, durable, interleaved");
    std::string sluiced;
    std::string directory = ".";
    int rounds = 3;
    int seconds = 3;
    std::size_t jobs = 2500;
    app.add_option("sluiced", sluiced, "The server's binary")->required();
    app.add_option("--directory", directory, "Where the servers keep their data");
    app.add_option("--rounds", rounds, "Interleaved rounds");
    app.add_option("--seconds", seconds, "Length of each throughput measurement");
    app.add_option("--jobs", jobs, "Jobs of each latency measurement");
    CLI11_PARSE(app, argc, argv);

    const auto where = std::filesystem::absolute(directory) / "bench-data";
    std::filesystem::create_directories(where);
    {
        const servers peers(sluiced, where);
        idle(peers);
        throughput(peers, 64, rounds, std::chrono::seconds{seconds});
        throughput(peers, 1, rounds, std::chrono::seconds{seconds});
        latency(peers, rounds, jobs);
    }
    std::filesystem::remove_all(where);
}
