// Memory of a server that runs many jobs at one time, each asleep for ten seconds.
// Usage: bench_sleepers SLUICED DIRECTORY [JOBS]

#include "tests/bench/client.hpp"
#include "tests/bench/process.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;

std::string batch_of(int jobs) {
    std::string body = R"({"jobs":[)";
    for (int i = 0; i < jobs; ++i)
        body += std::string(i == 0 ? "" : ",") + R"({"type":"sluice.sleep","args":[10000]})";
    return body + "]}";
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: bench_sleepers SLUICED DIRECTORY [JOBS]\n", stderr);
        return 64;
    }
    const int jobs = argc > 3 ? std::atoi(argv[3]) : 10'000;
    const std::filesystem::path where = argv[2];
    std::filesystem::create_directories(where);
    const auto port = sluice::bench::free_port();
    const sluice::bench::process server(
        {argv[1], "--listen", "127.0.0.1:" + std::to_string(port), "--data", where / "sleepers",
         "--workers", std::to_string(jobs)},
        port, where / "sleepers.log");
    sluice::bench::client with(port);
    const auto idle = server.resident_kib();
    for (int left = jobs; left > 0; left -= 1000)
        with.call("POST", "/ojs/v1/jobs/batch", batch_of(std::min(left, 1000)));
    int active = 0;
    int completed = 0;
    std::uint64_t most = 0;
    while (completed < jobs) {
        const auto counts = with.call("GET", "/ojs/v1/queues/default/stats").at("queue");
        active = std::max(active, counts.value("active", 0));
        completed = counts.value("completed", 0);
        most = std::max(most, server.resident_kib());
        std::this_thread::sleep_for(50ms);
    }
    std::printf("%d jobs of ten seconds, %d of them running at one time\n", jobs, active);
    std::printf("resident memory: %.1f MiB idle, %.1f MiB at most\n",
                static_cast<double>(idle) / 1024, static_cast<double>(most) / 1024);
    std::filesystem::remove_all(where);
    return EXIT_SUCCESS;
}
