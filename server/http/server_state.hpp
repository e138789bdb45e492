#pragma once

#include "server/http/admission.hpp"
#include "server/http/http_config.hpp"
#include "server/http/response_writer.hpp"
#include "server/observe/log.hpp"
#include "server/runtime/notifier.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace sluice::http {

class session;

/// What the connections of one server share. On the thread of `executor` only.
struct server_state {
    server_state(boost::asio::any_io_executor ex, const router& routes, http_config c, logger& l,
                 const boost::asio::ip::address& bound_to);

    /// "req_" and a UUID.
    std::string new_request_id();

    /// Logs that a limit was hit, at most once a second: whoever floods us must not flood the log.
    void warn_of_limit(std::string_view limit, const boost::asio::ip::address& peer);

    boost::asio::any_io_executor executor;
    http_config config;
    logger& log;
    admission door;
    date_cache dates;
    bool draining = false;
    std::size_t body_bytes = 0;  ///< of requests under way, all connections
    std::size_t line_bytes = 0;  ///< of lines that streams hold back until they are whole

    std::size_t streams = 0;  ///< answers under way whose end is not foreseeable

    std::size_t connections = 0;
    std::unordered_set<session*> sessions;  ///< each inserts and removes itself
    std::unordered_map<boost::asio::ip::address, std::size_t> per_address;
    notifier session_ended;

private:
    std::int64_t request_sequence_ = 0;
    std::uint32_t request_salt_;
    std::chrono::steady_clock::time_point warned_{};
    std::int64_t unreported_ = 0;
};

/// Bytes of one body, counted in `server_state::body_bytes` for as long as this lives; or those
/// that one stream holds back, in `line_bytes`. The latter have a quarter of the room and no part
/// in the former: streams, which may take their time, must not keep out the answers of workers.
class body_charge {
public:
    enum class kind : std::uint8_t { body, line };

    body_charge() = default;
    explicit body_charge(std::shared_ptr<server_state> state, kind of = kind::body)
        : state_(std::move(state)), kind_(of) {}
    body_charge(body_charge&& other) noexcept
        : state_(std::move(other.state_)),
          kind_(other.kind_),
          bytes_(std::exchange(other.bytes_, 0)) {}
    body_charge& operator=(body_charge&& other) noexcept {
        release();
        state_ = std::move(other.state_);
        kind_ = other.kind_;
        bytes_ = std::exchange(other.bytes_, 0);
        return *this;
    }
    ~body_charge() { release(); }

    /// False when all bodies together would be too much.
    bool grow_to(std::size_t bytes) {
        if (!state_) return true;
        total() += bytes - bytes_;
        bytes_ = bytes;
        const auto max = state_->config.body_bytes_in_flight_max;
        return total() <= (kind_ == kind::line ? max / 4 : max);
    }
    void release() {
        if (state_) total() -= std::exchange(bytes_, 0);
    }

private:
    std::size_t& total() { return kind_ == kind::line ? state_->line_bytes : state_->body_bytes; }

    std::shared_ptr<server_state> state_;
    kind kind_ = kind::body;
    std::size_t bytes_ = 0;
};

/// One of the streams, counted in `server_state::streams` for as long as this lives.
class stream_slot {
public:
    stream_slot() = default;
    explicit stream_slot(std::shared_ptr<server_state> state) : state_(std::move(state)) {
        ++state_->streams;
    }
    stream_slot(stream_slot&&) noexcept = default;
    stream_slot& operator=(stream_slot&& other) noexcept {
        release();
        state_ = std::move(other.state_);
        return *this;
    }
    ~stream_slot() { release(); }

private:
    void release() {
        if (state_) --state_->streams;
        state_.reset();
    }

    std::shared_ptr<server_state> state_;
};

}  // namespace sluice::http
