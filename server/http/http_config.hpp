#pragma once

#include "server/http/message.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::http {

/// A bearer token, as its SHA-256 only.
struct token_config {
    std::string name;  ///< for logs
    std::string sha256_hex;
    std::vector<scope> scopes;
    std::vector<std::string> queues;  ///< patterns with "*"; empty: every queue
};

/// Limits and deadlines of connections; the defaults are safe on a public address.
struct http_config {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8080;  ///< 0: the system chooses
    std::vector<std::string>
        allowed_hosts;  ///< beside localhost, 127.0.0.1, [::1] and the bound address
    std::vector<token_config>
        tokens;  ///< none: no authentication (loopback only, or `insecure_no_auth`)
    /// Threads that own connections. 1: that of the backend; more: these, and that of the backend
    /// has none.
    std::size_t io_threads = 1;
    bool insecure_no_auth = false;  ///< serve a non-loopback address without tokens

    std::size_t head_bytes_max = 16 * 1024;
    std::size_t buffer_bytes_max = 32 * 1024;  ///< bounds chunk extensions and trailers too
    std::size_t fields_max = 64;
    std::size_t target_bytes_max = 8 * 1024;
    std::size_t connections_max = 4096;
    std::size_t connections_per_address_max = 256;
    std::size_t body_bytes_in_flight_max = std::size_t{64} * 1024 * 1024;
    std::size_t pipeline_max = 16;   ///< requests of one connection under way; reading stops beyond
    std::size_t streams_max = 1000;  ///< answers without a foreseeable end, all connections

    std::chrono::milliseconds head_deadline =
        std::chrono::seconds{10};  ///< for the whole head, absolute
    std::chrono::milliseconds body_idle_deadline = std::chrono::seconds{10};
    std::size_t body_bytes_per_second_min = 1024;                         ///< averaged, after 5 s
    std::chrono::milliseconds write_deadline = std::chrono::seconds{30};  ///< without progress
    std::chrono::milliseconds stream_stall_deadline =
        std::chrono::seconds{60};  ///< for the next byte of a body that is a stream
    std::chrono::milliseconds keep_alive = std::chrono::seconds{60};
};

}  // namespace sluice::http
