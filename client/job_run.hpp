#pragma once

#include "client/messages.hpp"
#include "client/work_messages.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::client {

/// Why a handler is asked to stop.
enum class stop_reason : std::uint8_t {
    none,
    shutdown,    ///< the worker ends and its time to finish is up: the job goes back
    cancelled,   ///< somebody cancelled the job: no answer counts any more
    lease_lost,  ///< the job timed out, or another worker has it: no answer counts any more
};

/// One run of one job, as its handler sees it. Lives as long as anybody holds it; what is said
/// after the run has ended is ignored. Every member may be called on any thread.
class job_run {
public:
    /// `news` is called, on the thread that speaks, when the first thing is said after a `take`.
    job_run(job_info job, std::function<void()> news);
    job_run(const job_run&) = delete;
    job_run& operator=(const job_run&) = delete;

    /// As it was leased; `job().text` is all of it, as the server sent it.
    const job_info& job() const { return job_; }

    /// Requested, on the thread of `worker::run`, when the run should end; `why` is set by then. A
    /// handler that waits should then return `released{}`.
    std::stop_token stop() const { return stop_.get_token(); }
    stop_reason why() const { return why_.load(); }

    /// How far the job is: `fraction` is clamped to 0..1. The latest word wins; the server hears of
    /// it a few times a second at most.
    void progress(double fraction, std::string message = {});

    /// Adds lines to the job's log. Never blocks: what is more than `log_bytes_held_max` behind is
    /// dropped, and the log says how many lines that were.
    void log(std::string_view text, log_stream stream = log_stream::log);

    static constexpr std::size_t log_bytes_held_max = 256 * 1024;

    /// For the worker: what was said since the last `take`.
    struct words {
        std::optional<progress_report> progress;
        std::vector<log_text> lines;
        std::chrono::steady_clock::time_point taken;  ///< what the ages of the lines count from

        bool empty() const { return !progress && lines.empty(); }
    };
    words take();
    /// They could not be passed on: next time again, unless younger ones took their place.
    void take_back(words said);
    bool has_words();
    void request_stop(stop_reason why);

private:
    void announce();

    const job_info job_;
    const std::function<void()> news_;
    std::stop_source stop_;
    std::atomic<stop_reason> why_{stop_reason::none};

    std::mutex mutex_;
    bool announced_ = false;
    std::optional<progress_report> progress_;
    struct held_line {
        log_text line;
        std::chrono::steady_clock::time_point said;
    };
    std::deque<held_line> lines_;
    std::size_t bytes_ = 0;
    std::uint64_t dropped_ = 0;
};

}  // namespace sluice::client
