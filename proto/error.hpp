#pragma once

#include <boost/system/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

/// What can go wrong for a caller. Each has one code on the wire (`to_string`) and one HTTP status
/// (`http_status`), both fixed here and listed in `openapi.yaml`.
enum class errc : std::uint8_t {
    invalid_request,     ///< 400: the envelope breaks a rule; `details.field` names the member
    invalid_payload,     ///< 400: the body is not the JSON it must be; `details.offset` says where
    validation_failed,   ///< 422: well formed, but a value is out of range (retry policy and the
                         ///< like)
    unsupported,         ///< 422: a feature or version this server does not have
    unauthorized,        ///< 401
    forbidden,           ///< 403
    not_found,           ///< 404
    method_not_allowed,  ///< 405
    conflict,            ///< 409: the job's state does not allow it
    duplicate,           ///< 409: the id or unique key is taken
    lease_lost,          ///< 409: a later grant exists, or the lease was never given for this job
    already_finished,    ///< 409: the same lease was answered with another outcome
    in_flight,   ///< 409 and Retry-After: the first request with this Idempotency-Key has no answer
                 ///< yet
    key_reused,  ///< 422: the same Idempotency-Key with another body
    too_large,   ///< 413
    rate_limited,  ///< 429
    queue_full,    ///< 429: `QUEUE_FULL` on the wire, as Open Job Spec's backpressure extension has
                   ///< it
    overloaded,    ///< 503: too much is waiting for the store; nothing was stored
    shutting_down,  ///< 503: the server drains; nothing was stored
    disk_low,       ///< 507: too little room for new jobs; nothing was stored
    store_failed,   ///< 503: the store failed; whether it was stored is unknown
    internal,       ///< 500
};

/// The code on the wire, such as "not_found".
std::string_view to_string(errc code);

/// The HTTP status Open Job Spec's HTTP binding (§16) or our own contract gives this code.
int http_status(errc code);

/// Whether repeating the same request later can succeed.
bool is_retryable(errc code);

/// An error for a caller: a code, a sentence for people, and details for programs.
struct error {
    errc code = errc::internal;
    std::string message;
    /// The members of the `details` object as JSON text without braces, such as `"field":"args"`;
    /// may be empty.
    std::string details;

    error() = default;
    error(errc c) : code(c), message(to_string(c)) {}
    error(errc c, std::string text, std::string members = {})
        : code(c), message(std::move(text)), details(std::move(members)) {}
};

[[noreturn]] void throw_exception_from_error(const error& e, const boost::source_location& where);

/// A value, or the error that kept it from being made.
template <class T>
using result = boost::system::result<T, error>;

}  // namespace sluice
