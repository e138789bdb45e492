#include "server/runtime/call_across.hpp"
#include "server/runtime/context_thread.hpp"
#include "server/runtime/notifier.hpp"

#include <gtest/gtest.h>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sluice {
namespace {

namespace asio = boost::asio;

using namespace std::chrono_literals;

/// That of a context, but with no memory for new work while `*fails`: neither to queue it nor to
/// begin a coroutine, which has its work tracked first of all.
class failing_executor {
public:
    failing_executor(asio::any_io_executor inner, const bool* fails)
        : inner_(std::move(inner)), fails_(fails) {}

    template <class F>
    void execute(F&& work) const {
        if (*fails_) throw std::bad_alloc();
        inner_.execute(std::forward<F>(work));
    }
    asio::execution_context& query(asio::execution::context_t) const noexcept {
        return asio::query(inner_, asio::execution::context);
    }
    failing_executor require(asio::execution::blocking_t::never_t never) const {
        return {asio::require(inner_, never), fails_};
    }
    failing_executor prefer(asio::execution::blocking_t::possibly_t possibly) const {
        return {asio::prefer(inner_, possibly), fails_};
    }
    failing_executor prefer(asio::execution::outstanding_work_t::tracked_t tracked) const {
        if (*fails_) throw std::bad_alloc();
        return {asio::prefer(inner_, tracked), fails_};
    }
    friend bool operator==(const failing_executor& a, const failing_executor& b) noexcept {
        return a.inner_ == b.inner_ && a.fails_ == b.fails_;
    }
    friend bool operator!=(const failing_executor& a, const failing_executor& b) noexcept {
        return !(a == b);
    }

private:
    asio::any_io_executor inner_;
    const bool* fails_;
};

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

TEST(Inbox, GoesOnAfterAPostThatFailed) {
    asio::io_context context;
    bool fails = true;
    inbox box(failing_executor(context.get_executor(), &fails));
    const auto kept = std::make_shared<int>(1);
    std::vector<int> seen;
    EXPECT_THROW(box.post_call([kept, &seen] { seen.push_back(1); }), std::bad_alloc);
    EXPECT_EQ(kept.use_count(), 1);
    fails = false;
    box.post_call([&] { seen.push_back(2); });
    context.poll();
    EXPECT_EQ(seen, std::vector{2}) << "whoever was told that it failed is not heard of again";
}

TEST(Inbox, TakesTheRestWithTheNextPostWhenItCannotAskForATurn) {
    asio::io_context context;
    bool fails = false;
    inbox box(failing_executor(context.get_executor(), &fails));
    std::vector<int> seen;
    box.post_call([&] {
        fails = true;
        throw std::runtime_error("broken");
    });
    box.post_call([&] { seen.push_back(1); });
    EXPECT_ANY_THROW(context.poll());
    fails = false;
    context.poll();
    EXPECT_TRUE(seen.empty());  // control: nobody has asked
    context.restart();
    box.post_call([&] { seen.push_back(2); });
    context.poll();
    EXPECT_EQ(seen, (std::vector{1, 2}));
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

asio::awaitable<std::string> fault_of(inbox& there, inbox& back) {
    std::string fault = "none";
    try {
        auto going = call_across(there, back, where);
        [[maybe_unused]] const auto made = co_await std::move(going);
    } catch (const std::bad_alloc&) {
        fault = "no memory";
    }
    co_return fault;
}

TEST(CallAcross, ThrowsHereWhenThereIsNoMemoryToBeginThere) {
    asio::io_context home;
    asio::io_context away;
    bool fails = false;
    inbox home_box(home.get_executor());
    inbox away_box(failing_executor(away.get_executor(), &fails));
    std::vector<std::future<std::string>> calls;
    for (const bool now : {false, true, false}) {
        away_box.post_call([&fails, now] { fails = now; });
        calls.push_back(asio::co_spawn(home, fault_of(away_box, home_box), asio::use_future));
        home.poll();
    }
    away.poll();
    home.restart();
    home.poll();
    std::vector<std::string> faults;
    for (auto& call : calls) {
        const bool ended = call.wait_for(0s) == std::future_status::ready;
        faults.push_back(ended ? call.get() : "waits");
    }
    EXPECT_EQ(faults, (std::vector<std::string>{"none", "no memory", "none"}));
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
