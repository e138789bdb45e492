#pragma once

#include "proto/job.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
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

/// Runs one job. `stop` is requested, on the worker's executor, when the server wants the worker
/// back: it ends, or the job was cancelled or ran out of time. A handler that waits must then
/// return `interrupted`. An exception counts as `failed` with its what().
using handler =
    std::function<boost::asio::awaitable<outcome>(job_record job, std::stop_token stop)>;

class handler_registry {
public:
    /// A later handler of the same type takes the place of an earlier one.
    void add(std::string type, handler run);
    /// Null when there is none. Valid until the next `add`.
    const handler* find(std::string_view type) const;
    /// In alphabetical order.
    std::vector<std::string> types() const;

private:
    struct type_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view type) const {
            return std::hash<std::string_view>{}(type);
        }
    };
    std::unordered_map<std::string, handler, type_hash, std::equal_to<>> handlers_;
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
