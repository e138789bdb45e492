// What connections cost: processor time of a durable submit from 64 to 4,000 producers, and memory
// and processor time of 10,000 workers that wait for a job. Usage: bench_connections SLUICED
// DIRECTORY [ROUNDS]

#include "tests/bench/load.hpp"
#include "tests/bench/process.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace sluice::bench;
using namespace std::chrono_literals;
namespace asio = boost::asio;

constexpr int idle_workers = 10'000;

struct server {
    server(const std::string& sluiced, const std::filesystem::path& where)
        : port(free_port()),
          running({sluiced, "--listen", "127.0.0.1:" + std::to_string(port), "--data",
                   (where / "data").string(), "--http-connections-max", "20000",
                   "--http-connections-per-address-max", "20000"},
                  port, (where / "sluiced.log").string()) {}

    std::uint16_t port;
    process running;
};

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

struct work {
    double jobs = 0, seconds = 0, cpu = 0;
};

work push_for(const server& of, std::size_t connections, std::chrono::seconds duration) {
    const auto cpu = of.running.cpu_seconds();
    const auto begun = std::chrono::steady_clock::now();
    const auto rate =
        closed_loop(of.port, sluice_push("bench", "bench.push"), connections, duration);
    work done;
    done.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    done.jobs = rate * done.seconds;
    done.cpu = of.running.cpu_seconds() - cpu;
    return done;
}

/// A long run less a short one: what opening and closing the connections costs is in both.
void producers(const server& of, int rounds) {
    std::map<std::size_t, std::vector<double>> rates, costs;
    for (int round = 0; round < rounds; ++round) {
        for (const std::size_t connections : {64, 512, 4000}) {
            const auto brief = push_for(of, connections, 1s);
            const auto all = push_for(of, connections, 3s);
            const auto jobs = all.jobs - brief.jobs;
            rates[connections].push_back(jobs / (all.seconds - brief.seconds));
            costs[connections].push_back((all.cpu - brief.cpu) / jobs * 1e6);
        }
    }
    for (const auto& [connections, all] : rates)
        std::printf(
            "%5zu producers: %.0f jobs/s, %.1f us of the server each (%.2f of that with 64)\n",
            connections, median(all), median(costs[connections]),
            median(costs[connections]) / median(costs[64]));
}

/// Each worker on a connection of its own, its request answered with nothing after 60 s.
void workers(const server& of) {
    const auto before = of.running.resident_kib();
    asio::io_context context;
    std::vector<asio::ip::tcp::socket> waiting;
    for (int i = 0; i < idle_workers; ++i) {
        auto& socket = waiting.emplace_back(context);
        socket.connect({asio::ip::address_v4::loopback(), of.port});
        asio::write(socket,
                    asio::buffer(http_post("/ojs/v1/workers/fetch",
                                           R"({"queues":["none"],"worker_id":"w)" +
                                               std::to_string(i) + R"(","wait_ms":60000})")));
    }
    std::this_thread::sleep_for(15s);  // the deadlines of their heads pass, which look once
    const auto memory = of.running.resident_kib() - before;
    const auto cpu = of.running.cpu_seconds();
    std::this_thread::sleep_for(10s);
    std::printf("%d workers that wait: %.1f KiB each, %.2f s of the server in 10 s\n", idle_workers,
                static_cast<double>(memory) / idle_workers, of.running.cpu_seconds() - cpu);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: bench_connections SLUICED DIRECTORY [ROUNDS]\n", stderr);
        return 64;
    }
    const std::filesystem::path where = argv[2];
    std::filesystem::create_directories(where);
    for (const auto* one : {"idle", "busy"}) std::filesystem::create_directories(where / one);
    {
        const server idle(argv[1], where / "idle");
        workers(idle);
    }
    {
        const server busy(argv[1], where / "busy");
        producers(busy, argc > 3 ? std::atoi(argv[3]) : 3);
    }
    std::filesystem::remove_all(where);
    return EXIT_SUCCESS;
}
