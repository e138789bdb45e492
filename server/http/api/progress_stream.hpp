#pragma once

#include "server/http/api/handlers.hpp"

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

namespace sluice::http {

/// `{"job_id":…,"state":…,"progress":…}` of a job.
std::string progress_json(const job_record& job);

/// How far a job is, from now until it has ended (ojs-progress.md §7.2).
class progress_stream {
public:
    progress_stream(services_ptr services, uuid id, std::stop_token stop);

    /// See body_source.
    asio::awaitable<std::optional<std::string>> next();

private:
    std::optional<std::string> look_at(const job_record& job);

    services_ptr services_;
    uuid id_;
    std::stop_token stop_;
    std::string told_;  ///< the latest `progress_json` that was sent
    bool ended_ = false;
    std::chrono::steady_clock::time_point next_beat_;
};

}  // namespace sluice::http
