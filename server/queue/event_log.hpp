#pragma once

#include "server/queue/backend.hpp"

#include <boost/circular_buffer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice {

/// One lifecycle event, without the payload. Names are shared with the queue they belong to.
struct logged_event {
    std::uint64_t id = 0;
    std::uint64_t batch = 0;  ///< shown once this batch is committed
    std::string_view type;
    timestamp time;
    std::int64_t seq = 0;
    uuid job_id;
    std::shared_ptr<const std::string> queue;
    std::shared_ptr<const std::string> job_type;
    job_state state = job_state::available;
    std::uint32_t attempt = 0;
    std::uint32_t interruptions = 0;
    std::uint32_t max_attempts = 0;
    std::string worker_id;  ///< of the latest grant
    std::optional<timestamp> due_at;
    /// Of events about a failure, with the message cut short: the job itself has it whole.
    std::shared_ptr<const job_failure> failure;
    std::optional<timestamp> produced_at, durable_at, available_at, started_at, finished_at,
        acked_at;
    timestamp received_at;
    std::shared_ptr<const cron_event> cron;             ///< see job_event
    std::shared_ptr<const limit_event> limit;           ///< see job_event
    std::shared_ptr<const queue_pressure> pressure;     ///< see job_event
    std::shared_ptr<const objective_status> objective;  ///< see job_event

    /// Takes the times from the job as it is now.
    void stamp_from(const job_record& job);
    void keep_failure(const job_failure& latest);
};

/// What anybody is told of it.
job_event to_event(const logged_event& logged);

/// The latest lifecycle events, oldest first. An event is visible once its batch is durable.
class event_log {
public:
    explicit event_log(std::size_t max) : max_(max) {}

    /// Numbers the event; it is shown later.
    const logged_event& add(logged_event event);

    /// Shows the events of batches up to `batch`; `finish` may complete each one first.
    void publish(std::uint64_t batch, const std::function<void(logged_event&)>& finish);

    event_page query(const event_query& query) const;
    std::uint64_t last_id() const { return last_id_; }
    /// Visits the events after `after`. False when some of them have already been dropped.
    template <class Visit>
    bool each_after(std::uint64_t after, Visit visit) const {
        const auto dropped = last_id_ - shown_;
        for (auto i = std::max(after, dropped) - dropped; i < shown_; ++i) visit(events_[i]);
        return after >= dropped;
    }
    void clear();

private:
    std::size_t max_;
    /// Those shown, then those that wait for their batch. A ring, for each job leaves several here:
    /// a deque of things this large allocates for every one of them.
    boost::circular_buffer<logged_event> events_;
    std::size_t shown_ = 0;
    std::uint64_t numbered_ = 0;
    std::uint64_t last_id_ = 0;  ///< of those shown
};

}  // namespace sluice
