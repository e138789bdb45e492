#pragma once

#include "client/worker.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <thread>

namespace sluice::cli::bench {

/// A worker of this process that fetches over HTTP, waiting for jobs, and acks, on a thread of its
/// own: `concurrency` jobs at a time, each of which takes `pause`.
class remote_workers {
public:
    remote_workers(client::settings server, const std::string& queue, std::size_t concurrency,
                   std::chrono::nanoseconds pause);
    /// Lets what runs end.
    ~remote_workers();
    remote_workers(const remote_workers&) = delete;
    remote_workers& operator=(const remote_workers&) = delete;

    /// Stops them. Why the server refused them, if it did.
    std::optional<client::failure> stop();

private:
    client::worker worker_;
    std::optional<client::failure> refused_;
    std::thread thread_;
};

}  // namespace sluice::cli::bench
