#pragma once

#include "proto/job.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace sluice::worker {

/// The job is done; `result` is JSON text or empty.
struct completed {
    raw_json result;
};
/// The run failed; the retry policy decides unless `retryable` is false.
struct failed {
    job_failure failure;
    bool retryable = true;
};
/// Stopped before it was done; the job goes back without spending an attempt.
struct interrupted {};

using outcome = std::variant<completed, failed, interrupted>;

/// Runs one job. `stop` is requested when the server wants the worker back; a handler that waits
/// should then return `interrupted`. An exception counts as `failed` with its what().
using handler =
    std::function<boost::asio::awaitable<outcome>(job_record job, std::stop_token stop)>;

class handler_registry {
public:
    void add(std::string type, handler run);
    const handler* find(std::string_view type) const;
    std::vector<std::string> types() const;

private:
    std::unordered_map<std::string, handler> handlers_;
};

/// `sluice.echo`, `sluice.sleep`, `sluice.square`, `sluice.fail`.
void add_builtin_handlers(handler_registry& registry);

}  // namespace sluice::worker
