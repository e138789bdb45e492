#pragma once

#include "server/http/api/line_stream.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::http {

/// Jobs that come as lines, each for itself: they are stored as they come, and for each line goes
/// out a receipt, in the order of the lines, as soon as its commit lands.
///
/// What has been taken in and waits for its receipts to be sent is bounded: a peer that does not
/// read them is not read from either, and neither is one whose next job waits for room in its
/// queue.
class job_stream final : public line_stream {
public:
    job_stream(services_ptr services, request r, const asio::any_io_executor& executor)
        : line_stream(std::move(services), std::move(r), executor) {}

private:
    struct entry {
        std::uint64_t number = 0;
        std::optional<error> wrong;  ///< absent: a job
    };
    /// Lines whose receipts go out together.
    struct flight {
        std::vector<entry> lines;
        bool accepted = false;       ///< it is decided what becomes of its jobs
        std::vector<entry> rest;     ///< lines that have to wait
        std::vector<job_spec> left;  ///< their jobs
        bool done = false;
        std::string receipts;
    };
    using flight_ptr = std::shared_ptr<flight>;
    /// Some lines and their jobs, on the way in.
    struct load {
        std::vector<entry> lines;
        std::vector<job_spec> jobs;
    };

    asio::awaitable<void> take_lines() override;
    void collect(std::string& piece) override;
    bool settled() const override { return flights_.empty(); }

    load read_lines();
    void read_line(const line_splitter::line& line, load& into);
    asio::awaitable<void> store(load wanted);
    asio::awaitable<flight_ptr> open_flight(std::vector<entry> lines);
    asio::awaitable<void> push(flight_ptr mine, std::vector<job_spec> jobs);
    static void set_apart(flight& mine, std::size_t taken, std::vector<job_spec> left);
    asio::awaitable<void> push_patiently(flight_ptr mine, job_spec job);
    void land(flight& mine);
    static void confirm(flight& to, std::uint64_t line, const pushed_job& job,
                        std::chrono::microseconds commit);

    std::deque<flight_ptr> flights_;  ///< in the order of their lines
};

}  // namespace sluice::http
