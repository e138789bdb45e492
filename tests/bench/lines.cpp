// Jobs a second: a stream of lines with a receipt each, beside batches of 100 in a request, and one
// job a request at each class of durability. The ways take turns, so that what else the machine
// does meets all of them; medians count. Usage: bench_lines SLUICED DIRECTORY [SECONDS] [ROUNDS]

#include "tests/bench/load.hpp"
#include "tests/bench/process.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace sluice::bench;
using steady = std::chrono::steady_clock;

constexpr std::size_t batch_jobs = 100;
constexpr std::size_t batch_connections = 4;

/// As large as one job of the other benchmarks: 100 bytes of arguments.
std::string job(std::uint64_t number) {
    auto text = std::to_string(number);
    return R"({"type":"bench.line","args":[")" + std::string(100 - text.size(), '0') + text +
           R"("],"options":{"queue":"lines"}})";
}

double batches(std::uint16_t port, std::chrono::milliseconds duration) {
    protocol peer = sluice_push("lines", "bench.line");
    peer.request = [](std::uint64_t number) {
        std::string body = R"({"jobs":[)";
        for (std::size_t i = 0; i < batch_jobs; ++i) {
            if (i > 0) body += ',';
            body += job(number * batch_jobs + i);
        }
        body += "]}";
        return "POST /ojs/v1/jobs/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
               "application/json\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    };
    return closed_loop(port, peer, batch_connections, duration) * batch_jobs;
}

double lines(std::uint16_t port, std::chrono::milliseconds duration) {
    const auto end = steady::now() + duration;
    return stream_lines(port, job, [end](std::uint64_t) { return steady::now() < end; }).rate();
}

double single(std::uint16_t port, std::string_view durability, std::size_t connections,
              std::chrono::milliseconds duration) {
    protocol peer = sluice_push("lines", "bench.line");
    const std::string options = R"("queue":"lines","durability":")" + std::string(durability) + '"';
    peer.request = [options](std::uint64_t number) {
        auto body = job(number);
        body.replace(body.find(R"("queue":"lines")"), 15, options);
        return "POST /ojs/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
               "application/json\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    };
    return closed_loop(port, peer, connections, duration);
}

struct way {
    std::string name;
    std::function<double()> run;
    std::vector<double> rates = {};

    double median() const {
        auto sorted = rates;
        std::ranges::sort(sorted);
        return sorted[sorted.size() / 2];
    }
};

void report(const std::vector<way>& ways) {
    const auto base = ways.front().median();
    for (const auto& each : ways) {
        const auto [least, most] = std::ranges::minmax(each.rates);
        std::printf("%-34s %9.0f/s  (%.0f to %.0f)  %.2f x %s\n", each.name.c_str(), each.median(),
                    least, most, each.median() / base, ways.front().name.c_str());
    }
}

void take_turns(std::vector<way>& ways, int rounds) {
    for (int round = 0; round < rounds; ++round)
        for (auto& each : ways) each.rates.push_back(each.run());
}

void run(const std::string& sluiced, const std::filesystem::path& directory,
         std::chrono::milliseconds duration, int rounds) {
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    const auto port = free_port();
    const process server({sluiced, "--listen", "127.0.0.1:" + std::to_string(port), "--data",
                          (directory / "data").string(), "--workers", "0"},
                         port, (directory / "log").string());
    std::vector<way> many{
        {"batches of 100, 4 connections", [&] { return batches(port, duration); }},
        {"lines, 1 connection", [&] { return lines(port, duration); }}};
    take_turns(many, rounds);
    report(many);
    for (const std::size_t connections : {1U, 64U}) {
        std::vector<way> one;
        for (const std::string_view durability : {"fsync", "written", "memory"})
            one.push_back(
                {std::string(durability) + ", " + std::to_string(connections) + " connections",
                 [&, durability, connections] {
                     return single(port, durability, connections, duration);
                 }});
        take_turns(one, rounds);
        report(one);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: bench_lines SLUICED DIRECTORY [SECONDS] [ROUNDS]\n");
        return EXIT_FAILURE;
    }
    try {
        const auto seconds = argc > 3 ? std::atoi(argv[3]) : 2;
        run(argv[1], argv[2], std::chrono::seconds{seconds}, argc > 4 ? std::atoi(argv[4]) : 5);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_lines: %s\n", e.what());
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
