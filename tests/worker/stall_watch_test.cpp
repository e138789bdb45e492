#include "server/worker/stall_watch.hpp"

#include "server/worker/watched_executor.hpp"
#include "tests/worker/pool_fixture.hpp"

#include <boost/asio/co_spawn.hpp>

#include <semaphore>

namespace sluice::worker {
namespace {

std::shared_ptr<const job_spec> job_named(const std::string& type) {
    auto spec = std::make_shared<job_spec>();
    spec->type = type;
    return spec;
}

/// Blocks the thread of the test until the watch has told, as a bad handler blocks it for good.
class stall_watch_test : public ::testing::Test {
protected:
    std::vector<std::string> told;
    std::counting_semaphore<> tellings{0};
    stall_watch watch{10ms, [this](const job_spec& job, std::chrono::milliseconds) {
                          told.push_back(job.type);
                          tellings.release();
                      }};
    asio::io_context context;
    stall_watch::mark mark{&watch, nullptr};

    void block() { ASSERT_TRUE(tellings.try_acquire_for(20s)); }
    asio::awaitable<void> handler(bool first, bool later) {
        if (first) block();
        asio::steady_timer timer(context, 1ms);  // not on the watched executor
        co_await timer.async_wait(asio::use_awaitable);
        if (later) block();
    }
    void run(bool first, bool later) {
        watch.begin(mark, job_named("bad"));
        auto where = watched(context.get_executor(), mark);
        asio::co_spawn(where, handler(first, later), [](std::exception_ptr fault) {
            if (fault) std::rethrow_exception(fault);
        });
        context.restart();
        context.run();
        watch.end(mark);
    }
};

using StallWatch = stall_watch_test;

TEST_F(StallWatch, NamesTheJobWhoseHandlerBlocksBeforeItsFirstWait) {
    run(true, false);
    EXPECT_EQ(told, std::vector<std::string>{"bad"});
}

TEST_F(StallWatch, NamesTheJobWhoseHandlerBlocksWhenItIsResumed) {
    run(false, true);
    EXPECT_EQ(told, std::vector<std::string>{"bad"});
}

TEST_F(StallWatch, TellsOfEachStayOnce) {
    run(true, true);
    run(true, false);
    EXPECT_EQ(told.size(), 3U);
}

/// The control: a handler that waits for longer than the threshold without blocking. The threshold
/// is long enough that a busy machine does not keep the thread off its processor for so long.
TEST(StallWatchControl, NothingIsSaidOfAHandlerThatWaits) {
    int tellings = 0;
    stall_watch watch(100ms, [&](const job_spec&, std::chrono::milliseconds) { ++tellings; });
    stall_watch::mark mark{&watch, job_named("good")};
    asio::io_context context;
    asio::steady_timer timer(context, 250ms);
    const auto wait = [](asio::steady_timer& until) -> asio::awaitable<void> {
        co_await until.async_wait(asio::use_awaitable);
    };
    asio::co_spawn(watched(context.get_executor(), mark), wait(timer), [](std::exception_ptr) {});
    context.run();
    EXPECT_EQ(tellings, 0);
}

TEST_F(StallWatch, WakesFromItsSleepWhenSomethingRuns) {
    const auto until = steady::now() + 50ms;  // long enough for it to fall asleep
    while (steady::now() < until) std::this_thread::yield();
    run(true, false);
    EXPECT_EQ(told.size(), 1U);
}

using WatchedPool = pool_fixture;

TEST_F(WatchedPool, LogsTheHandlerThatKeepsTheThread) {
    config.stall_warning = 5ms;
    const auto spin = [](std::shared_ptr<job_run>) -> asio::awaitable<outcome> {
        co_await asio::post(asio::use_awaitable);
        const auto until = steady::now() + 50ms;
        while (steady::now() < until) std::this_thread::yield();
        co_return completed{};
    };
    handlers.add("spin", spin);
    start();
    testing::internal::CaptureStderr();
    source.add("spin");
    const bool done = run_until([&] { return source.acked.size() == 1; });
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(done);
    EXPECT_NE(said.find("type=spin"), std::string::npos) << said;
}

}  // namespace
}  // namespace sluice::worker
