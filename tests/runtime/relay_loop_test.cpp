#include "server/runtime/relay_loop.hpp"

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>

#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace sluice {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

void no_faults(std::exception_ptr fault) {
    std::rethrow_exception(std::move(fault));
}

TEST(RelayLoop, GoesOnAtOnceAfterAShortCall) {
    asio::io_context context{2};
    relay_loop loop(context, 1h);
    std::vector<std::string> order;
    asio::post(context, [&] {
        asio::post(context, [&] { order.emplace_back("other"); });
        const auto here = std::this_thread::get_id();
        loop.block([] { return 7; },
                   [&, here](int result) {
                       EXPECT_EQ(std::this_thread::get_id(), here);
                       order.push_back("then " + std::to_string(result));
                   });
        EXPECT_TRUE(loop.can_block());
    });
    loop.run(no_faults);
    EXPECT_EQ(order, (std::vector<std::string>{"then 7", "other"}));
}

/// A call that can only return because another handler runs meanwhile.
struct stall {
    std::promise<void> released;
    std::thread::id blocked_on;
    std::thread::id released_on;
    std::thread::id continued_on;
};

void block_until_released(asio::io_context& context, relay_loop& loop, stall& s) {
    asio::post(context, [&] {
        s.released_on = std::this_thread::get_id();
        EXPECT_FALSE(loop.can_block());
        s.released.set_value();
    });
    s.blocked_on = std::this_thread::get_id();
    loop.block(
        [&s] {
            s.released.get_future().wait();
            return 1;
        },
        [&s](int) { s.continued_on = std::this_thread::get_id(); });
}

TEST(RelayLoop, RunsOtherHandlersWhileACallIsStalled) {
    asio::io_context context{2};
    relay_loop loop(context, 1ms);
    stall s;
    asio::post(context, [&] { block_until_released(context, loop, s); });
    loop.run(no_faults);
    EXPECT_NE(s.released_on, s.blocked_on);
    EXPECT_EQ(s.continued_on, s.released_on);
    EXPECT_TRUE(loop.can_block());
}

/// The control: the same context on one thread never gets to the handler that ends the call.
TEST(RelayLoop, WithoutReliefAStalledCallHoldsEverythingUp) {
    asio::io_context context{2};
    bool other_ran = false;
    std::promise<void> released;
    auto stalled = released.get_future();
    asio::post(context, [&] {
        asio::post(context, [&] {
            other_ran = true;
            released.set_value();
        });
        EXPECT_EQ(stalled.wait_for(20ms), std::future_status::timeout);
        EXPECT_FALSE(other_ran);
    });
    context.run();
    EXPECT_TRUE(other_ran);
}

TEST(RelayLoop, TheThreadThatWasStalledRelievesTheOtherNextTime) {
    asio::io_context context{2};
    relay_loop loop(context, 1ms);
    stall first, second;
    auto again = asio::make_work_guard(context);
    asio::post(context, [&] {
        asio::post(context, [&] {
            first.released_on = std::this_thread::get_id();
            first.released.set_value();
        });
        first.blocked_on = std::this_thread::get_id();
        loop.block(
            [&] {
                first.released.get_future().wait();
                return 1;
            },
            [&](int) {
                // Until the first thread stands by again a call must not block.
                const auto try_again = [&](auto self) -> void {
                    if (!loop.can_block()) {
                        asio::post(context, [self] { self(self); });
                        return;
                    }
                    again.reset();
                    block_until_released(context, loop, second);
                };
                try_again(try_again);
            });
    });
    loop.run(no_faults);
    EXPECT_EQ(second.blocked_on, first.released_on);
    EXPECT_EQ(second.released_on, first.blocked_on);
}

TEST(RelayLoop, AnExceptionIsReportedAndTheContextRunsOn) {
    asio::io_context context{2};
    relay_loop loop(context);
    bool ran_on = false;
    std::string reported;
    asio::post(context, [] { throw std::runtime_error("broken"); });
    asio::post(context, [&] { ran_on = true; });
    loop.run([&](std::exception_ptr fault) {
        try {
            std::rethrow_exception(std::move(fault));
        } catch (const std::exception& e) {
            reported = e.what();
        }
    });
    EXPECT_EQ(reported, "broken");
    EXPECT_TRUE(ran_on);
}

}  // namespace
}  // namespace sluice
