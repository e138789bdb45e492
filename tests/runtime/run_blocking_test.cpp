#include "server/runtime/run_blocking.hpp"

#include "server/runtime/task_group.hpp"

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>

#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace sluice {
namespace {

namespace asio = boost::asio;

class run_blocking_test : public ::testing::Test {
protected:
    asio::io_context context;
    asio::thread_pool pool{2};
    std::string caught;
    int done = 0;
    task_group tasks{context.get_executor(), [this](std::exception_ptr fault) {
                         try {
                             std::rethrow_exception(fault);
                         } catch (const std::exception& e) {
                             caught = e.what();
                         }
                     }};

    asio::awaitable<void> note_threads(std::thread::id& inside, std::thread::id& after) {
        auto work = [] { return std::this_thread::get_id(); };
        inside = co_await run_blocking(pool, work);
        after = std::this_thread::get_id();
    }
    asio::awaitable<void> fail() {
        auto work = [] { throw std::runtime_error("disk on fire"); };
        co_await run_blocking(pool, work);
        ++done;
    }
    asio::awaitable<void> move_only(int& value) {
        auto work = [source = std::make_unique<int>(42)]() mutable { return std::move(source); };
        const std::unique_ptr<int> back = co_await run_blocking(pool, std::move(work));
        value = *back;
    }
    asio::awaitable<void> meet(std::latch& both) {
        auto work = [&both] { both.arrive_and_wait(); };
        co_await run_blocking(pool, work);
        ++done;
    }
    asio::awaitable<void> add(int times) {
        for (int i = 0; i < times; ++i) {
            auto work = [i] { return i; };
            done += co_await run_blocking(pool, work) == i ? 1 : 0;
        }
    }
};

using RunBlocking = run_blocking_test;

TEST_F(RunBlocking, WorksOnThePoolAndComesBackToTheCaller) {
    std::thread::id inside;
    std::thread::id after;
    tasks.spawn(note_threads(inside, after));
    context.run();
    EXPECT_NE(inside, std::this_thread::get_id());
    EXPECT_NE(inside, std::thread::id());
    EXPECT_EQ(after, std::this_thread::get_id());
}

TEST_F(RunBlocking, ThrowsInTheCallerWhatTheWorkThrew) {
    tasks.spawn(fail());
    context.run();
    EXPECT_EQ(caught, "disk on fire");
    EXPECT_EQ(done, 0);
}

TEST_F(RunBlocking, MovesWorkAndResult) {
    int value = 0;
    tasks.spawn(move_only(value));
    context.run();
    EXPECT_EQ(value, 42);
}

TEST_F(RunBlocking, RunsSideBySide) {
    std::latch both(2);  // neither can end before the other has begun
    tasks.spawn(meet(both));
    tasks.spawn(meet(both));
    context.run();
    EXPECT_EQ(done, 2);
}

TEST_F(RunBlocking, CompletesEveryOneOfManyCalls) {
    for (int i = 0; i < 100; ++i) tasks.spawn(add(100));
    context.run();
    EXPECT_EQ(done, 10'000);
}

}  // namespace
}  // namespace sluice
