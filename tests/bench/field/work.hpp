#pragma once

#include "tests/bench/field/peer.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace sluice::bench {

/// How much a measurement may do.
struct effort {
    counting when;                            // not of the floor and of memory
    std::chrono::milliseconds duration{800};  // of throughput
    std::size_t jobs = 600;                   // of latency, at 500 a second
    std::size_t waiting = 1'000'000;          // of the backlog that is weighed
};

/// What one measurement found.
struct sample {
    double value = 0;     // in the unit of its work; of latency the median
    double p99 = 0;       // of latency
    double load_p99 = 0;  // how late the load was, of latency, µs
    double jobs = 0;      // in all
    // Processor time for each job, µs; filled in by who runs the measurement.
    double server_us = 0;
    double load_us = 0;
};

/// One peer in one work.
struct contestant {
    std::string name;
    std::string way;  // of its batches, or its workers
    promise promises = promise::synced;
    host* server = nullptr;                        // none for what the machine does
    std::function<void()> prepare;                 // empties it; takes no part in what is measured
    std::function<sample(const effort&)> measure;  // says when what counts begins and ends
};

/// A row of the comparison: the same work for all.
struct work {
    std::string id;
    std::string title;
    std::string unit;  // jobs/s, us, bytes
    std::vector<contestant> contestants;
    bool once = false;  // not repeated in rounds
};

/// What one contestant did in all rounds.
struct result {
    std::vector<sample> samples;
    std::string fault;  // why it has none
};

struct settings {
    std::string sluiced;
    std::filesystem::path directory;
    std::filesystem::path node_scripts;
};

/// All peers, and the works they do.
class field {
public:
    explicit field(const settings& with);
    ~field();
    field(const field&) = delete;
    field& operator=(const field&) = delete;

    const std::vector<work>& works() const { return works_; }

private:
    struct everyone;
    std::unique_ptr<everyone> peers_;
    std::vector<work> works_;
};

/// What the machine can do, in the same run.
work floor_of_machine(const std::filesystem::path& directory, host& echo);
std::unique_ptr<host> echo_host(const std::filesystem::path& directory);
/// Answers every byte with the same, on this port, until it is killed.
[[noreturn]] void serve_echo(std::uint16_t port);

/// Peers that are libraries for Node.js, and a client of Sluice there. `find` names a server.
work through_node(const std::filesystem::path& scripts, host& sluice, host& redis, host& postgres);

/// Runs a work in turns: a round of all its contestants, then the next. Servers that start quickly
/// start empty, and a short round goes before that does not count. Results are in their order.
std::vector<result> take_turns(const work& what, const effort& with, int rounds);

/// As text, one line a contestant.
void print(const work& what, const std::vector<result>& results);

/// A whole run.
struct run {
    effort with;
    int rounds = 3;
    double load_before = 0;  // programs that wanted a processor when it began
    std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
    std::vector<work> works;
    std::vector<std::vector<result>> results;
};

/// As one JSON document, see tests/bench/field/report.cpp. `data` is where the servers wrote.
void write_json(const std::filesystem::path& file, const run& whole,
                const std::filesystem::path& data);

double median(std::vector<double> values);
double quantile(const std::vector<double>& sorted, double q);

}  // namespace sluice::bench
