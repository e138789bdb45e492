#include "server/runtime/task_group.hpp"

#include "server/runtime/nothrow_await.hpp"
#include "tests/runtime/rethrow.hpp"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace sluice {
namespace {

namespace asio = boost::asio;

class task_group_test : public ::testing::Test {
protected:
    asio::io_context context;
    int ended = 0;
    bool joined = false;
    std::vector<std::string> faults;
    asio::steady_timer gate{context, asio::steady_timer::time_point::max()};
    task_group tasks{context.get_executor(), [this](std::exception_ptr fault) {
                         try {
                             std::rethrow_exception(fault);
                         } catch (const std::exception& e) {
                             faults.emplace_back(e.what());
                         }
                     }};

    asio::awaitable<void> pass_gate() {
        co_await gate.async_wait(nothrow_await);
        ++ended;
    }
    asio::awaitable<void> yield_often(int times) {
        for (int i = 0; i < times; ++i) co_await asio::post(asio::use_awaitable);
        ++ended;
    }
    asio::awaitable<void> fail(std::string what) {
        co_await asio::post(asio::use_awaitable);
        throw std::runtime_error(what);
    }
    asio::awaitable<void> spawn_another() {
        co_await gate.async_wait(nothrow_await);
        tasks.spawn(yield_often(3));
        ++ended;
    }
    asio::awaitable<void> join() {
        co_await tasks.join();
        joined = true;
    }
    void spawn_join() { asio::co_spawn(context, join(), rethrow); }
};

using TaskGroup = task_group_test;

TEST_F(TaskGroup, JoinsOnlyWhenEveryTaskHasEnded) {
    for (int i = 0; i < 3; ++i) tasks.spawn(pass_gate());
    spawn_join();
    context.poll();
    EXPECT_FALSE(joined);
    EXPECT_EQ(tasks.size(), 3U);

    gate.cancel();
    context.run();
    EXPECT_TRUE(joined);
    EXPECT_EQ(ended, 3);
    EXPECT_EQ(tasks.size(), 0U);
}

TEST_F(TaskGroup, JoinsAtOnceWhenEmpty) {
    spawn_join();
    context.run();
    EXPECT_TRUE(joined);
}

TEST_F(TaskGroup, JoinWaitsForTasksSpawnedMeanwhile) {
    tasks.spawn(spawn_another());
    spawn_join();
    context.poll();
    gate.cancel();
    context.run();
    EXPECT_TRUE(joined);
    EXPECT_EQ(ended, 2);
}

TEST_F(TaskGroup, HandsAnExceptionToTheHandlerAndHarmsNoOtherTask) {
    tasks.spawn(fail("first"));
    tasks.spawn(yield_often(10));
    tasks.spawn(fail("second"));
    spawn_join();
    context.run();
    EXPECT_EQ(faults, (std::vector<std::string>{"first", "second"}));
    EXPECT_EQ(ended, 1);
    EXPECT_TRUE(joined);
}

TEST_F(TaskGroup, RunsNothingBeforeTheCallerReturns) {
    tasks.spawn(yield_often(0));
    EXPECT_EQ(ended, 0);
    context.run();
    EXPECT_EQ(ended, 1);
}

TEST_F(TaskGroup, OwnsTenThousandTasks) {
    for (int i = 0; i < 10'000; ++i) tasks.spawn(yield_often(i % 7));
    spawn_join();
    context.run();
    EXPECT_EQ(ended, 10'000);
    EXPECT_TRUE(joined);
}

TEST(TaskGroupLifetime, MayGoWhenItsContextNeverRunsAgain) {
    asio::io_context context;
    asio::steady_timer never(context, asio::steady_timer::time_point::max());
    task_group tasks(context.get_executor(), [](std::exception_ptr) {});
    tasks.spawn(never.async_wait(asio::use_awaitable));
    context.poll();
    EXPECT_EQ(tasks.size(), 1U);
}

}  // namespace
}  // namespace sluice
