#include "server/queue/room_line.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace sluice {

void room_line::join(place& mine, const std::string& queue, std::uint64_t count) {
    if (mine.ticket != 0 && mine.queue != queue) leave(mine);
    if (mine.ticket == 0) {
        mine = {queue, next_ticket_++};
        lines_[queue].emplace(mine.ticket, std::make_shared<waiter>(executor_));
    }
    auto& who = *lines_.find(queue)->second.at(mine.ticket);
    who.count = count;
    who.may_try = false;
}

void room_line::leave(place& mine) {
    if (mine.ticket == 0) return;
    const auto line = lines_.find(mine.queue);
    line->second.erase(mine.ticket);
    if (line->second.empty()) lines_.erase(line);
    mine.ticket = 0;
}

asio::awaitable<bool> room_line::wait(const place& mine,
                                      std::chrono::steady_clock::time_point deadline,
                                      std::stop_token stop) {
    const auto who = lines_.find(mine.queue)->second.at(mine.ticket);
    auto wake_up = [executor = executor_, who] {
        asio::post(executor, [who] { who->woken.notify_all(); });
    };
    const std::stop_callback on_stop(stop, wake_up);
    while (!who->may_try && !stop.stop_requested()) {
        const auto reason = co_await who->woken.wait_until(deadline);
        if (reason == wake_reason::timed_out) break;
    }
    co_return who->may_try;
}

void room_line::wake(waiter& who) {
    who.may_try = true;
    who.woken.notify_all();
}

void room_line::make_way(std::string_view queue, std::uint64_t room) {
    const auto line = lines_.find(queue);
    if (line == lines_.end()) return;
    for (const auto& [ticket, who] : line->second) {
        if (who->count > room) return;
        room -= who->count;
        if (!who->may_try) wake(*who);
    }
}

void room_line::wake_all() {
    for (const auto& [queue, line] : lines_)
        for (const auto& [ticket, who] : line) wake(*who);
}

}  // namespace sluice
