#include "client/cli/bench/remote_workers.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <memory>
#include <utility>

namespace sluice::cli::bench {

namespace asio = boost::asio;
using client::nothrow_await;

namespace {

client::worker_options options_of(const std::string& queue, std::size_t concurrency) {
    client::worker_options options;
    options.queues = {queue};
    options.concurrency = concurrency;
    options.drain_grace = std::chrono::seconds{1};
    options.stop_grace = std::chrono::seconds{1};
    return options;
}

asio::awaitable<client::job_outcome> take_time(std::chrono::nanoseconds pause) {
    if (pause.count() > 0) {
        asio::steady_timer timer{co_await asio::this_coro::executor, pause};
        co_await timer.async_wait(nothrow_await);
    }
    client::completed done{"null"};
    co_return done;
}

}  // namespace

remote_workers::remote_workers(client::settings server, const std::string& queue,
                               std::size_t concurrency, std::chrono::nanoseconds pause)
    : worker_(std::move(server), options_of(queue, concurrency)) {
    worker_.add("*", [pause](std::shared_ptr<client::job_run>) { return take_time(pause); });
    thread_ = std::thread{[this] {
        auto ended = worker_.run();
        if (ended.has_error()) refused_ = ended.error();
    }};
}

remote_workers::~remote_workers() {
    stop();
}

std::optional<client::failure> remote_workers::stop() {
    if (thread_.joinable()) {
        worker_.stop();
        thread_.join();
    }
    return refused_;
}

}  // namespace sluice::cli::bench
