#pragma once

#include "client/client.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::client {

/// Creates jobs one after the other over its own connection and does not give up while the server
/// only says "not now" (429, 503 with nothing stored): it waits as long as the server asks, or
/// 100 ms, and pushes again. Anything else is the caller's to decide.
class producer {
public:
    producer(asio::any_io_executor executor, settings with);

    /// Returns when the job is durable. Errors: all but temporary refusals; `closed` after close().
    asio::awaitable<outcome<job_info>> push(new_job job);
    /// The same for a batch: all are stored, or none.
    asio::awaitable<outcome<std::vector<job_info>>> push_batch(std::vector<new_job> jobs);

    /// How often the server said "not now" so far.
    std::uint64_t refusals() const { return refusals_; }

    /// Ends the push under way, and all later ones.
    void close();

private:
    /// Whether the same push is to be tried again; then the time for it has come.
    asio::awaitable<bool> may_retry(failure why);

    client client_;
    asio::steady_timer pause_;
    std::uint64_t refusals_ = 0;
    bool closed_ = false;
};

}  // namespace sluice::client
