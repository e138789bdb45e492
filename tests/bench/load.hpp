#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// One load generator for every peer, so that what is compared is the servers. One thread, raw
/// sockets, no HTTP library.
namespace sluice::bench {

/// How to speak to a peer.
struct protocol {
    /// One request that stores one job.
    std::function<std::string(std::uint64_t number)> request;
    /// Bytes of the first complete answer in the text; 0 when it is not complete. Throws on an
    /// answer that says no.
    std::function<std::size_t(std::string_view)> answer;
};

/// `{"type":...}` over HTTP; `type` without a handler stays in the queue.
protocol sluice_push(std::string queue, std::string type);
protocol redis_lpush(std::string key);
protocol beanstalkd_put();

/// Requests per second of `connections` connections that each wait for an answer before they send
/// again.
double closed_loop(std::uint16_t port, const protocol& peer, std::size_t connections,
                   std::chrono::milliseconds duration);

/// Jobs a second that one connection streams in as lines, `job` making the one of each number, as
/// long as `more` says so of how many were sent; one thread sends, the other counts receipts.
/// Throws if a line has another receipt than that of a job that was committed.
double stream_lines(std::uint16_t port, const std::function<std::string(std::uint64_t)>& job,
                    const std::function<bool(std::uint64_t)>& more);

/// Creation to start in microseconds, of jobs created at a constant rate, sorted.
std::vector<double> redis_latency(std::uint16_t port, double rate, std::size_t count);
std::vector<double> sluice_latency(std::uint16_t port, double rate, std::size_t count);

}  // namespace sluice::bench
