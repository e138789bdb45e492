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

/// Bytes of the first complete answer in the text; 0 when it is not complete. Throws on an answer
/// that says no.
using answer_size = std::function<std::size_t(std::string_view)>;

/// Something to say on a new connection before the first request, and what to wait for.
struct exchange {
    std::string request;
    answer_size answer;
};

/// How a producer speaks to a peer.
struct protocol {
    /// One request that stores one job, or a batch of them.
    std::function<std::string(std::uint64_t number)> request;
    answer_size answer;
    std::vector<exchange> greeting = {};
};

/// The 100 bytes that each job carries: a number of 24 digits, and filling.
std::string job_payload(std::uint64_t number);

std::size_t line_answer(std::string_view text, std::string_view good);
std::size_t http_answer(std::string_view text);
std::string http_post(std::string_view path, std::string_view body);

/// `{"type":...}` over HTTP; `type` without a handler stays in the queue.
protocol sluice_push(std::string queue, std::string type);
protocol redis_lpush(std::string key);
protocol beanstalkd_put();

/// Which part of a load counts: what gets its answer after the lead-in, in which connections open
/// and new processes get to know their memory, and before the load ends.
struct counting {
    std::chrono::milliseconds lead_in{0};
    std::function<void()> begins = [] {};
    std::function<void()> ends = [] {};
};

/// What counted.
struct counted {
    double seconds = 0;
    double done = 0;  // requests, jobs or lines
    double rate() const { return done / seconds; }
};

/// Requests per second of `connections` connections that each wait for an answer before they send
/// again.
double closed_loop(std::uint16_t port, const protocol& peer, std::size_t connections,
                   std::chrono::milliseconds duration);
/// The same with a protocol made for each connection, for peers that keep a state with each.
double closed_loop(std::uint16_t port, const std::function<protocol()>& peer,
                   std::size_t connections, std::chrono::milliseconds duration);
/// The requests answered in `duration` after the lead-in.
counted closed_loop(std::uint16_t port, const std::function<protocol()>& peer,
                    std::size_t connections, const counting& when,
                    std::chrono::milliseconds duration);

/// Jobs that one connection streams in as lines, `job` making the one of each number, as long as
/// `more` says so of how many were sent; one thread sends, the other counts the receipts that come
/// in `duration` after the lead-in, or all after it. Throws if a line has another receipt than that
/// of a job that was committed.
counted stream_lines(std::uint16_t port, const std::function<std::string(std::uint64_t)>& job,
                     const std::function<bool(std::uint64_t)>& more, const counting& when = {},
                     std::chrono::milliseconds duration = std::chrono::hours{24});

/// Creation to start in microseconds, of `count` jobs created at a constant rate, sorted. Those of
/// the lead-in come at the same rate.
std::vector<double> redis_latency(std::uint16_t port, double rate, std::size_t count);
std::vector<double> sluice_latency(std::uint16_t port, double rate, std::size_t count,
                                   const std::string& durability = "fsync",
                                   const counting& when = {});

}  // namespace sluice::bench
