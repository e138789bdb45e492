#include "server/http/body_stream.hpp"

#include <utility>

namespace sluice::http {

body_stream::body_stream(const boost::asio::any_io_executor& executor, body_charge charge,
                         std::function<void()> on_room)
    : charge_(std::move(charge)), on_room_(std::move(on_room)), changed_(executor) {}

boost::asio::awaitable<std::optional<std::string>> body_stream::next() {
    awaited_ = true;
    while (arrived_.empty() && end_ == body_end::open && !closed_) co_await changed_.wait();
    awaited_ = false;
    if (arrived_.empty()) co_return std::nullopt;
    auto taken = std::exchange(arrived_, {});
    on_room_();
    co_return taken;
}

bool body_stream::hold(std::size_t bytes) {
    return charge_.grow_to(bytes);
}

void body_stream::close() {
    closed_ = true;
    changed_.notify_all();
    on_room_();
}

void body_stream::add(const std::string& bytes) {
    arrived_ += bytes;
    changed_.notify_all();
}

void body_stream::finish(body_end how) {
    end_ = how;
    changed_.notify_all();
}

}  // namespace sluice::http
