// What a flood costs those who are quiet, and what keys cost that were used and have nothing
// waiting. Usage: bench_fairness SLUICED DIRECTORY [ROUNDS]

#include "proto/time.hpp"
#include "tests/bench/client.hpp"
#include "tests/bench/load.hpp"
#include "tests/bench/process.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace sluice::bench;
using namespace std::chrono_literals;
using nlohmann::json;

constexpr int workers = 8;
constexpr int tenants = 999;
constexpr int flood_jobs = 100'000;
constexpr int quiet_jobs = 4'000;
constexpr auto quiet_interval = 2ms;
constexpr auto job_time = 1ms;
constexpr int used_keys = 1'000'000;
constexpr int backlog = 10'000;
constexpr int batch_jobs = 1'000;
constexpr std::size_t connections = 16;

struct server {
    server(const std::string& sluiced, const std::filesystem::path& where, const std::string& name)
        : port(free_port()),
          running({sluiced, "--listen", "127.0.0.1:" + std::to_string(port), "--data",
                   (where / name).string()},
                  port, (where / (name + ".log")).string()) {}

    std::uint16_t port;
    process running;
};

std::string job_text(const std::string& key) {
    return R"({"type":"bench.job","args":["0123456789"],"options":{"queue":"q")" +
           (key.empty() ? "" : R"(,"fairness_key":")" + key + '"') + "}}";
}

void push_many(client& to, int jobs, const std::function<std::string(int)>& key) {
    for (int next = 0; next < jobs;) {
        std::string body = R"({"jobs":[)";
        for (int i = 0; i < batch_jobs; ++i, ++next)
            body += (i == 0 ? "" : ",") + job_text(key(next));
        to.call("POST", "/ojs/v1/jobs/batch", body + "]}");
    }
}

// -- a flood and those who are quiet

struct quiet_run {
    std::vector<double> waits;  ///< of quiet jobs that were started, in microseconds, sorted
    int flood_started = 0;
};

double waited(const json& job) {
    const auto time = [&](const char* name) {
        return *sluice::parse_timestamp(job["timeline"][name].get<std::string>());
    };
    return static_cast<double>((time("started_at") - time("received_at")).count());
}

/// One worker: jobs of a millisecond, one after the other, until told to stop.
void work(std::uint16_t port, int number, const std::atomic<bool>& stop, std::mutex& lock,
          quiet_run& seen) {
    client to(port);
    const auto name = "w" + std::to_string(number);
    const auto ask = R"({"queues":["q"],"worker_id":")" + name + R"(","timeout_ms":200})";
    while (!stop) {
        const auto jobs = to.call("POST", "/ojs/v1/workers/fetch", ask)["jobs"];
        for (const auto& job : jobs) {
            {
                const std::lock_guard guard(lock);
                if (job["args"][0] == "quiet")
                    seen.waits.push_back(waited(job));
                else
                    ++seen.flood_started;
            }
            std::this_thread::sleep_for(job_time);
            to.call(
                "POST", "/ojs/v1/workers/ack",
                json{{"job_id", job["id"]}, {"lease", job["lease"]}, {"worker_id", name}}.dump());
        }
    }
}

quiet_run measure_quiet(const std::string& sluiced, const std::filesystem::path& where,
                        const std::string& name, bool flood, bool keys) {
    const server at(sluiced, where, name);
    client to(at.port);
    if (flood) push_many(to, flood_jobs, [&](int) { return keys ? "flood" : ""; });
    quiet_run seen;
    std::mutex lock;
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < workers; ++i)
        threads.emplace_back([&, i] { work(at.port, i, stop, lock, seen); });
    auto next = std::chrono::steady_clock::now();
    for (int i = 0; i < quiet_jobs; ++i) {
        std::this_thread::sleep_until(next += quiet_interval);
        auto job = json::parse(job_text(keys ? "t" + std::to_string(i % tenants) : ""));
        job["args"][0] = "quiet";
        to.call("POST", "/ojs/v1/jobs", job.dump());
    }
    std::this_thread::sleep_for(1s);
    stop = true;
    for (auto& each : threads) each.join();
    std::sort(seen.waits.begin(), seen.waits.end());
    return seen;
}

double at(const std::vector<double>& sorted, double part) {
    if (sorted.empty()) return 0;
    return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

void report(const char* name, const quiet_run& run) {
    std::printf(
        "%-22s %5zu of %d quiet jobs started, wait p50 %6.0f p99 %6.0f us; %d of the flood\n", name,
        run.waits.size(), quiet_jobs, at(run.waits, 0.5), at(run.waits, 0.99), run.flood_started);
}

// -- keys that were used

/// Starts and ends so many jobs.
void drain(std::uint16_t port, int jobs) {
    client to(port);
    json answers = json::array();
    while (jobs > 0 || !answers.empty()) {
        const auto count = std::min(jobs, batch_jobs);
        json body{{"worker_id", "drain"}, {"ack", std::move(answers)}};
        answers = json::array();
        if (count > 0) body["fetch"] = {{"queues", {"q"}}, {"count", count}};
        const auto told = to.call("POST", "/ojs/v1/workers/batch", body.dump());
        if (!told.contains("jobs")) continue;
        for (const auto& job : told["jobs"])
            answers.push_back({{"job_id", job["id"]}, {"lease", job["lease"]}});
        jobs -= static_cast<int>(told["jobs"].size());
    }
}

/// Both servers have done as many jobs; only how many keys these had differs.
void use(const server& at, bool many) {
    client to(at.port);
    push_many(to, backlog, [](int) { return std::string("backlog"); });
    push_many(to, used_keys, [&](int i) { return "t" + std::to_string(many ? i : i % 2); });
    drain(at.port, used_keys);
}

protocol push_one() {
    const auto text = job_text("fresh");
    const auto request = [text](std::uint64_t) {
        return "POST /ojs/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
               "application/json\r\nContent-Length: " +
               std::to_string(text.size()) + "\r\n\r\n" + text;
    };
    return {request, sluice_push("", "").answer};
}

protocol fetch_one() {
    const std::string body = R"({"queues":["q"],"worker_id":"w"})";
    const auto request = [body](std::uint64_t) {
        return "POST /ojs/v1/workers/fetch HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
               "application/json\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    };
    return {request, sluice_push("", "").answer};
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void compare(const char* what, const std::vector<double>& few, const std::vector<double>& many) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < few.size(); ++i) ratios.push_back(few[i] / many[i]);
    const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
    std::printf("%-6s %9.0f/s after 3 keys %9.0f/s after %d   time x %.2f (%.2f to %.2f)\n", what,
                median(few), median(many), used_keys, median(ratios), *least, *most);
}

void measure_keys(const std::string& sluiced, const std::filesystem::path& where, int rounds) {
    const server few(sluiced, where, "few");
    const server many(sluiced, where, "many");
    use(few, false);
    use(many, true);
    std::printf("memory: %.0f MiB after 3 keys, %.0f MiB after %d\n",
                static_cast<double>(few.running.resident_kib()) / 1024,
                static_cast<double>(many.running.resident_kib()) / 1024, used_keys);
    std::vector<double> pushes[2], fetches[2];
    for (int round = 0; round < rounds; ++round) {
        for (int i = 0; i < 2; ++i) {
            const auto port = i == 0 ? few.port : many.port;
            pushes[i].push_back(closed_loop(port, push_one(), connections, 2s));
            fetches[i].push_back(closed_loop(port, fetch_one(), connections, 500ms));
        }
    }
    compare("push", pushes[0], pushes[1]);
    compare("fetch", fetches[0], fetches[1]);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: bench_fairness SLUICED DIRECTORY [ROUNDS]\n", stderr);
        return 64;
    }
    const std::string sluiced = argv[1];
    const std::filesystem::path where = argv[2];
    const int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
    std::filesystem::create_directories(where);
    const auto empty = measure_quiet(sluiced, where, "empty", false, true);
    const auto flooded = measure_quiet(sluiced, where, "flooded", true, true);
    const auto unfair = measure_quiet(sluiced, where, "unfair", true, false);
    report("empty queue", empty);
    report("flood, keys", flooded);
    report("flood, without keys", unfair);
    std::printf("p99 with a flood: x %.2f of that of an empty queue\n",
                at(flooded.waits, 0.99) / at(empty.waits, 0.99));
    measure_keys(sluiced, where, rounds);
    return 0;
}
