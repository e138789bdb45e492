#pragma once

#include <boost/system/result.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Why a call to the server gave no value. Nothing here throws; a caller looks at the value.
namespace sluice::client {

enum class failure_kind : std::uint8_t {
    unreachable,  ///< no connection: nothing was sent
    lost,         ///< the connection broke after the request went out: the outcome is unknown
    timed_out,    ///< no answer in time: the outcome is unknown
    closed,       ///< this side closed the connection (`connection::close`)
    refused,      ///< the server answered with an error; `status` and `code` say which
    bad_answer,   ///< the answer is not what the contract says
};

struct failure {
    failure_kind kind = failure_kind::bad_answer;
    std::string message;  ///< a sentence for people
    int status = 0;       ///< of the HTTP answer; 0 without one
    std::string code;     ///< Open Job Spec's error code, such as "not_found"
    std::string details;  ///< the `details` object as JSON text; may be empty
    std::string request_id;
    bool not_stored = false;  ///< the server vouches that nothing was changed
    bool retryable = false;   ///< the same request can succeed later
    std::optional<std::chrono::milliseconds> retry_after;
};

/// Whether asking again may help: the server is away, or says so.
bool may_come_back(const failure& f);

[[noreturn]] void throw_exception_from_error(const failure& f, const boost::source_location& where);

/// What is wrong with something a person wrote: the rest of a sentence, such as "it names no host".
struct complaint {
    std::string text;
};

[[noreturn]] void throw_exception_from_error(const complaint& c,
                                             const boost::source_location& where);

template <class T>
using outcome = boost::system::result<T, failure>;

/// What the process exits with. The numbers are a contract with scripts; `sluice help exit-codes`
/// prints them.
enum class exit_code : std::uint8_t {
    ok = 0,
    failed = 1,
    usage = 2,
    unreachable = 3,
    not_found = 4,
    denied = 5,
    conflict = 6,
    missed = 7,
    partial = 8,
    timed_out = 124,
    interrupted = 130,
};

exit_code exit_code_of(const failure& f);

}  // namespace sluice::client
