#include "server/worker/handlers/http/name_lookup.hpp"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace sluice::worker::push {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using time_point = std::chrono::steady_clock::time_point;

/// A resolver whose names beginning with "slow" take until the test lets them go.
class NameLookup : public ::testing::Test {
protected:
    struct resolver {
        std::latch go{1};
        std::mutex mutex;
        std::condition_variable changed;
        std::vector<std::string> asked;

        addresses operator()(const std::string& host) {
            {
                const std::lock_guard lock(mutex);
                asked.push_back(host);
            }
            changed.notify_all();
            if (host.starts_with("slow")) go.wait();
            addresses out;
            out.found.push_back(asio::ip::make_address("8.8.8.8"));
            return out;
        }
        std::size_t count() {
            const std::lock_guard lock(mutex);
            return asked.size();
        }
    };

    asio::io_context context{1};
    std::shared_ptr<resolver> slow = std::make_shared<resolver>();
    std::unique_ptr<name_lookup> names = make_lookup(
        context.get_executor(), [r = slow](const std::string& host) { return (*r)(host); });
    std::vector<std::string> ends;  ///< "found", or the fault

    void ask(const std::string& host, time_point deadline, std::stop_token stop = {}) {
        asio::co_spawn(context, names->find(host, deadline, std::move(stop)),
                       [this](std::exception_ptr, addresses how) {
                           ends.push_back(how.found.empty() ? how.fault : "found");
                       });
    }
    static time_point in(std::chrono::milliseconds time) {
        return std::chrono::steady_clock::now() + time;
    }
    void finish(std::size_t count) {
        const auto deadline = in(20s);
        while (ends.size() < count && std::chrono::steady_clock::now() < deadline) {
            context.restart();
            context.run_one_for(1s);
        }
        ASSERT_EQ(ends.size(), count);
    }
    /// As many slow names as there are threads to look them up.
    void occupy() {
        for (std::size_t i = 0; i < lookup_threads; ++i) ask("slow" + std::to_string(i), in(20s));
        context.poll();
        std::unique_lock lock(slow->mutex);
        const auto all = [&] { return slow->asked.size() >= lookup_threads; };
        ASSERT_TRUE(slow->changed.wait_for(lock, 20s, all));
    }
};

TEST_F(NameLookup, SharesOneLookUpAmongAllWhoAskAtOneTime) {
    occupy();
    for (int i = 0; i < 10; ++i) ask("same", in(20s));
    ask("slow0", in(20s));
    context.poll();
    slow->go.count_down();
    finish(lookup_threads + 11);
    EXPECT_EQ(std::ranges::count(ends, "found"), static_cast<int>(ends.size()));
    EXPECT_EQ(slow->count(), lookup_threads + 1);
}

TEST_F(NameLookup, NamesNobodyWaitsForTakeNoRoomAndAreNotLookedUp) {
    occupy();
    std::stop_source gave_up;
    for (std::size_t i = lookup_threads; i < names_looked_up_max; ++i)
        ask("forgotten" + std::to_string(i), in(20s), gave_up.get_token());
    context.poll();
    ask("too-many", in(20s));
    finish(1);
    EXPECT_EQ(ends.back(), "too many names are looked up");  // the control: all are wanted still
    gave_up.request_stop();
    ends.clear();
    finish(names_looked_up_max - lookup_threads);
    ends.clear();
    ask("wanted", in(20s));
    context.poll();
    EXPECT_TRUE(ends.empty());
    slow->go.count_down();
    finish(lookup_threads + 1);
    EXPECT_EQ(std::ranges::count(ends, "found"), static_cast<int>(ends.size()));
    EXPECT_EQ(slow->count(), lookup_threads + 1);
}

TEST_F(NameLookup, EndsAtItsDeadlineWhateverTheResolverDoes) {
    occupy();
    ask("slow0", in(1ms));
    ask("late", in(1ms));
    finish(2);
    EXPECT_EQ(ends, (std::vector<std::string>{"no answer in time", "no answer in time"}));
    ends.clear();
    ask("late", in(20s));  // wanted again
    slow->go.count_down();
    finish(lookup_threads + 1);
    EXPECT_EQ(std::ranges::count(ends, "found"), static_cast<int>(ends.size()));
}

}  // namespace
}  // namespace sluice::worker::push
