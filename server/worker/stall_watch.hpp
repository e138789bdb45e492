#pragma once

#include "proto/job.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace sluice::worker {

/// Notices that a handler keeps the worker's thread, where everything else waits for it, and says
/// whose it is.
///
/// Handlers run between `enter` and `leave` (see watched_executor.hpp), each time they are resumed.
/// A thread of its own looks now and then whether one and the same stay has lasted longer than the
/// threshold. It reads the clock, not those who are watched; and after a period in which nothing
/// was resumed it sleeps until something is, so that an idle server, or one whose jobs all wait,
/// costs nothing.
class stall_watch {
public:
    /// What is watched: the handler of one job at a time.
    struct mark {
        stall_watch* watch = nullptr;
        std::shared_ptr<const job_spec> job;  ///< null: none right now
    };
    using teller = std::function<void(const job_spec& job, std::chrono::milliseconds at_least)>;

    /// `tell` is called on the watching thread, once for each stay that lasts longer than
    /// `threshold`, at the latest when it has lasted twice as long.
    stall_watch(std::chrono::milliseconds threshold, teller tell);
    ~stall_watch();
    stall_watch(const stall_watch&) = delete;
    stall_watch& operator=(const stall_watch&) = delete;

    /// The four below on the watched thread only.
    void begin(mark& what, std::shared_ptr<const job_spec> job);
    void end(mark& what);

    /// Returns what was running until now, for `leave`.
    const mark* enter(const mark* what);
    void leave(const mark* before);

private:
    void watch();
    void look(std::unique_lock<std::mutex>& lock);

    const std::chrono::milliseconds threshold_;
    const teller tell_;
    std::mutex mutex_;
    std::condition_variable changed_;
    const mark* current_ = nullptr;
    std::uint64_t turns_ = 0;  ///< goes up whenever `current_` is set
    std::uint64_t told_ = 0;   ///< the turn that was told of last
    bool asleep_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace sluice::worker
