#include "client/task_group.hpp"

#include <boost/asio/co_spawn.hpp>

#include <utility>

namespace sluice::client {

task_group::task_group(asio::any_io_executor executor)
    : executor_(std::move(executor)), idle_(executor_, asio::steady_timer::time_point::max()) {}

void task_group::spawn(asio::awaitable<void> task) {
    ++running_;
    asio::co_spawn(executor_, std::move(task), [this](std::exception_ptr problem) {
        if (problem && !broken_) broken_ = problem;
        if (--running_ == 0) idle_.cancel();
    });
}

asio::awaitable<void> task_group::join() {
    while (running_ > 0) co_await idle_.async_wait(nothrow_await);
    if (broken_) std::rethrow_exception(std::exchange(broken_, nullptr));
}

}  // namespace sluice::client
