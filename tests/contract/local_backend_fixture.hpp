#pragma once

#include "server/queue/local_backend.hpp"

#include "server/runtime/clock.hpp"
#include "tests/contract/backend_contract.hpp"
#include "tests/support/memory_store.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice::test {

/// The embedded backend over a disk in memory, with a clock that can be set forward.
class LocalBackend : public testing::Test {
public:
    void open(engine_config rules = {}) {
        queue.reset();
        local_backend_options options;
        options.engine = std::move(rules);
        options.now = [this] {
            auto now = system_instant();
            now.wall += later;
            return now;
        };
        options.first_purge = first_purge;
        options.on_store_failure = [this](const std::string& reason) { faults.push_back(reason); };
        queue = make_local_backend(context.get_executor(), std::make_unique<memory_store>(disk),
                                   std::move(options));
    }

    void run(asio::awaitable<void> body) {
        bool done = false;
        asio::co_spawn(context, std::move(body), [&done](std::exception_ptr fault) {
            done = true;
            if (fault) ADD_FAILURE() << "the test ended early";
        });
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (!done && std::chrono::steady_clock::now() < deadline) {
            context.restart();
            context.run_one_until(deadline);
        }
        EXPECT_TRUE(done) << "the test hangs";
    }

    template <class T>
    started_call<T> start(asio::awaitable<T> call) {
        return started_call<T>(context.get_executor(), std::move(call));
    }

    asio::awaitable<void> until_commit_waits() {
        while (!disk->commit_waits())
            co_await asio::post(context.get_executor(), asio::use_awaitable);
    }
    asio::awaitable<void> yield() {
        for (int i = 0; i < 8; ++i)
            co_await asio::post(context.get_executor(), asio::use_awaitable);
    }

    std::shared_ptr<memory_disk> disk = std::make_shared<memory_disk>();
    std::vector<std::string> faults;
    std::chrono::microseconds later{0};  ///< than it is
    std::chrono::steady_clock::duration first_purge = 60s;
    asio::io_context context;
    std::unique_ptr<backend> queue;
};

inline push_request one_job(std::string queue = "q") {
    push_request request;
    request.jobs.push_back(contract_job(std::move(queue)));
    return request;
}

}  // namespace sluice::test
