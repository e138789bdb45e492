#pragma once

#include "server/worker/handlers/http/request_head.hpp"
#include "server/worker/handlers/http/signing.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::worker::push {

/// What the body of a request to a target holds.
enum class body_template : std::uint8_t {
    job,   ///< the job as a fetch answers it, lease included
    args,  ///< its args
};

/// Job types whose work is done by an HTTP receiver.
struct push_target {
    std::vector<std::string> types;  ///< exact, or a prefix that ends in ".*", or "*"
    std::string url;
    std::string method = "POST";
    header_list headers;
    body_template body = body_template::job;
    std::vector<signing_secret> secrets;  ///< the one in use first; none: not signed
    std::size_t concurrency = 0;          ///< exchanges at one time; 0: the pool's own bound
    std::optional<std::chrono::milliseconds> timeout;
    std::optional<std::chrono::milliseconds> connect_timeout;
};

struct push_config {
    /// Whether producers may choose the URL, in jobs of type `sluice.http`.
    bool any_url = true;
    /// Beside everything public: blocks of addresses, names, names with all below them.
    std::vector<std::string> allow;
    std::string ca_file;
    /// Look-up, connecting and TLS.
    std::chrono::milliseconds connect_timeout{5000};
    /// In all, from the look-up to the last byte of the answer.
    std::chrono::milliseconds timeout{30'000};
    std::size_t concurrency = 0;  ///< of `sluice.http`; 0: the pool's own bound
    std::size_t idle_connections_max = 256;
    std::chrono::milliseconds idle_timeout{30'000};
    std::string secret_file;           ///< for jobs of type `sluice.http` that ask for a signature
    std::string previous_secret_file;  ///< while the other one takes its place
    std::vector<signing_secret> secrets;  ///< what the two files hold
    std::vector<push_target> targets;
};

}  // namespace sluice::worker::push
