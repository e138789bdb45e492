#pragma once

#include "proto/requests.hpp"
#include "proto/worker_line.hpp"
#include "server/http/api/line_stream.hpp"

#include <cstdint>
#include <deque>
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
        : line_stream(std::move(services), std::move(r), executor) {}

private:
    struct out_line {
        std::string text;
        std::optional<std::pair<uuid, lease_token>> job = std::nullopt;  ///< that it gives
    };

    asio::awaitable<void> take_lines() override;
    void collect(std::string& piece) override;
    bool settled() const override { return !fetching_ && answering_ == 0 && out_.empty(); }
    asio::awaitable<void> leave() override;

    asio::awaitable<std::optional<error>> take_line(line_splitter::line line);
    asio::awaitable<std::optional<error>> begin(fetch_request wanted);
    asio::awaitable<void> fetch();
    asio::awaitable<std::optional<error>> resolve(fetch_request& wanted);
    void hand_over(const std::vector<job_record>& jobs);
    void say(out_line line);
    bool is_full() const;
    asio::awaitable<void> until_less_waits();
    asio::awaitable<void> answer_for(std::uint64_t line, answers_request asked);

    std::optional<fetch_request> fetch_;  ///< set by the first line, as it was asked for
    std::uint64_t credits_ = 0;
    bool fetching_ = false;
    std::size_t answering_ = 0;
    std::deque<out_line> out_;
    std::size_t out_bytes_ = 0;
    std::size_t jobs_at_once_ = 1;  ///< so many were not too much to send
};

}  // namespace sluice::http
