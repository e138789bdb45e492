#pragma once

#include "proto/error.hpp"
#include "proto/job.hpp"
#include "server/worker/handlers/http/request_head.hpp"
#include "server/worker/handlers/http/target_url.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace sluice::worker::push {

/// The longest a job may let one exchange take.
inline constexpr std::chrono::minutes exchange_time_max{15};

/// What args[0] of a job of type `sluice.http` asks for.
struct http_args {
    std::string method;
    target_url url;
    header_list headers;
    std::string body;
    std::string content_type;  ///< of the body; empty without one
    std::optional<std::chrono::milliseconds> timeout;
    bool sign = false;
};

/// Reads `[{"url", "method", "headers", "body", "timeout_ms", "sign"}]`; `args` must be valid JSON.
///
/// The method is GET, or POST with a body. A body that is a string is sent as that text, any other
/// value as its JSON, byte for byte. Members that are not known are refused: a typing error would
/// send something else than was meant.
/// Errors: validation_failed, with the member in `details.field`.
result<http_args> parse_http_args(const raw_json& args);

}  // namespace sluice::worker::push
