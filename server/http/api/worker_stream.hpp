#pragma once

#include "proto/requests.hpp"
#include "proto/worker_line.hpp"
#include "server/http/api/line_stream.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::http {

/// A worker on one connection: its lines say what it fetches, how many more jobs it wants, and what
/// became of those it has; the answer is a line for each job it is given and for each of its lines
/// that answered for jobs.
class worker_stream final : public line_stream {
public:
    worker_stream(services_ptr services, request r, const asio::any_io_executor& executor)
        : line_stream(std::move(services), std::move(r), executor),
          beat_(std::chrono::steady_clock::now() + services_->stream_beat) {}

private:
    asio::awaitable<void> take_lines() override;
    void collect(std::string& piece) override;
    bool settled() const override { return !fetching_ && answering_ == 0 && out_.empty(); }
    std::chrono::steady_clock::time_point next_beat() const override { return beat_; }
    asio::awaitable<void> leave() override;

    asio::awaitable<std::optional<error>> take_line(line_splitter::line line);
    asio::awaitable<std::optional<error>> begin(fetch_request wanted);
    asio::awaitable<void> fetch();
    void hand_over(const std::vector<job_record>& jobs);
    asio::awaitable<void> answer_for(std::uint64_t line, answers_request asked);

    std::optional<fetch_request> fetch_;  ///< set by the first line
    std::uint64_t credits_ = 0;
    bool fetching_ = false;
    std::size_t answering_ = 0;
    std::string out_;
    std::vector<std::pair<uuid, lease_token>> unsent_;  ///< jobs of `out_`
    std::chrono::steady_clock::time_point beat_;
};

}  // namespace sluice::http
