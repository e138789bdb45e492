#pragma once

#include "server/queue/backend.hpp"
#include "server/runtime/notifier.hpp"
#include "server/runtime/task_group.hpp"
#include "server/worker/handler.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::worker {

/// Log text of one run, as its handler handed it over.
struct log_batch {
    struct piece {
        log_stream stream = log_stream::log;
        std::string text;  ///< one line or several
        std::chrono::steady_clock::time_point said;
    };
    uuid job_id;
    lease_token lease;
    std::vector<piece> pieces;  ///< oldest first
    std::uint64_t dropped = 0;  ///< lines that did not fit, after these
    bool last = false;          ///< the run has ended: its answer waits for this
};
/// Keeps a batch. Called on the worker's executor; the next batch of a run follows when it is done.
using log_sink = std::function<boost::asio::awaitable<void>(log_batch batch)>;

/// What the runs of a pool have in common. Outlives them while they are not at their end.
struct run_services {
    boost::asio::any_io_executor executor;
    backend& store;
    log_sink keep_log;                       ///< empty: logs go nowhere
    std::chrono::milliseconds report_every;  ///< between two reports of one run
    task_group& reports;
};

/// A granted job on its way through a lane, and what its handler says meanwhile.
///
/// Handlers may speak from any thread. Their words are gathered here and passed on by one coroutine
/// per run that talks: at once at first, then every so often, the rest when the run ends.
class active_run final : public job_run, public std::enable_shared_from_this<active_run> {
public:
    /// Text that waits to be passed on, at most, by `log_cost`; further text is dropped and
    /// counted.
    static constexpr std::size_t log_bytes_max = std::size_t{256} * 1024;

    active_run(job_record job, run_services& services);

    const job_record& job() const override { return job_; }
    std::stop_token stop() const override { return stop_.get_token(); }
    void progress(double fraction, std::string message) override;
    void log(log_stream stream, std::string_view text) override;
    asio::awaitable<bool> heartbeat() override;

    // The rest is for the lane.
    void request_stop() { stop_.request_stop(); }
    /// The job is no longer this run's.
    void lose() {
        lost_ = true;
        request_stop();
    }
    bool lost() const { return lost_; }

    /// The handler is done: from here on its words count no more. True when some of those before
    /// have not been passed on; then `passed_on` waits for that.
    bool end();
    asio::awaitable<void> passed_on();

private:
    struct words {
        std::optional<progress_request> progress;
        log_batch log;
        bool empty() const { return !progress && log.pieces.empty() && log.dropped == 0; }
    };

    template <class Add>
    void say(Add add);
    asio::awaitable<void> pass_on(std::shared_ptr<active_run> self);
    asio::awaitable<void> report(words said);
    words take();
    void give_up();

    const job_record job_;
    run_services& services_;
    std::stop_source stop_;
    bool lost_ = false;
    std::unique_ptr<notifier> wake_;  ///< only in a run that talks: its end, or that all is said

    std::mutex mutex_;  ///< guards what follows
    words unsaid_;
    std::size_t log_bytes_ = 0;
    bool talking_ = false;  ///< words are to be passed on
    bool ended_ = false;
};

}  // namespace sluice::worker
