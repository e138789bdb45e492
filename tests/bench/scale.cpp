// Whether what waits costs those who push and fetch: an empty server beside one with 1,000,000
// waiting jobs in 10,000 queues, 100,000 scheduled ones and 1,000 cron jobs. Both run at once and
// take turns, so that what else the machine does meets both; medians count. Usage: bench_scale
// SLUICED DIRECTORY [ROUNDS]

#include "tests/bench/client.hpp"
#include "tests/bench/load.hpp"
#include "tests/bench/process.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace sluice::bench;
using namespace std::chrono_literals;
using milliseconds = std::chrono::milliseconds;

constexpr int queues = 10'000;
constexpr int waiting = 1'000'000;
constexpr int scheduled = 100'000;
constexpr int crons = 1'000;
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

/// `jobs` jobs, over all queues in turn.
void fill(client& to, int jobs, const std::string& options) {
    int next = 0;
    while (next < jobs) {
        std::string body = R"({"jobs":[)";
        for (int i = 0; i < batch_jobs; ++i, ++next)
            body += std::string(i == 0 ? "" : ",") +
                    R"({"type":"bench.job","args":["0123456789"],"options":{"queue":"q)" +
                    std::to_string(next % queues) + '"' + options + "}}";
        to.call("POST", "/ojs/v1/jobs/batch", body + "]}");
    }
}

void fill(const server& laden) {
    client to(laden.port);
    fill(to, waiting, "");
    fill(to, scheduled, R"(,"scheduled_at":"+P7D")");
    for (int i = 0; i < crons; ++i)
        to.call("POST", "/ojs/v1/cron",
                R"({"name":"c)" + std::to_string(i) +
                    R"(","expression":"@yearly","job_template":{"type":"bench.job","args":[]}})");
}

protocol fetch_from(const std::string& queue) {
    const auto push = sluice_push("", "");
    const auto request = [queue](std::uint64_t) {
        const auto body = R"({"queues":[")" + queue + R"("],"worker_id":"w"})";
        return "POST /ojs/v1/workers/fetch HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
               "application/json\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    };
    const auto answer = [read = push.answer](std::string_view text) {
        const auto bytes = read(text);
        if (bytes > 0 && text.substr(0, bytes).find(R"("jobs":[])") != std::string_view::npos)
            throw std::runtime_error("no job is left to fetch");
        return bytes;
    };
    return {request, answer};
}

struct figures {
    std::vector<double> push, fetch;
};

void measure(const server& at, figures& rates) {
    rates.push.push_back(closed_loop(at.port, sluice_push("bench", "bench.job"), connections, 2s));
    rates.fetch.push_back(closed_loop(at.port, fetch_from("bench"), connections, 500ms));
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void report(const char* what, const std::vector<double>& empty, const std::vector<double>& laden) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < empty.size(); ++i) ratios.push_back(empty[i] / laden[i]);
    const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
    std::printf("%-6s %9.0f/s empty %9.0f/s laden   time x %.2f (%.2f to %.2f)\n", what,
                median(empty), median(laden), median(ratios), *least, *most);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: bench_scale SLUICED DIRECTORY [ROUNDS]\n", stderr);
        return 64;
    }
    const std::string sluiced = argv[1];
    const std::filesystem::path where = argv[2];
    const int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
    std::filesystem::create_directories(where);
    const server empty(sluiced, where, "empty");
    const server laden(sluiced, where, "laden");
    const auto begun = std::chrono::steady_clock::now();
    fill(laden);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    std::printf(
        "%d waiting jobs in %d queues, %d scheduled, %d cron jobs: stored in %.0f s, %.0f MiB\n",
        waiting, queues, scheduled, crons, took.count(),
        static_cast<double>(laden.running.resident_kib()) / 1024);
    figures without, with;
    for (int round = 0; round < rounds; ++round) {
        measure(empty, without);
        measure(laden, with);
    }
    report("push", without.push, with.push);
    report("fetch", without.fetch, with.fetch);
    return 0;
}
