// One run with a keeper that the test plays.

#include "server/process/execution.hpp"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

namespace sluice::process::test {
namespace {

namespace asio = boost::asio;

class Execution : public testing::Test {
protected:
    Execution() {
        std::array<int, 2> ends{-1, -1};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()),
                  0);
        ours = descriptor(ends[0]);
        theirs = descriptor(ends[1]);
        command what;
        what.argv = {"/bin/true"};
        one = std::make_shared<execution>(context.get_executor(), std::move(what), listener{});
    }

    std::string start() { return one->start(std::move(ours), false, "null", "/tmp"); }

    void say(message_kind kind, std::int32_t value = 0, start_step step = start_step::order) {
        const auto extra = static_cast<std::int32_t>(step);
        EXPECT_TRUE(send_message(theirs.get(), {.kind = kind, .value = value, .extra = extra}));
    }

    void wait() {
        asio::co_spawn(context, one->wait(), [](std::exception_ptr fault) { EXPECT_FALSE(fault); });
        context.run();
    }

    asio::io_context context{1};
    descriptor ours;
    descriptor theirs;
    std::shared_ptr<execution> one;
};

TEST_F(Execution, KeepsTheSocketOfAKeeperThatCouldNotStartIt) {
    say(message_kind::ready);
    say(message_kind::failed, ENOENT, start_step::exec);
    EXPECT_EQ(start(), "");
    wait();
    EXPECT_TRUE(one->take_keeper());
}

/// The nursery answers when it cannot fork; nobody is behind the socket then.
TEST_F(Execution, LetsGoOfASocketThatNeverHadAKeeper) {
    say(message_kind::failed, EAGAIN, start_step::fork);
    EXPECT_EQ(start(), "");
    wait();
    EXPECT_FALSE(one->take_keeper());
    EXPECT_TRUE(one->take_report().shortage);
}

TEST_F(Execution, IsNotOrderedWhenTheEventLoopTakesNoMore) {
    // What is in the event loop already cannot be added to it.
    asio::posix::stream_descriptor twice(context, ours.get());
    EXPECT_NE(start(), "");
    twice.release();
    one.reset();
    std::vector<descriptor> fds;
    EXPECT_FALSE(receive_message(theirs.get(), fds));
    EXPECT_TRUE(fds.empty());
    EXPECT_EQ(errno, 0) << "our end is still open";
}

}  // namespace
}  // namespace sluice::process::test
