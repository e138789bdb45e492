#include "server/runtime/next_round.hpp"

#include "server/runtime/task_group.hpp"
#include "tests/runtime/rethrow.hpp"

#include <gtest/gtest.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice {
namespace {

namespace asio = boost::asio;

class next_round_test : public ::testing::Test {
protected:
    asio::io_context context;
    std::optional<next_round> round{context.get_executor()};
    std::vector<std::string> steps;
    task_group tasks{context.get_executor(), rethrow};

    asio::awaitable<void> go(std::string name, int rounds) {
        for (int i = 0; i < rounds; ++i) {
            steps.push_back(name + " prepares");
            auto together = round->wait();
            co_await std::move(together);
            steps.push_back(name + " goes");
        }
    }
    void also(std::string name) {
        asio::post(context, [this, name = std::move(name)] { steps.push_back(name); });
    }
};

using NextRound = next_round_test;
using steps_type = std::vector<std::string>;

TEST_F(NextRound, LetsAllGoTogetherInTheOrderTheyCame) {
    tasks.spawn(go("a", 1));
    also("another");
    tasks.spawn(go("b", 1));
    context.run();
    EXPECT_EQ(steps, (steps_type{"a prepares", "another", "b prepares", "a goes", "b goes"}));
}

TEST_F(NextRound, IsJoinedAgainByThoseItHasJustResumed) {
    tasks.spawn(go("a", 2));
    tasks.spawn(go("b", 2));
    context.run();
    EXPECT_EQ(steps, (steps_type{"a prepares", "b prepares", "a goes", "a prepares", "b goes",
                                 "b prepares", "a goes", "b goes"}));
}

TEST_F(NextRound, LetsALoneWaiterGoWithoutCompany) {
    tasks.spawn(go("a", 3));
    EXPECT_GT(context.run(), 0U);
    EXPECT_EQ(steps.size(), 6U);
    EXPECT_EQ(tasks.size(), 0U);
}

TEST_F(NextRound, MayGoBeforeThoseWhoWait) {
    tasks.spawn(go("a", 1));
    context.run_one();
    ASSERT_EQ(steps, steps_type{"a prepares"});
    round.reset();
    context.run();
    EXPECT_EQ(steps, (steps_type{"a prepares", "a goes"}));
}

struct owner {
    explicit owner(const asio::any_io_executor& executor) : round(executor) {}
    next_round round;
};

asio::awaitable<void> hold(std::shared_ptr<owner> held) {
    auto together = held->round.wait();
    co_await std::move(together);
}

TEST(NextRoundLifetime, TakesWaitersAlongWhenItsContextNeverRunsAgain) {
    std::weak_ptr<owner> seen;
    {
        asio::io_context context;
        task_group tasks(context.get_executor(), rethrow);
        auto held = std::make_shared<owner>(context.get_executor());
        seen = held;
        tasks.spawn(hold(std::move(held)));
        context.run_one();
        EXPECT_FALSE(seen.expired());
    }
    EXPECT_TRUE(seen.expired());
}

}  // namespace
}  // namespace sluice
