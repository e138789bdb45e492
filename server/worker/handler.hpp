#pragma once

#include "proto/error.hpp"
#include "proto/job.hpp"
#include "proto/job_log.hpp"
#include "server/queue/engine_config.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::worker {

/// The job is done; `result` is JSON text or empty.
struct completed {
    raw_json result;
};
/// The run failed; the retry policy decides unless `retryable` is false. `retry_after` takes the
/// place of the policy's back-off.
struct failed {
    job_failure failure;
    bool retryable = true;
    std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
    /// No job under the same key of rate limits is to start for so long.
    std::optional<std::chrono::milliseconds> hold_limit = std::nullopt;
};
/// Not now: the job comes back after `delay` without spending an attempt.
struct snoozed {
    std::chrono::milliseconds delay{0};
};
/// Failed for good: the job ends discarded, whatever its policy says.
struct discarded {
    job_failure failure;
};
/// Failed for good: the job ends as a dead letter, whatever its policy says.
struct dead_lettered {
    job_failure failure;
};
/// Stopped before it was done; the job goes back without spending an attempt.
struct interrupted {};
/// Somebody outside has the job now and will answer for it under the same lease, over the wire. The
/// run ends here; the lease stays open in the name of `holder`, survives this process, and lasts
/// for `visibility_timeout` from now (absent: as the job or the server says).
struct delegated {
    std::string holder;
    std::optional<std::chrono::milliseconds> visibility_timeout = std::nullopt;
};

using outcome =
    std::variant<completed, failed, snoozed, discarded, dead_lettered, interrupted, delegated>;

/// One run of one job, as its handler sees it. It may outlive the handler; what is said after the
/// run ended is ignored. On the worker's executor, unless a member says otherwise.
class job_run {
public:
    job_run() = default;
    job_run(const job_run&) = delete;
    job_run& operator=(const job_run&) = delete;
    virtual ~job_run() = default;

    /// As it was granted; the lease is in it. Does not change; any thread.
    virtual const job_record& job() const = 0;

    /// Requested, on the worker's executor, when the run should end: the server stops, the job was
    /// cancelled or ran out of its execution timeout, or the lease was lost. A handler that waits
    /// must then return `interrupted`. Any thread may look.
    virtual std::stop_token stop() const = 0;

    /// How far the job is: `fraction` is clamped to 0..1. The latest word wins; it is passed on a
    /// few times a second at most. Any thread.
    virtual void progress(double fraction, std::string message) = 0;

    /// Adds lines to the log of the job. Never blocks: beyond a cap text is dropped and counted,
    /// and the log says so. Any thread.
    virtual void log(log_stream stream, std::string_view text) = 0;

    /// Renews the lease from now. False when it is lost; then nothing this run does counts any
    /// more.
    virtual boost::asio::awaitable<bool> heartbeat() = 0;
};

/// Runs one job, on the worker's executor: it must not block. An exception counts as `failed` with
/// its what().
using handler = std::function<boost::asio::awaitable<outcome>(std::shared_ptr<job_run> run)>;

/// Runs one job on a thread of the blocking pool, where it may block. To be stopped it must look at
/// `run.stop()`. An exception counts as `failed` with its what().
using blocking_handler = std::function<outcome(job_run& run)>;

struct handler_options {
    /// Jobs of these types run at one time, over all queues; 0: only the pool's own bound.
    std::size_t concurrency = 0;
    /// Refuses a job when it is pushed, so that the producer hears of it. Runs on the executor of
    /// the server.
    std::function<std::optional<error>(const job_spec&)> check;
};

/// What runs the jobs whose type fits one pattern. One of the two functions is set.
struct registered_handler {
    handler run;
    blocking_handler run_blocking;
    handler_options options;
};

/// How many runs of this handler there may be at one time; 0: no limit of its own. One that blocks
/// has at most `blocking_threads`: a job must not wait for a thread while its execution timeout
/// runs.
std::size_t limit_of(const registered_handler& how, std::size_t blocking_threads);

/// Patterns are those of `find_pattern`: a type, a prefix such as "mail.*", or "*".
class handler_registry {
public:
    /// A later handler of the same pattern takes the place of an earlier one.
    void add(std::string pattern, handler run, handler_options options = {});
    void add_blocking(std::string pattern, blocking_handler run, handler_options options = {});

    /// Null when there is none. Valid until the next `add`.
    const registered_handler* find(std::string_view type) const;

    /// What the handler of its type says of a job that is about to be stored; nothing: it may be.
    std::optional<error> check(const job_spec& job) const;

    /// The patterns with their limits, in alphabetical order, as the engine needs them.
    std::vector<handled_type> types(std::size_t blocking_threads) const;

private:
    std::map<std::string, registered_handler, std::less<>> handlers_;
};

/// Handlers for the types that every server has.
///
/// | type | args | result |
/// |---|---|---|
/// | `sluice.echo` | anything | the args, byte for byte |
/// | `sluice.sleep` | milliseconds | null, after that time |
/// | `sluice.square` | number, pause in milliseconds (optional) | its square, after the pause |
/// | `sluice.fail` | message, code, retryable (each optional) | none: it fails |
///
/// An integer's square is exact up to 2^64 - 1, beyond that a double. Arguments that do not fit
/// fail at once and for good.
void add_builtin_handlers(handler_registry& registry);

}  // namespace sluice::worker
