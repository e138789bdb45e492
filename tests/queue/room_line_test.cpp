#include "server/queue/room_line.hpp"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <string>
#include <vector>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

/// Producers that wait, on a context that runs only when told to.
class RoomLine : public testing::Test {
protected:
    room_line::place& join(std::string name, std::uint64_t count, std::stop_token stop = {}) {
        auto& mine = places_.emplace_back(std::make_unique<room_line::place>());
        line.join(*mine, "q", count);
        wait(*mine, std::move(name), std::move(stop));
        return *mine;
    }
    void wait(room_line::place& mine, std::string name, std::stop_token stop = {}) {
        auto waiting = line.wait(mine, std::chrono::steady_clock::now() + 1h, std::move(stop));
        asio::co_spawn(context, std::move(waiting),
                       [this, name = std::move(name)](const std::exception_ptr&, bool may_try) {
                           told.push_back(name + (may_try ? "" : " in vain"));
                       });
        run();
    }
    void run() {
        context.restart();
        context.poll();
    }
    std::vector<std::string> take_told() {
        run();
        return std::exchange(told, {});
    }
    using names = std::vector<std::string>;

    asio::io_context context;
    room_line line{context.get_executor()};
    std::vector<std::string> told;

private:
    std::vector<std::unique_ptr<room_line::place>> places_;
};

TEST_F(RoomLine, WakesAsManyAsThereIsRoomForInOrder) {
    join("a", 1);
    join("b", 2);
    join("c", 1);
    line.make_way("q", 2);
    EXPECT_EQ(take_told(), names{"a"}) << "b needs more, and c is behind it";
    line.make_way("q", 2);
    EXPECT_TRUE(take_told().empty()) << "one of the two is still left to a";
    line.make_way("q", 4);
    EXPECT_EQ(take_told(), (names{"b", "c"}));
}

TEST_F(RoomLine, WhoWasTooSlowKeepsItsPlace) {
    auto& first = join("a", 1);
    join("b", 1);
    line.make_way("q", 1);
    EXPECT_EQ(take_told(), names{"a"});
    line.join(first, "q", 1);
    wait(first, "a again");
    line.make_way("q", 1);
    EXPECT_EQ(take_told(), names{"a again"});
    line.leave(first);
    line.make_way("q", 1);
    EXPECT_EQ(take_told(), names{"b"});
}

TEST_F(RoomLine, EndsWithItsLastWaiter) {
    EXPECT_FALSE(line.crowded("q"));
    auto& mine = join("a", 1);
    EXPECT_TRUE(line.crowded("q"));
    EXPECT_FALSE(line.crowded("other"));
    line.make_way("q", 1);
    take_told();
    line.leave(mine);
    EXPECT_FALSE(line.crowded("q"));
    line.leave(mine);
    line.make_way("q", 9);
}

TEST_F(RoomLine, AnotherQueueIsAnotherLine) {
    auto& mine = join("a", 1);
    line.join(mine, "other", 1);
    EXPECT_FALSE(line.crowded("q"));
    EXPECT_TRUE(line.crowded("other"));
}

TEST_F(RoomLine, AllAreWokenAtTheEnd) {
    join("a", 9);
    join("b", 9);
    line.wake_all();
    EXPECT_EQ(take_told(), (names{"a", "b"}));
}

TEST_F(RoomLine, NobodyWaitsForOneWhoHasGone) {
    std::stop_source gone;
    join("a", 1, gone.get_token());
    gone.request_stop();
    EXPECT_EQ(take_told(), names{"a in vain"});
}

}  // namespace
}  // namespace sluice::test
