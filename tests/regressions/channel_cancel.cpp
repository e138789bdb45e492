// In Asio 1.26 a buffered channel forgets that it has room once a waiting receive was cancelled:
// try_send fails until another receive starts, so a message that nobody waits for yet is refused
// and a wake-up is lost. Our workers are therefore stopped by an end marker.

#include <gtest/gtest.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/io_context.hpp>

#include <optional>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using channel = asio::experimental::channel<void(error_code, int)>;

constexpr int end_marker = -1;

TEST(ChannelCancel, APlainCancelledReceiveLeavesAChannelThatRefusesMessages) {
    asio::io_context context;
    channel messages(context, 4);
    asio::cancellation_signal stop;
    error_code seen;
    messages.async_receive(
        asio::bind_cancellation_slot(stop.slot(), [&](error_code ec, int) { seen = ec; }));
    stop.emit(asio::cancellation_type::all);
    context.run();
    EXPECT_TRUE(seen);

    // Four places are free. When this begins to fail, the library was repaired and the rule may go.
    EXPECT_FALSE(messages.try_send(error_code{}, 7));
}

TEST(ChannelCancel, AReceiveEndedByAMarkerLeavesAChannelThatTakesMessages) {
    asio::io_context context;
    channel messages(context, 4);
    std::optional<int> seen;
    messages.async_receive([&](error_code, int message) { seen = message; });
    EXPECT_TRUE(messages.try_send(error_code{}, end_marker));
    context.run();
    EXPECT_EQ(seen, end_marker);

    for (int i = 0; i < 4; ++i) EXPECT_TRUE(messages.try_send(error_code{}, i));
    EXPECT_FALSE(messages.try_send(error_code{}, 4));
}

}  // namespace
