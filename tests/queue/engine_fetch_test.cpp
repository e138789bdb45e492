#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

fetch_request wanted(std::vector<std::string> queues, std::chrono::milliseconds wait = 0ms) {
    fetch_request request;
    request.worker_id = "w1";
    request.queues = std::move(queues);
    request.wait = wait;
    return request;
}

std::vector<uuid> ids_of(const std::vector<job_record>& jobs) {
    std::vector<uuid> ids;
    for (const auto& job : jobs) ids.push_back(job.spec->id);
    return ids;
}

// -- order

TEST(Fetch, TakesTheJobsOfAQueueInTheOrderOfArrival) {
    engine_fixture f;
    const auto pushed = f.push_many("q", 10);
    EXPECT_EQ(ids_of(f.fetch("q", 10)), pushed);
}

TEST(Fetch, TakesHigherPrioritiesFirst) {
    engine_fixture f;
    auto low = make_spec("q");
    low.priority = -1;
    auto high = make_spec("q");
    high.priority = 7;
    const auto last = f.push(low);
    const auto middle = f.push("q");
    const auto first = f.push(high);
    EXPECT_EQ(ids_of(f.fetch("q", 3)), (std::vector<uuid>{first, middle, last}));
}

TEST(Fetch, MergesTheTypesOfAQueueInTheOrderOfArrival) {
    engine_fixture f;
    std::vector<uuid> pushed;
    for (const auto* type : {"a", "b", "a", "c", "b"})
        pushed.push_back(f.push(make_spec("q", type)));
    EXPECT_EQ(ids_of(f.fetch("q", 5)), pushed);
}

TEST(Fetch, LeavesTypesAloneThatWereNotAskedFor) {
    engine_fixture f;
    f.push(make_spec("q", "a"));
    const auto b = f.push(make_spec("q", "b"));
    f.push(make_spec("q", "c"));
    auto request = wanted({"q"});
    request.types = {"b", "x"};
    request.count = 5;
    EXPECT_EQ(ids_of(f.fetch(request)), std::vector<uuid>{b});
}

TEST(Fetch, AsksQueuesStrictlyFromLeftToRight) {
    engine_fixture f;
    const auto b1 = f.push("b");
    const auto a1 = f.push("a");
    const auto a2 = f.push("a");
    auto request = wanted({"a", "b"});
    request.count = 3;
    EXPECT_EQ(ids_of(f.fetch(request)), (std::vector<uuid>{a1, a2, b1}));
}

TEST(Fetch, OfNothingIsEmptyAndWaitsForNobody) {
    engine_fixture f;
    auto request = wanted({"q"}, 10s);
    request.count = 0;
    EXPECT_TRUE(f.fetch(request).empty());
    EXPECT_FALSE(f.core().next_timer(f.clock.now));
}

TEST(Fetch, DoesNotOfferAJobBeforeItIsDurable) {
    engine_fixture f;
    const auto taker = f.park(wanted({"q"}, 10s));
    f.manual = true;
    f.push("q");
    EXPECT_FALSE(f.answer_to(taker));
    EXPECT_TRUE(f.commit());
    ASSERT_TRUE(f.answer_to(taker));
    EXPECT_EQ(f.answer_to(taker)->size(), 1U);
}

// -- takers that wait

TEST(ParkedFetch, IsServedInOrderOfArrival) {
    engine_fixture f;
    const auto first = f.park(wanted({"q"}, 10s));
    const auto second = f.park(wanted({"q"}, 10s));
    const auto a = f.push("q");
    EXPECT_FALSE(f.answer_to(second));
    const auto b = f.push("q");
    EXPECT_EQ(ids_of(*f.answer_to(first)), std::vector<uuid>{a});
    EXPECT_EQ(ids_of(*f.answer_to(second)), std::vector<uuid>{b});
}

TEST(ParkedFetch, GetsSeveralJobsOfOneBatch) {
    engine_fixture f;
    auto request = wanted({"q"}, 10s);
    request.count = 3;
    const auto taker = f.park(request);
    const auto pushed = f.push_many("q", 5);
    EXPECT_EQ(ids_of(*f.answer_to(taker)), (std::vector<uuid>{pushed[0], pushed[1], pushed[2]}));
}

TEST(ParkedFetch, IsNotWokenByTypesItDidNotAskFor) {
    engine_fixture f;
    auto request = wanted({"q"}, 10s);
    request.types = {"b"};
    const auto only_b = f.park(request);
    const auto all = f.park(wanted({"q"}, 10s));
    const auto a = f.push(make_spec("q", "a"));
    EXPECT_FALSE(f.answer_to(only_b));
    EXPECT_EQ(ids_of(*f.answer_to(all)), std::vector<uuid>{a});
    const auto b = f.push(make_spec("q", "b"));
    EXPECT_EQ(ids_of(*f.answer_to(only_b)), std::vector<uuid>{b});
}

TEST(ParkedFetch, EndsEmptyWhenItsTimeHasPassed) {
    engine_fixture f;
    const auto taker = f.park(wanted({"q"}, 10s));
    f.pass(10s - 1us);
    EXPECT_FALSE(f.answer_to(taker));
    f.pass(1us);
    ASSERT_TRUE(f.answer_to(taker));
    EXPECT_TRUE(f.answer_to(taker)->empty());
    const auto id = f.push("q");
    EXPECT_EQ(f.job(id).state, job_state::available);
}

TEST(ParkedFetch, ThatIsAbandonedTakesNothing) {
    engine_fixture f;
    const auto taker = f.park(wanted({"q"}, 10s));
    EXPECT_TRUE(f.core().abandon(taker));
    EXPECT_FALSE(f.core().abandon(taker));
    const auto id = f.push("q");
    EXPECT_EQ(f.job(id).state, job_state::available);
    EXPECT_FALSE(f.core().next_timer(f.clock.now));
}

TEST(ParkedFetch, OfAQueueThatNeverHadAJobLeavesNoTrace) {
    engine_fixture f;
    const auto taker = f.park(wanted({"nothing-here"}, 10s));
    f.core().abandon(taker);
    EXPECT_TRUE(f.core().queues().empty());
}

TEST(ParkedFetch, TakesFromTheFirstOfItsQueuesThatHasAJob) {
    engine_fixture f;
    const auto taker = f.park(wanted({"a", "b"}, 10s));
    const auto id = f.push("b");
    EXPECT_EQ(ids_of(*f.answer_to(taker)), std::vector<uuid>{id});
    const auto other = f.push("a");
    EXPECT_EQ(f.job(other).state, job_state::available);
}

TEST(Drain, AnswersThoseWhoWaitAndGrantsNoMore) {
    engine_fixture f;
    const auto taker = f.park(wanted({"q"}, 10s));
    f.core().begin_drain();
    ASSERT_TRUE(f.answer_to(taker));
    EXPECT_TRUE(f.answer_to(taker)->empty());
    EXPECT_TRUE(f.fetch(wanted({"q"}, 10s)).empty());
    EXPECT_EQ(f.heartbeat("w1").directive, worker_state::quiet);
    push_request request;
    request.jobs.push_back(make_spec("q"));
    const auto refused = f.try_push(request);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::shutting_down);
}

TEST(Drain, GivesWhatInServerWorkersHoldBackWithoutAnAttempt) {
    engine_fixture f;
    const auto id = f.push("q");
    auto request = wanted({"q"});
    request.worker_id = std::string(in_server_worker_id);
    ASSERT_EQ(f.fetch(request).size(), 1U);
    const auto other = f.push("q");
    f.fetch_one("q", "remote");
    f.core().begin_drain();
    f.core().release_in_server(f.clock.now);
    f.settle();
    EXPECT_EQ(f.job(id).state, job_state::available);
    EXPECT_EQ(f.job(id).attempt, 0U);
    EXPECT_EQ(f.job(other).state, job_state::active);
}

TEST(Worker, ThatSaysItIsQuietIsGivenNothing) {
    engine_fixture f;
    f.push("q");
    heartbeat_request beat;
    beat.worker_id = "w1";
    beat.state = worker_state::quiet;
    f.core().heartbeat(beat, f.clock.now);
    EXPECT_TRUE(f.fetch("q").empty());
    f.heartbeat("w1");
    EXPECT_EQ(f.fetch("q").size(), 1U);
}

TEST(Worker, ThatIsQuietWaitsForNothingUntilItsTime) {
    engine_fixture f;
    f.push("q");
    heartbeat_request beat;
    beat.worker_id = "w1";
    beat.state = worker_state::quiet;
    f.core().heartbeat(beat, f.clock.now);
    const auto waiting = f.park(wanted({"q"}, 10s));
    f.push("q");
    f.pass(10s - 1us);
    EXPECT_FALSE(f.answer_to(waiting));
    f.pass(1us);
    ASSERT_TRUE(f.answer_to(waiting));
    EXPECT_TRUE(f.answer_to(waiting)->empty());
}

TEST(Worker, ThatChangesItsMindHasItsWaitEnded) {
    engine_fixture f;
    f.heartbeat("w1");
    const auto waiting = f.park(wanted({"q"}, 10s));
    heartbeat_request beat;
    beat.worker_id = "w1";
    beat.state = worker_state::quiet;
    f.core().heartbeat(beat, f.clock.now);
    const auto id = f.push("q");
    ASSERT_TRUE(f.answer_to(waiting));
    EXPECT_TRUE(f.answer_to(waiting)->empty());
    EXPECT_EQ(f.job(id).state, job_state::available);
    const auto quiet = f.park(wanted({"q"}, 10s));
    f.heartbeat("w1");
    EXPECT_TRUE(f.answer_to(quiet));
    EXPECT_EQ(f.fetch("q").size(), 1U);
}

TEST(Worker, ThatWasQuietAndFallsSilentHasItsWaitEnded) {
    engine_config config;
    config.worker_silence = 60s;
    engine_fixture f(config);
    heartbeat_request beat;
    beat.worker_id = "w1";
    beat.state = worker_state::quiet;
    f.core().heartbeat(beat, f.clock.now);
    f.pass(50s);
    const auto waiting = f.park(wanted({"q"}, 20s));
    f.push("q");
    f.pass(10s - 1us);
    EXPECT_FALSE(f.answer_to(waiting));
    f.pass(1us);
    EXPECT_TRUE(f.answer_to(waiting)) << "nobody remembers that it wants no jobs";
    EXPECT_EQ(f.fetch("q").size(), 1U);
}

// -- "*": in-server workers that serve all queues

engine_config with_handlers() {
    engine_config config;
    config.handled_types = {{"a", 0}, {"b", 0}};
    config.pool_queues = {"own"};
    return config;
}

fetch_request from_any(std::vector<std::string> types, std::size_t count = 1,
                       std::chrono::milliseconds wait = 0ms) {
    auto request = wanted({"*"}, wait);
    request.worker_id = std::string(in_server_worker_id);
    request.types = std::move(types);
    request.count = count;
    return request;
}

TEST(AnyQueue, ServesQueuesInTurn) {
    engine_fixture f(with_handlers());
    const auto flood = f.push(make_spec("flood", "a"));
    const auto flood2 = f.push(make_spec("flood", "a"));
    f.push(make_spec("flood", "a"));
    const auto small = f.push(make_spec("small", "b"));
    EXPECT_EQ(ids_of(f.fetch(from_any({"a", "b"}, 3))), (std::vector<uuid>{flood, small, flood2}));
}

TEST(AnyQueue, LeavesOwnPoolsAndUnknownTypesAlone) {
    engine_fixture f(with_handlers());
    f.push(make_spec("own", "a"));
    f.push(make_spec("q", "unknown"));
    EXPECT_TRUE(f.fetch(from_any({"a", "b"}, 5)).empty());
    const auto id = f.push(make_spec("q", "b"));
    EXPECT_EQ(ids_of(f.fetch(from_any({"a", "b"}, 5))), std::vector<uuid>{id});
}

TEST(AnyQueue, WakesAWaitingTakerForTheTypesItTakes) {
    engine_fixture f(with_handlers());
    const auto only_a = f.park(from_any({"a"}, 1, 10s));
    const auto b = f.push(make_spec("q", "b"));
    EXPECT_FALSE(f.answer_to(only_a));
    const auto a = f.push(make_spec("q", "a"));
    EXPECT_EQ(ids_of(*f.answer_to(only_a)), std::vector<uuid>{a});
    EXPECT_EQ(f.job(b).state, job_state::available);
}

TEST(AnyQueue, SharesANamedQueueWithItsOwnTakersInOrderOfArrival) {
    engine_fixture f(with_handlers());
    const auto any = f.park(from_any({"a", "b"}, 1, 10s));
    const auto named = f.park(wanted({"q"}, 10s));
    const auto first = f.push(make_spec("q", "a"));
    const auto second = f.push(make_spec("q", "a"));
    EXPECT_EQ(ids_of(*f.answer_to(any)), std::vector<uuid>{first});
    EXPECT_EQ(ids_of(*f.answer_to(named)), std::vector<uuid>{second});
}

TEST(Fetch, UnderTheSameNameEndsTheEarlierWait) {
    engine_fixture f;
    fetch_request request;
    request.worker_id = "w1";
    request.fetch_id = "again";
    request.queues = {"default"};
    request.wait = 10s;
    const auto first = f.park(request);
    auto other = request;
    other.worker_id = "w2";
    const auto second = f.park(request);
    const auto of_another = f.park(other);
    ASSERT_TRUE(f.answer_to(first));
    EXPECT_TRUE(f.answer_to(first)->empty());
    EXPECT_FALSE(f.answer_to(second));
    const auto id = f.push();
    ASSERT_TRUE(f.answer_to(second));
    ASSERT_EQ(f.answer_to(second)->size(), 1U);
    EXPECT_EQ(f.answer_to(second)->front().spec->id, id);
    EXPECT_FALSE(f.answer_to(of_another));
}

}  // namespace
}  // namespace sluice::test
