#pragma once

#include "client/cli/job_tracker.hpp"
#include "client/client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sluice::cli::bench {

namespace asio = boost::asio;

/// A job the server has stored.
struct stored_job {
    std::string id;
    nanoseconds intended{0};  ///< when it was to be sent, after the start of the step
    nanoseconds enqueue{0};   ///< from then to the answer
};

/// Reads how the jobs of one queue fare from the server's events, on a thread of its own, so that
/// reading never delays sending. Asks twenty times a second for up to 1,000 events at a time, which
/// costs the server little, and the figures nothing: they come from the server's stamps.
///
/// All members are called on one thread, which is not the follower's.
class event_follower {
public:
    event_follower(client::settings server, std::string queue);
    /// Ends the thread, whatever it waits for.
    ~event_follower();
    event_follower(const event_follower&) = delete;
    event_follower& operator=(const event_follower&) = delete;

    /// Follows events after `after`.
    void start(std::uint64_t after);

    /// Forgets the jobs of the step before. `head` is the part of the report known by now;
    /// latencies over time are kept in slices of `slice`.
    void begin(run_report head, nanoseconds slice);
    void stored(std::vector<stored_job> jobs);
    void push_failed(const client::failure& why);

    /// Jobs of this step that are known to have ended. A little behind.
    std::uint64_t finished() const { return finished_; }
    /// The server refuses to tell: nothing more will be known.
    bool deaf() const { return deaf_; }
    /// No more jobs come: those whose events were lost may be looked up, one by one.
    void drain() { draining_ = true; }

    struct harvest {
        run_report run;
        std::vector<histogram> over_time;
        std::optional<client::failure> trouble;  ///< why nothing more could be heard
        /// From the first creation to the last end, by the server's stamps.
        nanoseconds first_to_last{0};
    };
    /// What is known of the step.
    harvest end();

private:
    static constexpr std::size_t slices_max = 400;

    asio::awaitable<void> follow();
    asio::awaitable<bool> read_page();
    asio::awaitable<void> look_up_missing();
    void take_inbox();
    void note(const job_tracker::notices& news);
    void on_thread(std::function<void()> what);

    const std::string queue_;
    asio::io_context io_{1};
    client::client listener_;
    asio::steady_timer pause_;

    // The follower's thread alone.
    job_tracker tracker_;
    nanoseconds slice_{1};
    std::vector<std::uint16_t> slice_of_;  ///< by the index of the job
    std::vector<histogram> over_time_;
    std::optional<client::failure> trouble_;
    std::optional<timestamp> first_created_;
    std::optional<timestamp> last_finished_;
    std::uint64_t last_event_ = 0;
    bool must_look_up_ = false;  ///< events were lost
    std::vector<std::string> to_look_up_;

    std::mutex mutex_;
    std::vector<stored_job> inbox_;
    std::vector<client::failure> failures_;

    std::atomic<std::uint64_t> finished_{0};
    std::atomic<bool> draining_{false};
    std::atomic<bool> deaf_{false};
    std::atomic<bool> over_{false};
    std::thread thread_;
};

}  // namespace sluice::cli::bench
