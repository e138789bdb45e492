#include "server/runtime/notifier.hpp"

#include "server/runtime/nothrow_await.hpp"
#include "server/runtime/task_group.hpp"
#include "tests/runtime/rethrow.hpp"

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <vector>

namespace sluice {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class notifier_test : public ::testing::Test {
protected:
    asio::io_context context;
    notifier changed{context.get_executor()};
    std::vector<int> woken;
    task_group tasks{context.get_executor(), rethrow};

    asio::awaitable<void> wait_as(int id) {
        co_await changed.wait();
        woken.push_back(id);
    }
    asio::awaitable<void> wait_with_deadline(std::chrono::steady_clock::time_point deadline,
                                             wake_reason& reason) {
        reason = co_await changed.wait_until(deadline);
    }
};

using Notifier = notifier_test;

TEST_F(Notifier, WakesTheLongestWaiterFirst) {
    for (int id = 0; id < 3; ++id) tasks.spawn(wait_as(id));
    context.poll();
    EXPECT_TRUE(woken.empty());

    EXPECT_TRUE(changed.notify_one());
    context.poll();
    EXPECT_EQ(woken, std::vector<int>{0});

    changed.notify_all();
    context.poll();
    EXPECT_EQ(woken, (std::vector<int>{0, 1, 2}));
    EXPECT_EQ(tasks.size(), 0U);
}

TEST_F(Notifier, RemembersNothingWhenNobodyWaits) {
    EXPECT_FALSE(changed.notify_one());
    tasks.spawn(wait_as(1));
    context.poll();
    EXPECT_TRUE(woken.empty());
    EXPECT_TRUE(changed.has_waiters());
    changed.notify_all();
    context.poll();
    EXPECT_FALSE(changed.has_waiters());
}

TEST_F(Notifier, TimesOutAndLeavesTheLine) {
    wake_reason reason = wake_reason::notified;
    tasks.spawn(wait_with_deadline(std::chrono::steady_clock::now(), reason));
    context.run();
    EXPECT_EQ(reason, wake_reason::timed_out);
    EXPECT_FALSE(changed.notify_one());
}

TEST_F(Notifier, CountsAWakeUpThatArrivesAfterTheTimerHasFired) {
    wake_reason reason = wake_reason::timed_out;
    tasks.spawn(wait_with_deadline(std::chrono::steady_clock::now(), reason));
    // Runs until the wait has begun, not the completion of the timer that is due already.
    while (!changed.has_waiters()) context.poll_one();
    EXPECT_TRUE(changed.notify_one());
    context.run();
    EXPECT_EQ(reason, wake_reason::notified);
}

TEST_F(Notifier, WakesTenThousandWaitersOnce) {
    for (int id = 0; id < 10'000; ++id) tasks.spawn(wait_as(id));
    context.poll();
    changed.notify_all();
    context.run();
    ASSERT_EQ(woken.size(), 10'000U);
    for (int id = 0; id < 10'000; ++id) EXPECT_EQ(woken[static_cast<std::size_t>(id)], id);
}

TEST(NotifierLifetime, MayGoWhileAWaiterSleepsInAContextThatNeverRunsAgain) {
    asio::io_context context;
    {
        notifier changed(context.get_executor());
        task_group tasks(context.get_executor(), rethrow);
        tasks.spawn(changed.wait());
        context.poll();
        EXPECT_TRUE(changed.has_waiters());
    }
    // The frame is freed here; a sanitizer build would object if it touched the notifier.
}

}  // namespace
}  // namespace sluice
