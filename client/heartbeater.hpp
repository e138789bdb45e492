#pragma once

#include "client/backoff.hpp"
#include "client/client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice::client {

/// What the server said to one heartbeat.
struct beat_verdict {
    struct lost_lease {
        std::string lease;
        std::string state;  ///< of the job now; empty when it is gone
    };
    std::string directive;
    std::vector<lost_lease> lost;
};

/// Keeps the leases of a worker alive, from a thread and over a connection of its own, so that
/// nothing a handler does can delay a heartbeat. One request renews all leases: at once when it
/// starts, then whenever a third of the shortest lease, or of the time after which the server takes
/// a silent worker for dead, has passed. While the server cannot be reached it tries again, sooner
/// at first; the leases stay in its book all the while.
class heartbeater {
public:
    using milliseconds = std::chrono::milliseconds;
    using steady = std::chrono::steady_clock;

    /// `silence` is believed until the server has said how long a worker may be silent. `heard` is
    /// called on the heartbeat thread with each answer.
    heartbeater(settings with, std::string worker_id, milliseconds silence,
                std::function<void(beat_verdict)> heard);
    /// Ends the thread; a beat under way is given up.
    ~heartbeater();
    heartbeater(const heartbeater&) = delete;
    heartbeater& operator=(const heartbeater&) = delete;

    // Any thread:

    void hold(lease_name lease, milliseconds length);
    void drop(const std::string& lease);
    /// What the worker says of itself from now on; the server hears of it at once. Until it is told
    /// "running" again the beats come faster, for the answer may be awaited.
    void say(std::string state);

private:
    struct held_lease {
        std::string job_id;
        milliseconds length;
    };

    asio::awaitable<void> beat();
    beat_order next_order();
    milliseconds interval();
    void conclude(const beat_order& order, const beat_info& said);
    void learn(milliseconds silence);
    void wake();

    const std::string worker_id_;
    const milliseconds patience_max_;  ///< for an answer
    const std::function<void(beat_verdict)> heard_;

    std::mutex mutex_;  ///< guards the next four
    std::map<std::string, held_lease> held_;
    std::string state_ = "running";
    steady::time_point next_beat_{};
    bool woken_ = false;

    asio::io_context io_{1};  ///< from here on: the heartbeat thread's alone
    client client_;
    asio::steady_timer timer_;
    backoff backoff_;
    milliseconds silence_;
    bool directed_ = false;  ///< the server wants something other than "running"
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace sluice::client
