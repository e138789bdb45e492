#pragma once

#include "server/http/auth.hpp"
#include "server/http/http_config.hpp"
#include "server/observe/log.hpp"

#include <boost/asio/ip/address.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace sluice::http {

/// Open connections, in all and by address. Thread safe.
class connection_book {
public:
    connection_book(std::size_t max, std::size_t per_address_max)
        : max_(max), per_address_max_(per_address_max) {}
    connection_book(const connection_book&) = delete;
    connection_book& operator=(const connection_book&) = delete;

    /// The limit that one more from there would exceed, as static text; empty: it is counted from
    /// now on, until `leave`.
    std::string_view enter(const boost::asio::ip::address& peer);
    void leave(const boost::asio::ip::address& peer);
    std::size_t size() const;

private:
    const std::size_t max_;
    const std::size_t per_address_max_;
    mutable std::mutex mutex_;
    std::size_t open_ = 0;
    std::unordered_map<boost::asio::ip::address, std::size_t> per_address_;
};

/// What the connections of all threads of one server share: the limits hold for the process, not
/// for a thread. Every member is constant, atomic or locks for itself.
struct server_common {
    server_common(http_config c, logger& l);

    /// Logs that a limit was hit, at most once a second: whoever floods us must not flood the log.
    void warn_of_limit(std::string_view limit, const boost::asio::ip::address& peer);

    const http_config config;
    logger& log;
    failure_limiter failures;
    connection_book connections;
    std::atomic<std::size_t> body_bytes{0};  ///< of requests under way, all connections
    std::atomic<std::size_t> line_bytes{
        0};                               ///< of lines that streams hold back until they are whole
    std::atomic<std::size_t> streams{0};  ///< answers under way whose end is not foreseeable

private:
    std::mutex warning_mutex_;
    std::chrono::steady_clock::time_point warned_;
    std::int64_t unreported_ = 0;
};

/// Bytes of one body, counted in `server_common::body_bytes` for as long as this lives; or those
/// that one stream holds back, in `line_bytes`. The latter have a quarter of the room and no part
/// in the former: streams, which may take their time, must not keep out the answers of workers.
class body_charge {
public:
    enum class kind : std::uint8_t { body, line };

    body_charge() = default;
    explicit body_charge(std::shared_ptr<server_common> common, kind of = kind::body)
        : common_(std::move(common)), kind_(of) {}
    body_charge(body_charge&& other) noexcept
        : common_(std::move(other.common_)),
          kind_(other.kind_),
          bytes_(std::exchange(other.bytes_, 0)) {}
    body_charge& operator=(body_charge&& other) noexcept {
        release();
        common_ = std::move(other.common_);
        kind_ = other.kind_;
        bytes_ = std::exchange(other.bytes_, 0);
        return *this;
    }
    ~body_charge() { release(); }

    /// False when all bodies together would be too much.
    bool grow_to(std::size_t bytes) {
        if (!common_) return true;
        const auto more = bytes - std::exchange(bytes_, bytes);  // may wrap around, as the sum does
        const auto all = total().fetch_add(more, std::memory_order_relaxed) + more;
        const auto max = common_->config.body_bytes_in_flight_max;
        return all <= (kind_ == kind::line ? max / 4 : max);
    }
    void release() {
        if (common_ && bytes_ != 0)
            total().fetch_sub(std::exchange(bytes_, 0), std::memory_order_relaxed);
    }

private:
    std::atomic<std::size_t>& total() {
        return kind_ == kind::line ? common_->line_bytes : common_->body_bytes;
    }

    std::shared_ptr<server_common> common_;
    kind kind_ = kind::body;
    std::size_t bytes_ = 0;
};

/// One of the streams, counted in `server_common::streams` for as long as this lives.
class stream_slot {
public:
    stream_slot() = default;
    /// Without effect when there are as many as may be: false then.
    explicit stream_slot(std::shared_ptr<server_common> common) {
        if (common->streams.fetch_add(1) < common->config.streams_max)
            common_ = std::move(common);
        else
            --common->streams;
    }
    stream_slot(stream_slot&&) noexcept = default;
    stream_slot& operator=(stream_slot&& other) noexcept {
        release();
        common_ = std::move(other.common_);
        return *this;
    }
    ~stream_slot() { release(); }
    explicit operator bool() const { return common_ != nullptr; }

private:
    void release() {
        if (common_) --common_->streams;
        common_.reset();
    }

    std::shared_ptr<server_common> common_;
};

}  // namespace sluice::http
