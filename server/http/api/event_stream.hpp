#pragma once

#include "server/http/api/handlers.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::http {

/// Where a stream of events begins.
struct stream_start {
    std::uint64_t after = 0;
    std::string position;  ///< the same as a reader would give it
    bool gap = false;      ///< `position` is of an earlier life of the server
};

/// What happens from `start` on, for as long as the reader stays and the server does not drain.
class event_stream {
public:
    /// `filter` gives the types and queues, `job_types` what else is wanted of jobs (empty: all).
    /// The caller of `r` hears of queues it may use, as with everything else.
    event_stream(services_ptr services, request r, event_query filter,
                 std::vector<std::string> job_types, stream_start start);

    /// See body_source.
    asio::awaitable<std::optional<std::string>> next();

private:
    std::string opening();
    std::string take(const event_page& page);
    bool is_wanted(const job_event& event) const;
    void say_gap(std::string& out);
    std::string beat();

    services_ptr services_;
    request request_;
    event_query query_;
    std::vector<std::string> job_types_;
    std::string position_;          ///< the latest one the reader has been told
    std::uint64_t told_ = 0;        ///< its number
    bool from_the_oldest_ = false;  ///< the gap before the next event is known
    bool open_ = false;
    std::chrono::steady_clock::time_point next_beat_;
};

}  // namespace sluice::http
