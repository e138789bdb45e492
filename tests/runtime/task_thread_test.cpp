#include "server/runtime/task_thread.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <vector>

namespace sluice {
namespace {

void ignore(std::exception_ptr) {}

TEST(TaskThread, RunsTasksInOrderOnOneThreadOfItsOwn) {
    std::vector<int> order;
    std::vector<std::thread::id> threads;
    {
        task_thread worker("test", ignore);
        for (int i = 0; i < 1000; ++i) {
            worker.post([&order, &threads, i] {
                order.push_back(i);
                threads.push_back(std::this_thread::get_id());
            });
        }
    }
    ASSERT_EQ(order.size(), 1000U);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
    for (const auto& id : threads) EXPECT_EQ(id, threads.front());
    EXPECT_NE(threads.front(), std::this_thread::get_id());
}

TEST(TaskThread, TakesMoveOnlyWork) {
    std::promise<int> answer;
    auto future = answer.get_future();
    task_thread worker("test", ignore);
    worker.post([value = std::make_unique<int>(7), answer = std::move(answer)]() mutable {
        answer.set_value(*value);
    });
    EXPECT_EQ(future.get(), 7);
}

TEST(TaskThread, RunsWhatATaskPostsEvenAtTheEnd) {
    bool ran = false;
    {
        task_thread worker("test", ignore);
        worker.post([&worker, &ran] { worker.post([&ran] { ran = true; }); });
    }
    EXPECT_TRUE(ran);
}

TEST(TaskThread, SurvivesATaskThatThrows) {
    int faults = 0;
    bool ran = false;
    {
        task_thread worker("test", [&faults](std::exception_ptr) { ++faults; });
        worker.post([] { throw std::runtime_error("no"); });
        worker.post([&ran] { ran = true; });
    }
    EXPECT_EQ(faults, 1);
    EXPECT_TRUE(ran);
}

TEST(TaskThread, LosesNothingFromManyThreads) {
    std::atomic<int> started = 0;
    int ran = 0;
    {
        task_thread worker("test", ignore);
        std::vector<std::jthread> posters;
        for (int t = 0; t < 4; ++t) {
            posters.emplace_back([&] {
                ++started;
                for (int i = 0; i < 5000; ++i) worker.post([&ran] { ++ran; });
            });
        }
    }
    EXPECT_EQ(started.load(), 4);
    EXPECT_EQ(ran, 20'000);
}

}  // namespace
}  // namespace sluice
