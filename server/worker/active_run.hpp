#pragma once

#include "server/queue/backend.hpp"
#include "server/worker/handler.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace sluice::worker {

/// A granted job on its way through a lane.
class active_run final : public job_run {
public:
    active_run(job_record job, backend& store) : job_(std::move(job)), store_(store) {}

    const job_record& job() const override { return job_; }
    std::stop_token stop() const override { return stop_.get_token(); }
    void progress(double fraction, std::string message) override;
    void log(log_stream stream, std::string_view text) override;
    asio::awaitable<bool> heartbeat() override;

    /// Whether the lease is still the latest word on the job.
    asio::awaitable<bool> still_ours();
    void request_stop() { stop_.request_stop(); }
    /// From here on the handler's words no longer count.
    void end() { ended_ = true; }

private:
    job_record job_;
    backend& store_;
    std::stop_source stop_;
    bool ended_ = false;
};

}  // namespace sluice::worker
