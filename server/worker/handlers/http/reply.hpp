#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::worker::push {

/// Of an answer, this much of the body is kept; reading stops there.
inline constexpr std::size_t reply_body_bytes_max = 64 * 1024;
inline constexpr std::uint32_t reply_head_bytes_max = 16 * 1024;
/// Also bounds chunk extensions and trailers.
inline constexpr std::size_t reply_buffer_bytes_max = 32 * 1024;
/// 1xx answers before the final one.
inline constexpr int interim_replies_max = 16;

/// An answer, and of its header what we look at.
struct reply {
    unsigned status = 0;
    std::string body;
    bool cut = false;  ///< there was more
    std::string retry_after;
    std::string job_lease;
    std::string location;
    bool keep_alive = false;
};

enum class fault_kind : std::uint8_t {
    name_not_resolved,
    egress_denied,
    connect_failed,
    tls_failed,       ///< handshake, certificate, name
    timed_out,        ///< connecting or in all
    connection_lost,  ///< after it was made, before the whole answer
    bad_response,     ///< not HTTP, or beyond a limit
    stopped,          ///< the job's stop token
};

/// The code of a failure, such as "egress_denied".
std::string_view to_string(fault_kind kind);

/// Why there is no answer.
struct fault {
    fault_kind kind = fault_kind::connection_lost;
    std::string message;
};

using exchanged = std::variant<reply, fault>;

}  // namespace sluice::worker::push
