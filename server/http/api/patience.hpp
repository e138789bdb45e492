#pragma once

#include "server/http/message.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

namespace sluice::http {

/// Bytes of the bodies whose senders wait for room in a queue, over all connections of all threads.
/// They are held for as long as that takes, and must leave the others room to come in. Thread safe.
class waiting_bodies {
public:
    explicit waiting_bodies(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    /// One body among them for as long as this lives; false when it would be one too many.
    class place {
    public:
        place() = default;
        place(std::shared_ptr<waiting_bodies> bodies, std::size_t bytes)
            : bodies_(std::move(bodies)), bytes_(bytes) {}
        place(place&&) noexcept = default;
        place& operator=(place&&) = delete;
        ~place() {
            if (bodies_) bodies_->bytes_ -= bytes_;
        }
        explicit operator bool() const { return bodies_ != nullptr; }

    private:
        std::shared_ptr<waiting_bodies> bodies_;
        std::size_t bytes_ = 0;
    };
    static place enter(const std::shared_ptr<waiting_bodies>& bodies, std::size_t bytes) {
        if (bodies->bytes_.fetch_add(bytes) + bytes <= bodies->bytes_max_) return {bodies, bytes};
        bodies->bytes_ -= bytes;
        return {};
    }

private:
    std::size_t bytes_max_;
    std::atomic<std::size_t> bytes_{0};
};

/// `OJS-Block-Timeout: SECONDS`: how long its sender waits for room in a queue, 60 s at most. 0
/// without it. Errors: invalid_request.
result<std::chrono::seconds> read_patience(const request& r);

/// Whether no field of the request asks to wait: neither that one nor `Prefer: wait`.
bool asks_no_wait(const request& r);

}  // namespace sluice::http
