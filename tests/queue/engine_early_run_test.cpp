// When a run in this process may begin before its grant is written.

#include "proto/limit_rule.hpp"
#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::engine_fixture;
using test::make_spec;

engine_config handling_all() {
    engine_config config;
    config.handled_types = {{"*", 0}};
    return config;
}

fetch_request in_server() {
    fetch_request request;
    request.worker_id = std::string(in_server_worker_id);
    request.queues = {"*"};
    request.count = 10;
    request.handled_only = true;
    return request;
}

/// Fetches without a commit. Whether the taker may have the one job now.
bool has_it_at_once(engine_fixture& f, const fetch_request& request = in_server()) {
    f.manual = true;
    const auto outcome = f.core().fetch(request, f.clock.now);
    EXPECT_EQ(outcome.leases.size(), 1U);
    return outcome.gate <= f.core().committed_batch();
}

TEST(EarlyRun, BeginsWhenItsJobIsDurable) {
    engine_fixture f(handling_all());
    f.push("q");
    EXPECT_TRUE(has_it_at_once(f));
}

TEST(EarlyRun, IsNotThatOfAWorkerElsewhere) {
    engine_fixture f(handling_all());
    f.push("q");
    auto remote = in_server();
    remote.worker_id = "w1";
    remote.queues = {"q"};
    remote.handled_only = false;
    EXPECT_FALSE(has_it_at_once(f, remote));
}

TEST(EarlyRun, WaitsForItsJob) {
    engine_fixture f(handling_all());
    f.manual = true;
    f.push("q");
    EXPECT_FALSE(has_it_at_once(f));
}

TEST(EarlyRun, WaitsForTheBatchUnderWayThatHoldsItsJobAndForNoMore) {
    engine_fixture f(handling_all());
    f.manual = true;
    f.push("q");
    const auto batch = f.core().take_batch(f.clock.now);
    const auto outcome = f.core().fetch(in_server(), f.clock.now);
    EXPECT_EQ(outcome.gate, batch.number);
}

TEST(EarlyRun, WaitsForItsRetryToBeDurable) {
    engine_fixture f(handling_all());
    auto spec = make_spec("q", "t");
    spec.retry.initial_interval = 0ms;
    f.push(spec);
    const auto granted = f.fetch(in_server()).at(0);
    f.manual = true;
    ASSERT_TRUE(f.nack(granted));
    f.core().run_timers(f.clock.now);
    EXPECT_FALSE(has_it_at_once(f));
}

TEST(EarlyRun, IsWrittenOnceWithItsEnd) {
    engine_fixture f(handling_all());
    f.push("q");
    f.manual = true;
    const auto outcome = f.core().fetch(in_server(), f.clock.now);
    const auto granted = f.core().hand_over(outcome.leases, f.clock.now).at(0);
    ASSERT_TRUE(f.ack(granted));
    const auto batch = f.core().take_batch(f.clock.now);
    ASSERT_EQ(batch.jobs.size(), 1U);
    EXPECT_EQ(batch.jobs[0].from, job_place::live);
    EXPECT_EQ(batch.jobs[0].to, job_place::history);
    EXPECT_TRUE(batch.sync);
}

TEST(EarlyRun, ThatTheProcessDidNotOutliveIsRunAgain) {
    engine_fixture f(handling_all());
    const auto id = f.push("q");
    EXPECT_TRUE(has_it_at_once(f));
    f.manual = false;
    f.crash();
    EXPECT_EQ(f.job(id).state, job_state::available);
    EXPECT_EQ(f.job(id).attempt, 0U);
}

TEST(EarlyRun, IsNoneOfAJobThatMayHaveEndedTheProcess) {
    engine_fixture f(handling_all());
    f.push("q");
    f.crash();
    f.core().fetch(in_server(), f.clock.now);  // has it read
    f.settle();
    f.pass(24h);
    EXPECT_FALSE(has_it_at_once(f));
}

TEST(EarlyRun, IsThatOfAJobThatCameAfterACrash) {
    engine_fixture f(handling_all());
    f.crash();
    f.push("q");
    EXPECT_TRUE(has_it_at_once(f));
}

TEST(EarlyRun, IsNoneOfAJobThatWasInterrupted) {
    engine_fixture f(handling_all());
    const auto id = f.push("q");
    ASSERT_EQ(f.fetch(in_server()).size(), 1U);
    f.crash();  // its run had been written
    ASSERT_EQ(f.job(id).interruptions, 1U);
    EXPECT_FALSE(has_it_at_once(f));
}

TEST(EarlyRun, WaitsUntilItsQueueIsOpenOnTheDisk) {
    engine_fixture f(handling_all());
    f.push("q");
    f.core().pause_queue("q", true, f.clock.now);
    f.settle();
    f.manual = true;
    f.core().pause_queue("q", false, f.clock.now);
    EXPECT_FALSE(has_it_at_once(f));
}

TEST(EarlyRun, IsCountedWithItsResult) {
    engine_fixture f(handling_all());
    f.push("q");
    f.manual = true;
    const auto outcome = f.core().fetch(in_server(), f.clock.now);
    const auto granted = f.core().hand_over(outcome.leases, f.clock.now).at(0);
    const auto before = f.core().uncommitted_bytes();
    ASSERT_TRUE(f.ack(granted, '"' + std::string(100'000, 'x') + '"'));
    EXPECT_GT(f.core().uncommitted_bytes(), before + 100'000);
}

TEST(EarlyRun, IsNoneUnderALimit) {
    engine_fixture f(handling_all());
    auto spec = make_spec("q", "t");
    auto rule = std::make_shared<limit_rule>();
    rule->key = "k";
    rule->concurrency = 5;
    spec.limit = rule;
    f.push(spec);
    EXPECT_FALSE(has_it_at_once(f));
}

TEST(EarlyRun, IsNoneWhileTooMuchWaitsToBeWritten) {
    auto config = handling_all();
    config.uncommitted_bytes_max = 4000;
    engine_fixture f(config);
    f.push("q");
    f.manual = true;
    auto large = make_spec("elsewhere", "t");
    large.pending = true;
    large.args = '"' + std::string(1500, 'x') + '"';
    f.push(large);
    EXPECT_FALSE(has_it_at_once(f));
}

}  // namespace
}  // namespace sluice
