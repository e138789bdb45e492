#include "server/process/keeper.hpp"
#include "server/process/runner.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

/// Commands a second through the runner, beside a bare loop of posix_spawn and waitpid with as many
/// at one time. The two take turns, and each goes first in every other round, so that what else the
/// machine does meets both; medians count, and the ratio is that of each round with its neighbour.
///
///     bench_exec [COMMANDS] [CONCURRENCY] [ROUNDS] [MIB]
///
/// MIB of memory are filled first: starting must not cost more in a large process.
namespace {

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;

constexpr auto program = "/bin/true";

double per_second(int count, clock_type::time_point begin) {
    return count / std::chrono::duration<double>(clock_type::now() - begin).count();
}

void spawn_one() {
    char* const argv[] = {const_cast<char*>(program), nullptr};
    char* const environment[] = {nullptr};
    pid_t pid = 0;
    if (::posix_spawn(&pid, program, nullptr, nullptr, argv, environment) != 0)
        throw std::runtime_error("posix_spawn");
}

double bare(int count, int concurrency) {
    const auto begin = clock_type::now();
    int started = 0;
    for (; started < std::min(count, concurrency); ++started) spawn_one();
    for (int ended = 0; ended < count; ++ended) {
        ::wait(nullptr);
        if (started < count) {
            spawn_one();
            ++started;
        }
    }
    return per_second(count, begin);
}

asio::awaitable<void> run_some(sluice::process::runner& commands, int& left) {
    while (left-- > 0) {
        sluice::process::command what;
        what.argv = {program};
        auto running = commands.run(std::move(what), "null", {}, {});
        const auto how = co_await std::move(running);
        if (how.how != sluice::process::verdict::completed) throw std::runtime_error(how.reason);
    }
}

double kept(int count, int concurrency) {
    asio::io_context context{1};
    sluice::process::runner commands(context.get_executor());
    std::exception_ptr fault;
    const auto run = [&](int many) {
        int left = many;
        for (int i = 0; i < concurrency; ++i)
            asio::co_spawn(context, run_some(commands, left),
                           [&](std::exception_ptr e) { fault = e ? e : fault; });
        context.restart();
        context.run();
        if (fault) std::rethrow_exception(fault);
    };
    run(concurrency * 2);  // the keepers are there, as they are in a server that runs
    const auto begin = clock_type::now();
    run(count);
    return per_second(count, begin);
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    if (sluice::process::is_keeper(argc, argv)) return sluice::process::keeper_main();
    const auto argument = [&](int i, int otherwise) {
        return argc > i ? std::atoi(argv[i]) : otherwise;
    };
    const int count = argument(1, 1000);
    const int concurrency = argument(2, 8);
    const int rounds = argument(3, 15);
    const std::string memory(static_cast<std::size_t>(argument(4, 0)) << 20, 'x');
    std::vector<double> bare_rates;
    std::vector<double> kept_rates;
    std::vector<double> ratios;
    for (int i = 0; i < rounds; ++i) {
        if (i % 2 == 0) bare_rates.push_back(bare(count, concurrency));
        kept_rates.push_back(kept(count, concurrency));
        if (i % 2 != 0) bare_rates.push_back(bare(count, concurrency));
        ratios.push_back(kept_rates.back() / bare_rates.back());
    }
    std::sort(ratios.begin(), ratios.end());
    std::printf("%d commands, %d at one time, %d rounds, %zu MiB held\n", count, concurrency,
                rounds, memory.size() >> 20);
    std::printf(
        "posix_spawn and waitpid  %8.0f/s\nrunner                   %8.0f/s\n"
        "ratio                    %8.2f (%.2f to %.2f)\n",
        median(bare_rates), median(kept_rates), median(ratios), ratios.front(), ratios.back());
    return 0;
}
