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
constexpr int flood_jobs = 50'000;
constexpr int quiet_jobs = 2'000;
constexpr int quiet_rounds = 5;
constexpr auto quiet_interval = 2ms;
constexpr auto job_time = 1ms;
constexpr int used_keys = 1'000'000;
constexpr int backlog = 10'000;
constexpr int keys_apart = 1'000;
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

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

/// With and without a flood in turn, so that what else the machine does meets both.
void measure_quiet(const std::string& sluiced, const std::filesystem::path& where) {
    std::vector<double> p50[2], p99[2];
    for (int round = 0; round < quiet_rounds; ++round) {
        for (const bool flood : {false, true}) {
            const auto name = (flood ? "flooded" : "empty") + std::to_string(round);
            const auto run = measure_quiet(sluiced, where, name, flood, true);
            if (run.waits.size() != quiet_jobs) throw std::runtime_error("a quiet job waits");
            p50[flood ? 1 : 0].push_back(at(run.waits, 0.5));
            p99[flood ? 1 : 0].push_back(at(run.waits, 0.99));
            std::printf("%-8s wait p50 %6.0f p99 %6.0f us, %d of the flood started\n", name.c_str(),
                        p50[flood ? 1 : 0].back(), p99[flood ? 1 : 0].back(), run.flood_started);
        }
    }
    std::printf("a flood: p50 %.0f against %.0f us, p99 %.0f against %.0f us: x %.2f\n",
                median(p50[1]), median(p50[0]), median(p99[1]), median(p99[0]),
                median(p99[1]) / median(p99[0]));
    const auto unfair = measure_quiet(sluiced, where, "unfair", true, false);
    std::printf("the same flood without keys: %zu of %d quiet jobs started\n", unfair.waits.size(),
                quiet_jobs);
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
    client first(at.port);
    push_many(first, used_keys, [&](int i) { return "t" + std::to_string(many ? i : i % 2); });
    drain(at.port, used_keys);
    client then(at.port);  // the other one may have been idle for too long
    push_many(then, backlog, [](int) { return std::string("backlog"); });
}

/// What waiting jobs take of memory: in order of arrival, and when keys that came one after the
/// other take turns. What is kept of the first ones is the same.
void measure_waiting(const std::string& sluiced, const std::filesystem::path& where) {
    double taken[2] = {};
    for (const bool turns : {false, true}) {
        const server at(sluiced, where, turns ? "turns" : "arrival");
        client to(at.port);
        const auto before = at.running.resident_kib();
        push_many(to, used_keys,
                  [&](int i) { return "w" + std::to_string(turns ? i / keys_apart : 0); });
        taken[turns ? 1 : 0] = static_cast<double>(at.running.resident_kib() - before);
    }
    std::printf(
        "memory: %.0f MiB for %d waiting jobs of one key, %.0f MiB of %d: %.0f bytes each\n",
        taken[0] / 1024, used_keys, taken[1] / 1024, used_keys / keys_apart,
        (taken[1] - taken[0]) * 1024 / used_keys);
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
    // The same while all of them have had their turn and the backlog has not.
    for (const auto* each : {&few, &many}) {
        client to(each->port);
        const auto before = each->running.resident_kib();
        push_many(to, used_keys,
                  [&](int i) { return "u" + std::to_string(each == &many ? i : i % 2); });
        drain(each->port, used_keys);
        std::printf("memory: %.0f MiB more after another %d jobs of %d keys in one turn\n",
                    static_cast<double>(each->running.resident_kib() - before) / 1024, used_keys,
                    each == &many ? used_keys : 2);
    }
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
    measure_quiet(sluiced, where);
    measure_waiting(sluiced, where);
    measure_keys(sluiced, where, rounds);
    return 0;
}
