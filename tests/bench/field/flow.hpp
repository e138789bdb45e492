#pragma once

#include "tests/bench/load.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// Jobs through a peer from producers to workers, all on one thread of this program: the same loop
/// for every peer, so that what differs is the servers.
namespace sluice::bench {

/// How a worker speaks to a peer.
struct taker {
    /// What to send next, given the answer before it (empty at first): it answers for the jobs in
    /// there and asks for more. Empty when there is nothing to send, only something to wait for.
    std::function<std::string(std::string_view last)> request;
    answer_size answer;
    std::vector<exchange> greeting = {};
    /// How long a worker that was given nothing waits before it asks again. Zero for peers that
    /// answer only when there is a job.
    std::chrono::microseconds pause_when_empty{0};
};

/// Calls `each` with the number of every job in an answer, in order; each job's payload is that of
/// job_payload. Returns how many there were.
std::size_t for_each_job(std::string_view answer,
                         const std::function<void(std::uint64_t number)>& each);

/// The load of one measurement.
struct flow_plan {
    std::uint16_t port = 0;
    std::function<protocol()> put;  // one for each producer
    std::function<taker()> take;    // one for each worker
    std::size_t producers = 1;
    std::size_t workers = 1;
    std::size_t batch = 1;  // jobs in each request of `put`
};

/// Jobs given to workers in `duration` after the lead-in; producers wait while some thousand jobs
/// are on their way. The last of them are waited for, up to four times `duration`. Throws when no
/// more jobs come although there are some.
counted flow(const flow_plan& plan, const counting& when, std::chrono::milliseconds duration);

/// Times in microseconds, sorted.
struct delays {
    /// From the sending of a job, or from when it was due if it was late because its connection
    /// still waited for the server, to the arrival at a worker.
    std::vector<double> of_jobs;
    /// How late jobs left because this program was.
    std::vector<double> of_load;
};

/// `count` jobs at a constant rate, due one after the other on whichever connection is free, after
/// those of the lead-in at the same rate. Throws when the peer does not keep the rate: when those
/// that count take three times as long as they should.
delays measure_delays(const flow_plan& plan, const counting& when, double rate, std::size_t count);

}  // namespace sluice::bench
