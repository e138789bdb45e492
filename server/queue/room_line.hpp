#pragma once

#include "server/runtime/notifier.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace sluice {

namespace asio = boost::asio;

/// Producers that wait for room in a full queue, each queue's in order of arrival.
///
/// Whoever is woken tries again, and joins with the same place if others were quicker, so that
/// nobody is overtaken by those behind. Everything on `executor`, which one thread runs; must
/// outlive its waiters, save those whose context will never run again.
class room_line {
public:
    explicit room_line(asio::any_io_executor executor) : executor_(std::move(executor)) {}

    struct place {
        std::string queue;
        std::uint64_t ticket = 0;  ///< 0: not in line
    };

    bool crowded(std::string_view queue) const { return lines_.contains(queue); }
    /// Puts `mine` into the line of `queue`, for `count` jobs; where it is there already, it keeps
    /// its place.
    void join(place& mine, const std::string& queue, std::uint64_t count);
    void leave(place& mine);
    /// Until there may be room. False at the deadline, and when `stop` asks for it.
    asio::awaitable<bool> wait(const place& mine, std::chrono::steady_clock::time_point deadline,
                               std::stop_token stop);

    /// The queue takes `room` more jobs: wakes those who come first as far as that goes. What those
    /// will take who have been woken before and have not tried yet is left to them.
    void make_way(std::string_view queue, std::uint64_t room);
    /// Everybody is to try once more.
    void wake_all();

private:
    struct waiter {
        explicit waiter(const asio::any_io_executor& executor) : woken(executor) {}
        std::uint64_t count = 0;
        bool may_try = false;
        notifier woken;
    };

    void wake(waiter& who);

    asio::any_io_executor executor_;
    std::map<std::string, std::map<std::uint64_t, std::shared_ptr<waiter>>, std::less<>> lines_;
    std::uint64_t next_ticket_ = 1;
};

}  // namespace sluice
