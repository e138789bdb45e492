#include "server/runtime/task_group.hpp"

#include "server/runtime/notifier.hpp"

#include <boost/asio/co_spawn.hpp>

#include <utility>

namespace sluice {

namespace asio = boost::asio;

struct task_group::state {
    state(asio::any_io_executor ex, fault_handler handler)
        : executor(std::move(ex)), on_fault(std::move(handler)), all_ended(executor) {}

    asio::any_io_executor executor;
    fault_handler on_fault;
    notifier all_ended;
    std::size_t running = 0;
};

task_group::task_group(asio::any_io_executor executor, fault_handler on_fault)
    : state_(std::make_shared<state>(std::move(executor), std::move(on_fault))) {}

task_group::~task_group() = default;

void task_group::spawn(asio::awaitable<void> task) {
    spawn(state_->executor, std::move(task));
}

void task_group::spawn(const asio::any_io_executor& where, asio::awaitable<void> task) {
    ++state_->running;
    try {
        asio::co_spawn(where, std::move(task), [group = state_](std::exception_ptr fault) {
            if (fault) group->on_fault(fault);
            if (--group->running == 0) group->all_ended.notify_all();
        });
    } catch (...) {  // there was no memory to start it
        --state_->running;
        throw;
    }
}

asio::awaitable<void> task_group::join() {
    co_await join_until(std::chrono::steady_clock::time_point::max());
}

asio::awaitable<bool> task_group::join_until(std::chrono::steady_clock::time_point deadline) {
    const std::shared_ptr<state> group = state_;
    while (group->running != 0) {
        const wake_reason reason = co_await group->all_ended.wait_until(deadline);
        if (reason == wake_reason::timed_out) break;
    }
    co_return group->running == 0;
}

std::size_t task_group::size() const {
    return state_->running;
}

}  // namespace sluice
