#include "server/worker/worker_pool.hpp"

#include "server/worker/lane.hpp"

#include <boost/asio/thread_pool.hpp>

#include <cstdint>
#include <utility>

namespace sluice::worker {

class worker_pool::impl {
public:
    impl(const asio::any_io_executor& executor, backend& queue, handler_registry handlers,
         const pool_config& config, logger& log)
        : handlers_(std::move(handlers)), log_(log) {
        for (const auto& own : config.queues) add(executor, queue, own.queue, own.concurrency);
        add(executor, queue, "*", config.concurrency);
    }

    void start() {
        for (auto& one : lanes_) one->start();
    }

    asio::awaitable<void> stop(std::chrono::milliseconds grace) {
        using clock = std::chrono::steady_clock;
        const auto deadline = clock::now() + grace;
        for (auto& one : lanes_) co_await one->drain();

        std::size_t interrupted_jobs = 0;
        for (auto& one : lanes_) {
            const bool ended = co_await one->join_until(deadline);
            if (ended) continue;
            interrupted_jobs += one->busy();
            one->interrupt();
        }
        for (auto& one : lanes_) co_await one->join_until(clock::time_point::max());
        log_.info("in-server workers stopped",
                  {{"interrupted", static_cast<std::int64_t>(interrupted_jobs)}});
    }

private:
    void add(const asio::any_io_executor& executor, backend& queue, const std::string& name,
             std::size_t concurrency) {
        if (concurrency == 0) return;
        lanes_.push_back(
            std::make_unique<lane>(executor, queue, handlers_, threads_, name, concurrency, log_));
    }

    handler_registry handlers_;
    logger& log_;
    asio::thread_pool threads_{4};
    std::vector<std::unique_ptr<lane>> lanes_;
};

worker_pool::worker_pool(asio::any_io_executor executor, backend& queue, handler_registry handlers,
                         pool_config config, logger& log)
    : impl_(std::make_unique<impl>(executor, queue, std::move(handlers), config, log)) {}

worker_pool::~worker_pool() = default;

void worker_pool::start() {
    impl_->start();
}

asio::awaitable<void> worker_pool::stop(std::chrono::milliseconds grace) {
    return impl_->stop(grace);
}

}  // namespace sluice::worker
