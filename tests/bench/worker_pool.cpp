#include "server/worker/worker_pool.hpp"
#include "server/runtime/notifier.hpp"
#include "tests/worker/job_source.hpp"

#include <boost/asio/io_context.hpp>

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

/// What the pool costs beside the backend: processor time for a job that does nothing, and memory
/// for jobs that sleep. The backend is a list in memory, so its own part is small.
namespace {

using namespace sluice;
using namespace sluice::worker;
using namespace std::chrono_literals;

/// Leases and takes back with as little work as there can be.
class bench_source final : public job_source {
public:
    explicit bench_source(const asio::any_io_executor& executor)
        : job_source(executor), wake_(executor) {}

    std::size_t answered = 0;

    /// Makes `count` jobs available.
    void offer(const std::shared_ptr<const job_spec>& spec, std::size_t count) {
        spec_ = spec;
        left_ += count;
        wake_.notify_all();
    }

    asio::awaitable<result<std::vector<job_record>>> fetch(fetch_request request,
                                                           std::stop_token) override {
        while (left_ == 0) co_await wake_.wait();
        std::vector<job_record> jobs(std::min(request.count, left_));
        left_ -= jobs.size();
        for (auto& job : jobs) {
            job.spec = spec_;
            job.state = job_state::active;
            job.lease = {.epoch = 1, .counter = ++granted, .nonce = 7};
        }
        co_return jobs;
    }

    asio::awaitable<result<change_answer>> ack(ack_request) override {
        ++answered;
        co_return change_answer{};
    }

private:
    std::shared_ptr<const job_spec> spec_;
    std::size_t left_ = 0;
    notifier wake_;
};

std::shared_ptr<const job_spec> job_of(std::string type, raw_json args) {
    auto spec = std::make_shared<job_spec>();
    spec->type = std::move(type);
    spec->args = std::move(args);
    return spec;
}

asio::awaitable<outcome> do_nothing(std::shared_ptr<job_run>) {
    co_return completed{};
}

std::chrono::nanoseconds cpu_time() {
    timespec spent{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return std::chrono::seconds{spent.tv_sec} + std::chrono::nanoseconds{spent.tv_nsec};
}

std::size_t resident_bytes() {
    std::size_t all = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> all >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

struct bench {
    asio::io_context context{1};
    logger log{log_level::error, logger::format::human, false};
    bench_source source{context.get_executor()};
    handler_registry handlers;
    std::unique_ptr<worker_pool> pool;

    bench(std::size_t concurrency, bool watched) {
        add_builtin_handlers(handlers);
        handlers.add("bench.nothing", do_nothing);
        pool_config config;
        config.concurrency = concurrency;
        if (!watched) config.stall_warning = 0ms;
        pool = std::make_unique<worker_pool>(context.get_executor(), source, handlers, config, log);
        pool->start();
        context.poll();
    }
};

void no_op_jobs(bool watched) {
    constexpr std::size_t jobs = 200'000;
    bench b(64, watched);
    for (int round = 0; round < 3; ++round) {
        const auto before = cpu_time();
        const auto done = b.source.answered;
        b.source.offer(job_of("bench.nothing", "[]"), jobs);
        while (b.source.answered < done + jobs) b.context.run_one();
        const auto spent = cpu_time() - before;
        fmt::print("no-op jobs, {}: {} ns of processor time each\n",
                   watched ? "watched" : "not watched",
                   spent.count() / static_cast<std::int64_t>(jobs));
    }
}

void sleepers() {
    constexpr std::size_t jobs = 10'000;
    bench b(jobs, true);
    const auto before = resident_bytes();
    b.source.offer(job_of("sluice.sleep", "[3600000]"), jobs);
    while (b.source.granted < jobs) b.context.run_one();
    b.context.poll();
    fmt::print("{} sleeping jobs: {} bytes each\n", jobs, (resident_bytes() - before) / jobs);
}

}  // namespace

int main() {
    no_op_jobs(true);
    no_op_jobs(false);
    sleepers();
    std::fflush(stdout);
    std::_Exit(EXIT_SUCCESS);  // the sleepers sleep on
}
