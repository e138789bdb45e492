#include "client/producer.hpp"

#include <chrono>

namespace sluice::client {
namespace {

bool only_for_now(const failure& f) {
    if (f.kind != failure_kind::refused || !f.retryable) return false;
    return f.status == 429 || (f.status == 503 && f.not_stored && f.code != "shutting_down");
}

}  // namespace

producer::producer(asio::any_io_executor executor, settings with)
    : client_(executor, std::move(with)), pause_(executor) {}

asio::awaitable<outcome<job_info>> producer::push(new_job job) {
    for (;;) {
        auto stored = co_await client_.push(job);
        if (stored.has_value()) co_return stored;
        const bool again = co_await may_retry(stored.error());
        if (!again) co_return stored;
    }
}

asio::awaitable<outcome<std::vector<job_info>>> producer::push_batch(std::vector<new_job> jobs) {
    for (;;) {
        auto stored = co_await client_.push_batch(jobs);
        if (stored.has_value()) co_return stored;
        const bool again = co_await may_retry(stored.error());
        if (!again) co_return stored;
    }
}

asio::awaitable<bool> producer::may_retry(failure why) {
    if (closed_ || !only_for_now(why)) co_return false;
    ++refusals_;
    pause_.expires_after(why.retry_after.value_or(std::chrono::milliseconds{100}));
    co_await pause_.async_wait(nothrow_await);
    co_return !closed_;
}

void producer::close() {
    closed_ = true;
    pause_.cancel();
    client_.close();
}

}  // namespace sluice::client
