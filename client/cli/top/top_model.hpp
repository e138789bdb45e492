#pragma once

#include "client/cli/top/queue_filter.hpp"
#include "client/cli/top/top_settings.hpp"
#include "client/cli/top/waiting_line.hpp"
#include "client/messages.hpp"
#include "proto/histogram.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace sluice::cli {

/// One queue, or all of them, over one interval.
struct top_row {
    std::string name;
    bool paused = false;
    // What happened in the interval.
    std::uint64_t in = 0;        ///< jobs that came
    std::uint64_t started = 0;   ///< runs
    std::uint64_t finished = 0;  ///< runs that ended by themselves, well or not
    std::uint64_t failed = 0;    ///< of those, the ones that failed
    histogram waiting;           ///< of the runs that started
    histogram running;           ///< of the runs that ended
    std::size_t workers = 0;     ///< that ran a job, as far as was seen
    // How it was at its end.
    std::uint64_t available = 0;
    std::uint64_t scheduled = 0;
    std::uint64_t retryable = 0;
    std::uint64_t active = 0;
    std::optional<waiting_line::age> oldest;  ///< the job that waits longest

    std::uint64_t backlog() const { return available + scheduled + retryable; }
};

struct top_interval {
    std::chrono::nanoseconds length{0};
    bool gap = false;  ///< some of what happened was not seen: rates are too low
    std::vector<top_row> queues;
    top_row all;

    /// So many in the interval, in one second.
    double rate(std::uint64_t count) const;
};

/// What the events and the listings of queues come to, interval by interval. Reads no clock.
class top_model {
public:
    using clock = std::chrono::steady_clock;

    top_model(queue_filter filter, clock::time_point now);

    /// The events it wants.
    static std::vector<std::string> event_types();

    void add(const client::event_info& event, clock::time_point now);
    /// Events are missing from here on.
    void gap();
    void list(const std::vector<client::queue_info>& queues, clock::time_point now);

    /// The interval since the last call, or since the beginning; a new one begins. A queue that is
    /// no longer listed is told of as long as something happens in it.
    top_interval take(clock::time_point now, top_order order);

private:
    struct queue {
        top_row row;
        bool listed = false;
        bool stirred = false;  ///< something happened in this interval
        waiting_line waiting;
        std::map<std::string, std::size_t> runs_of;  ///< by worker, those under way
        std::set<std::string> workers;               ///< that had a run in this interval
    };
    struct run {
        std::string queue;
        std::string worker;
    };
    /// More runs under way are not followed; they count for their worker at start and end.
    static constexpr std::size_t runs_max = 100'000;

    void begin_run(queue& of, const client::event_info& event);
    void end_run(queue& of, const client::event_info& event);
    void move(queue& of, const client::event_info& event, clock::time_point now);
    std::optional<timestamp> server_time(clock::time_point now) const;
    clock::time_point our_time(std::optional<timestamp> at, clock::time_point now) const;
    static void begin_interval(queue& of);

    queue_filter filter_;
    clock::time_point begun_;
    bool gap_ = false;
    std::map<std::string, queue> queues_;
    std::unordered_map<std::string, run> runs_;  ///< under way, by job
    /// What the server's clock is ahead of ours. An event takes its time to come, so the most that
    /// one says is nearest to the truth.
    std::optional<std::chrono::microseconds> ahead_;
};

}  // namespace sluice::cli
