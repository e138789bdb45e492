#include "server/runtime/call_across.hpp"
#include "server/runtime/context_thread.hpp"
#include "server/runtime/notifier.hpp"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace sluice {
namespace {

namespace asio = boost::asio;

/// How many handlers a context ran, as far as its executor was asked.
std::size_t handlers_of(asio::io_context& context) {
    context.restart();
    return context.poll();
}

TEST(Inbox, TakesAllThatHasGatheredInOneTurn) {
    asio::io_context context;
    inbox box(context.get_executor());
    std::vector<int> seen;
    for (int i = 0; i < 100; ++i) box.post_call([&seen, i] { seen.push_back(i); });
    EXPECT_EQ(handlers_of(context), 1U);
    ASSERT_EQ(seen.size(), 100U);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);

    // Control: as many posts are as many turns.
    for (int i = 0; i < 100; ++i) asio::post(context, [] {});
    EXPECT_EQ(handlers_of(context), 100U);
}

TEST(Inbox, LeavesWhatComesDuringATurnToTheNextOne) {
    asio::io_context context;
    inbox box(context.get_executor());
    int turns = 0;
    box.post_call([&] {
        ++turns;
        box.post_call([&] { ++turns; });
    });
    EXPECT_EQ(context.run_one(), 1U);
    EXPECT_EQ(turns, 1);
    EXPECT_EQ(context.run_one(), 1U);
    EXPECT_EQ(turns, 2);
}

TEST(Inbox, GoesOnBehindAnItemThatThrows) {
    asio::io_context context;
    inbox box(context.get_executor());
    std::vector<int> seen;
    box.post_call([&] {
        seen.push_back(1);
        box.post_call([&] { seen.push_back(4); });
        throw std::runtime_error("broken");
    });
    box.post_call([&] { seen.push_back(2); });
    box.post_call([&] { seen.push_back(3); });
    EXPECT_THROW(context.poll(), std::runtime_error);
    context.poll();
    EXPECT_EQ(seen, (std::vector{1, 2, 3, 4}));
}

TEST(Inbox, DropsWhatHasNotArrivedWhenItGoes) {
    asio::io_context context;
    const auto kept = std::make_shared<int>(1);
    bool called = false;
    {
        inbox box(context.get_executor());
        box.post_call([kept, &called] { called = true; });
        EXPECT_EQ(kept.use_count(), 2);
    }
    EXPECT_EQ(kept.use_count(), 1);
    context.poll();
    EXPECT_FALSE(called);
}

/// Two contexts with a thread each.
class call_across_test : public testing::Test {
public:
    call_across_test() {
        here.start();
        there.start();
    }
    ~call_across_test() override {
        here.stop();
        there.stop();
    }

    template <class T>
    T run(asio::awaitable<T> body) {
        return asio::co_spawn(here.context(), std::move(body), asio::use_future).get();
    }

    context_thread here{"here", [](const std::exception_ptr&) { ADD_FAILURE(); }};
    context_thread there{"there", [](const std::exception_ptr&) { ADD_FAILURE(); }};
    inbox here_box{here.context().get_executor()};
    inbox there_box{there.context().get_executor()};
};

asio::awaitable<std::thread::id> where() {
    co_return std::this_thread::get_id();
}

asio::awaitable<int> broken() {
    throw std::runtime_error("over there");
    co_return 1;
}

TEST_F(call_across_test, RunsThereAndComesBack) {
    struct places {
        std::thread::id before, during, after;
    };
    const auto body = [](call_across_test& t) -> asio::awaitable<places> {
        places p;
        p.before = std::this_thread::get_id();
        auto going = call_across(t.there_box, t.here_box, where);
        p.during = co_await std::move(going);
        p.after = std::this_thread::get_id();
        co_return p;
    };
    const auto p = run(body(*this));
    EXPECT_EQ(p.before, p.after);
    EXPECT_NE(p.before, p.during);
    EXPECT_NE(p.during, std::this_thread::get_id());
}

TEST_F(call_across_test, ThrowsHereWhatWasThrownThere) {
    const auto body = [](call_across_test& t) -> asio::awaitable<std::string> {
        std::string what;
        try {
            auto going = call_across(t.there_box, t.here_box, broken);
            [[maybe_unused]] const int made = co_await std::move(going);
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        co_return what;
    };
    EXPECT_EQ(run(body(*this)), "over there");
}

asio::awaitable<int> note(std::vector<int>& seen, int number) {
    seen.push_back(number);
    co_return number;
}

TEST_F(call_across_test, KeepsTheOrderOfACallersCalls) {
    std::vector<int> seen;  // touched there alone until all have come back
    const auto ask = [](call_across_test& t, std::vector<int>& out,
                        int number) -> asio::awaitable<int> {
        auto what = [&out, number] { return note(out, number); };
        auto going = call_across(t.there_box, t.here_box, std::move(what));
        const int made = co_await std::move(going);
        co_return made;
    };
    std::vector<std::future<int>> answers;
    for (int i = 0; i < 1000; ++i)
        answers.push_back(asio::co_spawn(here.context(), ask(*this, seen, i), asio::use_future));
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(answers[static_cast<std::size_t>(i)].get(), i);
    ASSERT_EQ(seen.size(), 1000U);
    EXPECT_TRUE(std::ranges::is_sorted(seen));
}

asio::awaitable<int> wait_for(notifier& woken, std::shared_ptr<int> kept) {
    co_await woken.wait();
    co_return *kept;
}

/// With contexts that the test runs by hand: what is under way when all ends is dropped, the frame
/// of the caller included, and nothing of it is touched later.
TEST(CallAcross, DropsACallUnderWayTogetherWithItsCaller) {
    const auto kept = std::make_shared<int>(7);
    {
        asio::io_context home;
        asio::io_context away;
        inbox home_box(home.get_executor());
        inbox away_box(away.get_executor());
        notifier never(away.get_executor());
        const auto ask = [](inbox& there, inbox& back, notifier& woken,
                            std::shared_ptr<int> mine) -> asio::awaitable<void> {
            auto what = [&woken, mine] { return wait_for(woken, mine); };
            auto going = call_across(there, back, std::move(what));
            [[maybe_unused]] const int made = co_await std::move(going);
        };
        asio::co_spawn(home, ask(away_box, home_box, never, kept), asio::detached);
        home.poll();
        EXPECT_GT(kept.use_count(), 2);
        away.poll();
        EXPECT_GT(kept.use_count(), 2);  // control: it is under way
    }
    EXPECT_EQ(kept.use_count(), 1);
}

}  // namespace
}  // namespace sluice
