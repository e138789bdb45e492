#include "server/worker/worker_pool.hpp"

#include "server/worker/lane.hpp"
#include "server/worker/stall_watch.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace sluice::worker {

namespace {

std::unique_ptr<stall_watch> make_watch(std::chrono::milliseconds threshold, logger& log) {
    if (threshold.count() == 0) return nullptr;
    return std::make_unique<stall_watch>(
        threshold, [&log](const job_spec& job, std::chrono::milliseconds at_least) {
            const std::string id = to_string(job.id);
            log.error("a handler keeps the server's thread: everything else waits for it",
                      {{"job", id}, {"type", job.type}, {"at_least_ms", at_least.count()}});
        });
}

}  // namespace

class worker_pool::impl {
public:
    impl(const asio::any_io_executor& executor, backend& queue, handler_registry handlers,
         const pool_config& config, logger& log, log_sink keep_log)
        : handlers_(std::move(handlers)),
          patience_(config.stop_patience),
          watch_(make_watch(config.stall_warning, log)),
          reports_(executor, log_fault(log)),
          threads_(config.blocking_threads),
          services_{{executor, queue, std::move(keep_log), config.report_every, reports_},
                    handlers_,
                    threads_,
                    watch_.get(),
                    log} {
        for (const auto& own : config.queues) add(own.queue, own.concurrency);
        add("*", config.concurrency);
        queue.on_run_lost([this](const lease_token& lease) {
            for (auto& one : lanes_) one->lose(lease);
        });
    }
    ~impl() { services_.runs.store.on_run_lost({}); }
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;

    void start() {
        for (auto& one : lanes_) one->start();
    }

    asio::awaitable<std::size_t> stop(std::chrono::milliseconds grace) {
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
        const auto last = clock::now() + patience_;
        std::size_t left = 0;
        for (auto& one : lanes_) {
            const bool ended = co_await one->join_until(last);
            // With no handler left it is an answer whose commit does not come.
            if (!ended) left += std::max<std::size_t>(name_those_left(*one), 1);
        }
        if (left == 0) co_await reports_.join();
        services_.log.info("in-server workers stopped",
                           {{"interrupted", static_cast<std::int64_t>(interrupted_jobs)}});
        co_return left;
    }

private:
    void add(const std::string& name, std::size_t concurrency) {
        if (concurrency == 0) return;
        lanes_.push_back(std::make_unique<lane>(services_, name, concurrency));
    }

    std::size_t name_those_left(const lane& one) {
        const auto jobs = one.running();
        for (const auto& job : jobs) {
            const std::string id = to_string(job->id);
            services_.log.warning("a handler does not stop; its job goes back all the same",
                                  {{"job", id}, {"type", job->type}});
        }
        return jobs.size();
    }

    const handler_registry handlers_;
    const std::chrono::milliseconds patience_;
    std::unique_ptr<stall_watch> watch_;
    task_group reports_;
    blocking_threads threads_;
    lane_services services_;
    std::vector<std::unique_ptr<lane>> lanes_;
};

worker_pool::worker_pool(asio::any_io_executor executor, backend& queue, handler_registry handlers,
                         pool_config config, logger& log, log_sink keep_log)
    : impl_(std::make_unique<impl>(executor, queue, std::move(handlers), config, log,
                                   std::move(keep_log))) {}

worker_pool::~worker_pool() = default;

void worker_pool::start() {
    impl_->start();
}

asio::awaitable<std::size_t> worker_pool::stop(std::chrono::milliseconds grace) {
    return impl_->stop(grace);
}

}  // namespace sluice::worker
