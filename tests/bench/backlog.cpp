// What a backlog costs: memory and disk of so many waiting jobs in one queue, the time to start
// again with them, and what a push and a fetch take beside it, against an empty server that runs
// beside and takes turns with it. Usage: bench_backlog SLUICED DIRECTORY [JOBS] [ROUNDS]

#include "tests/bench/load.hpp"
#include "tests/bench/process.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace sluice::bench;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr double mib = 1024.0 * 1024.0;
constexpr std::size_t connections = 16;

struct server {
    server(std::string sluiced, std::filesystem::path directory)
        : program(std::move(sluiced)), where(std::move(directory)), port(free_port()) {
        std::filesystem::create_directories(where);
    }
    /// The time until it answers.
    double start() {
        running.reset();
        const auto begun = steady::now();
        running = std::make_unique<process>(
            std::vector<std::string>{program, "--listen", "127.0.0.1:" + std::to_string(port),
                                     "--data", (where / "data").string(), "--workers", "0"},
            port, (where / "log").string());
        return std::chrono::duration<double>(steady::now() - begun).count();
    }
    double resident() const { return static_cast<double>(running->resident_kib()) * 1024; }
    double disk() const {
        std::uintmax_t bytes = 0;
        for (const auto& file : std::filesystem::recursive_directory_iterator(where / "data"))
            if (file.is_regular_file()) bytes += file.file_size();
        return static_cast<double>(bytes);
    }

    std::string program;
    std::filesystem::path where;
    std::uint16_t port;
    std::unique_ptr<process> running;
};

std::string small_job(std::uint64_t number) {
    return R"({"type":"bench.job","args":[)" + std::to_string(number) +
           R"(],"options":{"queue":"backlog","durability":"written"}})";
}

protocol fetch_from(const std::string& queue) {
    const auto push = sluice_push("", "");
    const auto request = [queue](std::uint64_t) {
        const auto body = R"({"queues":[")" + queue + R"("],"worker_id":"w"})";
        return "POST /ojs/v1/workers/fetch HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
               "application/json\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    };
    return {request, push.answer};
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

void compare(const char* what, const server& empty, const server& laden,
             const std::pair<protocol, protocol>& how, int rounds) {
    std::vector<double> without, with, ratios;
    for (int round = 0; round < rounds; ++round) {
        without.push_back(closed_loop(empty.port, how.first, connections, 1s));
        with.push_back(closed_loop(laden.port, how.second, connections, 1s));
        ratios.push_back(without.back() / with.back());
    }
    const auto [least, most] = std::ranges::minmax(ratios);
    std::printf("%-6s %9.0f/s empty %9.0f/s laden   time x %.2f (%.2f to %.2f)\n", what,
                median(without), median(with), median(ratios), least, most);
}

void run(const std::string& sluiced, const std::filesystem::path& directory, std::uint64_t jobs,
         int rounds) {
    std::filesystem::remove_all(directory);
    server empty(sluiced, directory / "empty");
    server laden(sluiced, directory / "laden");
    empty.start();
    laden.start();
    const auto bare = laden.resident();
    const auto rate = stream_lines(laden.port, small_job, [jobs](std::uint64_t sent) {
                          return sent < jobs;
                      }).rate();
    const auto count = static_cast<double>(jobs);
    std::printf(
        "%.0f waiting jobs: %.0f/s in, %.0f MiB (%.0f bytes each beyond an empty server), "
        "%.0f bytes of disk each\n",
        count, rate, laden.resident() / mib, (laden.resident() - bare) / count,
        laden.disk() / count);
    const auto restart = laden.start();
    std::printf("killed and started again in %.1f s, %.0f MiB\n", restart, laden.resident() / mib);
    const auto push = sluice_push("bench", "bench.job");
    compare("push", empty, laden, {push, push}, rounds);
    closed_loop(empty.port, sluice_push("backlog", "bench.job"), 64, 10s);
    compare("fetch", empty, laden, {fetch_from("backlog"), fetch_from("backlog")}, rounds);
    std::printf("afterwards %.0f MiB\n", laden.resident() / mib);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: bench_backlog SLUICED DIRECTORY [JOBS] [ROUNDS]\n", stderr);
        return 64;
    }
    try {
        run(argv[1], argv[2], argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 10'000'000,
            argc > 4 ? std::atoi(argv[4]) : 5);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_backlog: %s\n", e.what());
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
