#include "tests/bench/field/work.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <thread>

namespace sluice::bench {
namespace {

using namespace std::chrono_literals;

/// Processor time of this program and of the programs it ran and waited for, in seconds.
double own_cpu_seconds() {
    double all = 0;
    for (const int whose : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage used{};
        getrusage(whose, &used);
        for (const auto& time : {used.ru_utime, used.ru_stime})
            all += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    }
    return all;
}

sample measure(const contestant& who, const effort& with) {
    if (who.server != nullptr) {
        who.server->resume();
        who.prepare();
        std::this_thread::sleep_for(50ms);  // what it had put off is done
    }
    const auto of_server = [&who] {
        return who.server == nullptr ? 0 : who.server->running().tree_cpu_seconds();
    };
    struct {
        double server, own;
    } begun{of_server(), own_cpu_seconds()}, ended{};
    bool has_ended = false;
    auto noting = with;
    noting.when.begins = [&] { begun = {of_server(), own_cpu_seconds()}; };
    noting.when.ends = [&] {
        ended = {of_server(), own_cpu_seconds()};
        has_ended = true;
    };
    auto found = who.measure(noting);
    if (!has_ended) noting.when.ends();
    found.server_us = (ended.server - begun.server) * 1e6 / found.jobs;
    if (found.load_us == 0)  // a program that was run knows better
        found.load_us = (ended.own - begun.own) * 1e6 / found.jobs;
    return found;
}

/// A turn of one contestant: nothing that goes wrong with it stops the others.
void turn(const contestant& who, const effort& with, result& into, bool counts) {
    if (!into.fault.empty()) return;
    try {
        const auto found = measure(who, with);
        if (counts) into.samples.push_back(found);
    } catch (const std::exception& e) {
        into.fault = e.what();
        into.samples.clear();
        std::fprintf(stderr, "skipped: %s: %s\n", who.name.c_str(), e.what());
    }
    if (who.server != nullptr) who.server->suspend();
}

}  // namespace

std::vector<result> take_turns(const work& what, const effort& with, int rounds) {
    std::vector<result> results(what.contestants.size());
    for (const auto& each : what.contestants)
        if (each.server != nullptr) each.server->renew();
    const auto round = [&](const effort& how, bool counts) {
        for (std::size_t i = 0; i < results.size(); ++i)
            turn(what.contestants[i], how, results[i], counts);
    };
    if (what.once) {
        round(with, true);
        return results;
    }
    // Files have grown and caches are filled when the first round counts.
    round({{}, std::min(with.duration, 300ms), std::min(with.jobs, std::size_t{150}), with.waiting},
          false);
    for (int i = 0; i < rounds; ++i) round(with, true);
    return results;
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values.empty() ? 0 : values[values.size() / 2];
}

double quantile(const std::vector<double>& sorted, double q) {
    return sorted.at(static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1)));
}

}  // namespace sluice::bench
