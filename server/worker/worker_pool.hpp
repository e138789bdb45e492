#pragma once

#include "server/observe/log.hpp"
#include "server/queue/backend.hpp"
#include "server/worker/handler.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace sluice::worker {

struct pool_config {
    /// Jobs run at the same time by in-server workers that serve every queue not named below. 0:
    /// none.
    std::size_t concurrency = 64;
    struct queue_pool {
        std::string queue;
        std::size_t concurrency = 1;
    };
    /// Queues with workers, and a channel, of their own.
    std::vector<queue_pool> queues;
};

/// In-server workers: per pool a dispatcher, a bounded channel and `concurrency` worker coroutines.
///
/// The dispatcher leases only as many jobs as the channel has room for; that is the back-pressure.
/// All on `executor`, the backend's. `queue` and `log` must outlive the pool. Only jobs whose type
/// has a handler are taken.
class worker_pool {
public:
    worker_pool(boost::asio::any_io_executor executor, backend& queue, handler_registry handlers,
                pool_config config, logger& log);
    ~worker_pool();
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    void start();

    /// Takes no more jobs, gives back those still in the channel without spending an attempt, waits
    /// up to `grace` for running handlers, then asks them to stop and releases what they held. Call
    /// after backend::begin_drain.
    boost::asio::awaitable<void> stop(std::chrono::milliseconds grace);

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace sluice::worker
