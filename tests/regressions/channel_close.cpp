// In Asio 1.26 close() on a channel leaves a pending async_send waiting for ever, and what is in
// the buffer is lost with the channel. Our lanes end with markers behind the last job, so every job
// that is inside reaches a worker, which gives it back.

#include <gtest/gtest.h>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using channel = asio::experimental::channel<void(error_code, std::shared_ptr<int>)>;

TEST(ChannelClose, APlainCloseLeavesAPendingSendWaiting) {
    asio::io_context context;
    channel messages(context, 1);
    ASSERT_TRUE(messages.try_send(error_code{}, std::make_shared<int>(1)));
    bool completed = false;
    messages.async_send(error_code{}, std::make_shared<int>(2),
                        [&](error_code) { completed = true; });
    context.poll();
    messages.close();
    context.restart();
    context.poll();
    // When this begins to fail, the library was repaired and the rule may go.
    EXPECT_FALSE(completed);
}

TEST(ChannelClose, APlainCloseHidesWhatIsInside) {
    asio::io_context context;
    channel messages(context, 1);
    ASSERT_TRUE(messages.try_send(error_code{}, std::make_shared<int>(1)));
    messages.close();
    bool received = false;
    EXPECT_FALSE(messages.try_receive([&](error_code, std::shared_ptr<int>) { received = true; }));
    EXPECT_FALSE(received);
}

TEST(ChannelClose, MarkersBehindTheJobsBringEveryJobToAWorker) {
    asio::io_context context;
    channel messages(context, 4);
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(messages.try_send(error_code{}, std::make_shared<int>(i)));
    }
    ASSERT_TRUE(messages.try_send(error_code{}, nullptr));

    std::vector<int> given_back;
    bool ended = false;
    std::function<void()> receive = [&] {
        messages.async_receive([&](error_code, std::shared_ptr<int> job) {
            if (!job) {
                ended = true;
                return;
            }
            given_back.push_back(*job);
            receive();
        });
    };
    receive();
    context.run();
    EXPECT_TRUE(ended);
    EXPECT_EQ(given_back, (std::vector<int>{0, 1, 2}));
}

}  // namespace
