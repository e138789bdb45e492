// What in-server workers are given: the types of their handlers, and no more than each allows.

#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::engine_fixture;
using test::make_spec;

engine_config handling(std::vector<handled_type> types, std::vector<std::string> pools = {}) {
    engine_config config;
    config.handled_types = std::move(types);
    config.pool_queues = std::move(pools);
    return config;
}

fetch_request in_server(std::size_t count, std::string queue = "*",
                        std::chrono::milliseconds wait = 0ms) {
    fetch_request request;
    request.worker_id = std::string(in_server_worker_id);
    request.queues = {std::move(queue)};
    request.count = count;
    request.wait = wait;
    request.handled_only = true;
    return request;
}

std::vector<std::string> types_of(const std::vector<job_record>& jobs) {
    std::vector<std::string> types;
    for (const auto& job : jobs) types.push_back(job.spec->type);
    return types;
}

TEST(Handlers, AreGivenTheTypesOfTheirPatternsOnly) {
    engine_fixture f(handling({{"mail.*", 0}, {"report", 0}}));
    for (const auto* type : {"mail.send", "mail", "report", "reports", "mail.bulk.send"})
        f.push(make_spec("q", type));
    EXPECT_EQ(types_of(f.fetch(in_server(10))),
              (std::vector<std::string>{"mail.send", "report", "mail.bulk.send"}));
    EXPECT_EQ(types_of(f.fetch("q", 10)), (std::vector<std::string>{"mail", "reports"}));
}

TEST(Handlers, TakeEveryTypeUnderTheStar) {
    engine_fixture f(handling({{"*", 0}}));
    f.push(make_spec("q", "anything"));
    EXPECT_EQ(f.fetch(in_server(10)).size(), 1U);
}

TEST(Handlers, TakeHigherPrioritiesFirstAcrossTheirTypes) {
    engine_fixture f(handling({{"a", 0}, {"b.*", 0}}));
    auto low = make_spec("q", "a");
    auto high = make_spec("q", "b.x");
    high.priority = 5;
    f.push(low);
    f.push(high);
    EXPECT_EQ(types_of(f.fetch(in_server(2))), (std::vector<std::string>{"b.x", "a"}));
}

TEST(HandlerLimit, HoldsOverAllTypesAndQueuesOfThePattern) {
    engine_fixture f(handling({{"a.*", 3}, {"b", 0}}, {"own"}));
    for (int i = 0; i < 4; ++i) {
        f.push(make_spec("q" + std::to_string(i), "a." + std::to_string(i)));
        f.push(make_spec("own", "a.x"));
    }
    f.push(make_spec("q", "b"));
    EXPECT_EQ(f.fetch(in_server(2)).size(), 2U);
    EXPECT_EQ(f.fetch(in_server(10, "own")).size(), 1U);
    // At the limit, other handlers go on.
    EXPECT_EQ(types_of(f.fetch(in_server(10))), std::vector<std::string>{"b"});
    EXPECT_TRUE(f.fetch(in_server(10, "own")).empty());
}

TEST(HandlerLimit, DoesNotBindRemoteWorkers) {
    engine_fixture f(handling({{"a", 1}}));
    for (int i = 0; i < 5; ++i) f.push(make_spec("q", "a"));
    EXPECT_EQ(f.fetch(in_server(10)).size(), 1U);
    EXPECT_EQ(f.fetch("q", 2).size(), 2U);
    // Nor do their runs count.
    engine_fixture g(handling({{"a", 1}}));
    for (int i = 0; i < 5; ++i) g.push(make_spec("q", "a"));
    EXPECT_EQ(g.fetch("q", 2).size(), 2U);
    EXPECT_EQ(g.fetch(in_server(10)).size(), 1U);
}

/// Every way a run can end makes room for the next job, and wakes a taker that waits for it.
TEST(HandlerLimit, TheEndOfARunWakesAWaitingTakerOfAnyQueue) {
    using ending = std::function<void(engine_fixture&, const job_record&)>;
    const auto nacked = [](const nack_request& how) -> ending {
        return [how](engine_fixture& f, const job_record& job) { ASSERT_TRUE(f.nack(job, how)); };
    };
    nack_request release;
    release.release = true;
    nack_request snooze;
    snooze.snooze = 1h;
    nack_request later;
    later.retry_after = 1h;
    const std::vector<std::pair<const char*, ending>> endings{
        {"ack", [](auto& f, const auto& job) { ASSERT_TRUE(f.ack(job)); }},
        {"cancel",
         [](auto& f, const auto& job) {
             ASSERT_TRUE(f.cancel(job.spec->id));
             f.run_returned(job);
         }},
        {"release", nacked(release)},
        {"snooze", nacked(snooze)},
        {"failure", nacked(later)},
        {"timeout",
         [](auto& f, const auto& job) {
             f.pass(10s);
             f.run_returned(job);
         }},
    };
    for (const auto& [name, end] : endings) {
        SCOPED_TRACE(name);
        engine_fixture f(handling({{"a", 1}}, {"own"}));
        auto first = make_spec("q1", "a");
        first.timeout = 5s;
        f.push(first);
        f.push(make_spec("own", "a"));
        const auto running = f.fetch(in_server(1));
        ASSERT_EQ(running.size(), 1U);
        const auto waiting = f.park(in_server(1, "own", 60s));
        ASSERT_FALSE(f.answer_to(waiting));
        end(f, running.front());
        const auto given = f.answer_to(waiting);
        ASSERT_TRUE(given);
        EXPECT_EQ(given->size(), 1U);
    }
}

/// A handler that ignores that it is asked to stop goes on running: its place is not free.
TEST(HandlerLimit, CountsAHandlerThatHasNotReturnedAlthoughItLostItsJob) {
    using loss = std::function<void(engine_fixture&, const job_record&)>;
    const auto acked_from_outside = [](engine_fixture& f, const job_record& job) {
        ack_request request;
        request.job_id = job.spec->id;
        request.lease = job.lease;
        ASSERT_TRUE(f.core().ack(request, f.clock.now));
        f.settle();
    };
    const std::vector<std::pair<const char*, loss>> losses{
        {"cancel", [](auto& f, const auto& job) { ASSERT_TRUE(f.cancel(job.spec->id)); }},
        {"timeout", [](auto& f, const auto&) { f.pass(10s); }},
        {"an answer of somebody else", acked_from_outside},
        {"reset",
         [](auto& f, const auto&) {
             f.core().reset(f.clock.now);
             f.settle();
             f.push(make_spec("q1", "a"));
         }},
    };
    for (const auto& [name, lose] : losses) {
        SCOPED_TRACE(name);
        engine_fixture f(handling({{"a", 1}}));
        auto first = make_spec("q1", "a");
        first.timeout = 5s;
        first.retry.max_attempts = 1;
        f.push(first);
        f.push(make_spec("q1", "a"));
        const auto running = f.fetch(in_server(1));
        ASSERT_EQ(running.size(), 1U);
        lose(f, running.front());
        EXPECT_TRUE(f.fetch(in_server(1)).empty());
        const auto waiting = f.park(in_server(1, "*", 60s));
        ASSERT_FALSE(f.answer_to(waiting));
        f.run_returned(running.front());
        ASSERT_TRUE(f.answer_to(waiting));
        EXPECT_EQ(f.answer_to(waiting)->size(), 1U);
        f.run_returned(running.front());  // known already
        EXPECT_TRUE(f.fetch(in_server(1)).empty());
    }
}

/// Nobody can say that a handler returned which never began.
TEST(HandlerLimit, IsFreeAgainWhenAGrantNeverReachedItsWorker) {
    engine_fixture f(handling({{"a", 1}}));
    f.push(make_spec("q", "a"));
    const auto gone = f.push(make_spec("q", "a"));
    f.manual = true;
    auto outcome = f.core().fetch(in_server(1), f.clock.now);
    ASSERT_EQ(outcome.leases.size(), 1U);
    f.commit();
    f.core().return_grants(f.core().granted(outcome.leases), f.clock.now);
    f.commit();
    outcome = f.core().fetch(in_server(1), f.clock.now);
    ASSERT_EQ(outcome.leases.size(), 1U);
    for (const auto& job : f.core().granted(outcome.leases))
        f.core().cancel(job.spec->id, f.clock.now);
    EXPECT_TRUE(f.core().hand_over(outcome.leases, f.clock.now).empty());
    f.manual = false;
    f.settle();
    const auto jobs = f.fetch(in_server(1));
    ASSERT_EQ(jobs.size(), 1U);
    EXPECT_EQ(jobs.front().spec->id, gone);
}

TEST(HandlerLimit, ACommonTakerIsWokenForAQueueThatWasHeldBack) {
    engine_fixture f(handling({{"a", 1}, {"b", 0}}));
    f.push(make_spec("q1", "a"));
    f.push(make_spec("q2", "a"));
    const auto running = f.fetch(in_server(1));
    const auto waiting = f.park(in_server(4, "*", 60s));
    ASSERT_FALSE(f.answer_to(waiting));
    f.push(make_spec("q3", "a"));
    EXPECT_FALSE(f.answer_to(waiting));
    ASSERT_TRUE(f.ack(running.front()));
    ASSERT_TRUE(f.answer_to(waiting));
    EXPECT_EQ(types_of(*f.answer_to(waiting)), std::vector<std::string>{"a"});
}

TEST(HandlerLimit, StartsAnewWithTheServer) {
    engine_fixture f(handling({{"a", 2}}));
    for (int i = 0; i < 6; ++i) f.push(make_spec("q", "a"));
    ASSERT_EQ(f.fetch(in_server(10)).size(), 2U);
    f.crash();
    ASSERT_EQ(f.fetch(in_server(10)).size(), 2U);  // those two lapsed and are first again
    EXPECT_TRUE(f.fetch(in_server(10)).empty());
    EXPECT_EQ(f.stats("q").jobs[static_cast<std::size_t>(job_state::active)], 2U);
}

TEST(HandlerLimit, HoldsForJobsAtRest) {
    auto config = handling({{"a", 2}});
    config.window_jobs = 1;
    engine_fixture f(config);
    for (int i = 0; i < 20; ++i) f.push(make_spec("q", "a"));
    std::size_t done = 0;
    while (done < 20) {
        const auto jobs = f.fetch(in_server(10));
        ASSERT_FALSE(jobs.empty());
        ASSERT_LE(jobs.size(), 2U);
        for (const auto& job : jobs) ASSERT_TRUE(f.ack(job));
        done += jobs.size();
    }
}

}  // namespace
}  // namespace sluice
