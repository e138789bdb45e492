#pragma once

#include "server/observe/log.hpp"
#include "server/queue/backend.hpp"
#include "server/worker/active_run.hpp"
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
    /// Threads for one handler that blocks, and so the most runs of it at one time. Each such
    /// handler has its own, made with its first run.
    std::size_t blocking_threads = 16;
    /// A handler that keeps the server's thread for longer than this is named in the log. 0: not.
    std::chrono::milliseconds stall_warning{1000};
    /// How long a handler may take to stop when it is asked to; the process does not wait longer.
    std::chrono::milliseconds stop_patience{2000};
    /// Between two reports of what one run says of its progress and its log.
    std::chrono::milliseconds report_every{250};
};

/// In-server workers: per pool a dispatcher, a bounded channel and `concurrency` worker coroutines.
///
/// The dispatcher leases only as many jobs as the channel has room for; that is the back-pressure.
/// All on `executor`, the backend's. `queue` and `log` must outlive the pool. Only jobs whose type
/// has a handler are taken.
class worker_pool {
public:
    worker_pool(boost::asio::any_io_executor executor, backend& queue, handler_registry handlers,
                pool_config config, logger& log, log_sink keep_log = {});
    ~worker_pool();
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    void start();

    /// Takes no more jobs, gives back those still in the channel without spending an attempt, waits
    /// up to `grace` for running handlers, then asks them to stop and releases what they held.
    /// Handlers that do not stop within `stop_patience` are left alone: their jobs go back with
    /// backend::shut_down, and the number of them is the answer. Then the pool cannot be destroyed
    /// before they return: the process must end without that. Call after backend::begin_drain.
    boost::asio::awaitable<std::size_t> stop(std::chrono::milliseconds grace);

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace sluice::worker
