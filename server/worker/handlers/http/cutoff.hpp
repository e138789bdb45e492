#pragma once

#include "server/worker/handlers/http/connection.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>

namespace sluice::worker::push {

/// The end of an exchange that does not end by itself: closes the connection when its time is over
/// or the job is to stop, and remembers which it was. All on `executor`, the stop's request too.
class cutoff {
public:
    enum class cause : std::uint8_t { none, timed_out, stopped };

    cutoff(boost::asio::any_io_executor executor, std::stop_token stop);
    ~cutoff();
    cutoff(const cutoff&) = delete;
    cutoff& operator=(const cutoff&) = delete;

    /// From now on it is `what` that is closed, at `deadline`. At once when there was a cause
    /// before.
    void watch(std::shared_ptr<connection> what, std::chrono::steady_clock::time_point deadline);

    cause why() const;

private:
    struct state;
    struct on_stop {
        std::shared_ptr<state> all;
        void operator()() const;
    };

    std::shared_ptr<state> state_;  ///< shared with the timer's handler
    std::stop_callback<on_stop> stop_;
};

}  // namespace sluice::worker::push
