#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

constexpr auto available = static_cast<std::size_t>(job_state::available);

TEST(Push, MakesAJobAvailableAndCountsIt) {
    engine_fixture f;
    const auto id = f.push("emails");
    EXPECT_EQ(f.job(id).state, job_state::available);
    EXPECT_EQ(f.job(id).attempt, 0U);
    EXPECT_EQ(f.stats("emails").jobs[available], 1U);
}

TEST(Push, AnAckedJobIsCompletedAndKeepsItsResult) {
    engine_fixture f;
    const auto id = f.push("emails");
    const auto granted = f.fetch_one("emails");
    EXPECT_EQ(granted.spec->id, id);
    EXPECT_EQ(granted.attempt, 1U);
    const auto answer = f.ack(granted, "[1]");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->job.state, job_state::completed);
    EXPECT_EQ(f.job(id).result, "[1]");
    EXPECT_TRUE(f.fetch("emails").empty());
}

push_request keyed(std::string name, std::uint8_t body, int jobs = 1) {
    push_request request;
    for (int i = 0; i < jobs; ++i) request.jobs.push_back(make_spec());
    request.key = idempotency_key{};
    request.key->key = std::move(name);
    request.key->body_hash.fill(body);
    return request;
}

job_spec with_id(const engine_fixture& f, std::int64_t noise) {
    auto spec = make_spec();
    spec.id = make_uuid(f.clock.now.wall, noise, 77);
    spec.client_id = true;
    return spec;
}

// -- Idempotency-Key

TEST(Key, IsInFlightUntilItsJobsAreDurableAndThenNamesThem) {
    engine_fixture f;
    f.manual = true;
    const auto request = keyed("k", 1, 2);
    const auto stored = f.try_push(request);
    ASSERT_TRUE(stored);
    EXPECT_EQ(f.core().find_key(*request.key, f.clock.now).problem, errc::in_flight);
    f.settle();
    const auto known = f.core().find_key(*request.key, f.clock.now);
    EXPECT_FALSE(known.problem);
    ASSERT_EQ(known.replay.size(), 2U);
    EXPECT_EQ(known.replay[0], stored->at(0).spec->id);
    EXPECT_EQ(known.replay[1], stored->at(1).spec->id);
}

TEST(Key, WithAnotherBodyIsRefusedEvenInFlight) {
    engine_fixture f;
    f.manual = true;
    ASSERT_TRUE(f.try_push(keyed("k", 1)));
    EXPECT_EQ(f.core().find_key(*keyed("k", 2).key, f.clock.now).problem, errc::key_reused);
    f.settle();
    EXPECT_EQ(f.core().find_key(*keyed("k", 2).key, f.clock.now).problem, errc::key_reused);
}

TEST(Key, IsStoredInTheBatchOfItsJobs) {
    engine_fixture f;
    f.manual = true;
    ASSERT_TRUE(f.try_push(keyed("k", 1)));
    const auto batch = f.core().take_batch(f.clock.now);
    ASSERT_EQ(batch.keys.size(), 1U);
    EXPECT_EQ(batch.jobs.size(), 1U);
    EXPECT_EQ(batch.keys[0].job_ids.at(0), batch.jobs[0].record.spec->id);
    EXPECT_TRUE(batch.sync);
}

TEST(Key, IsForgottenWhenItsWindowHasPassed) {
    engine_config config;
    config.idempotency_window = std::chrono::hours{1};
    engine_fixture f(config);
    ASSERT_TRUE(f.try_push(keyed("k", 1)));
    f.clock.advance(1h - 1us);
    EXPECT_TRUE(f.core().find_key(*keyed("k", 1).key, f.clock.now).known());
    f.clock.advance(1us);
    EXPECT_FALSE(f.core().find_key(*keyed("k", 1).key, f.clock.now).known());
}

// -- ids of the producer's choice

TEST(ClientId, IsRefusedWhileItsJobExists) {
    engine_fixture f;
    const auto spec = with_id(f, 5);
    EXPECT_EQ(f.push(spec), spec.id);
    push_request again;
    again.jobs = {make_spec("other"), spec};
    EXPECT_EQ(code_of(f.try_push(again)), errc::duplicate);
    EXPECT_EQ(f.disk->image().live.size(), 1U);
    ASSERT_TRUE(f.ack(f.fetch_one()));
    f.crash();
    EXPECT_EQ(code_of(f.try_push(again)), errc::duplicate);
}

TEST(ClientId, TwiceInOneBatchIsRefused) {
    engine_fixture f;
    push_request request;
    request.jobs = {with_id(f, 5), with_id(f, 5)};
    EXPECT_EQ(code_of(f.try_push(request)), errc::duplicate);
    EXPECT_FALSE(f.core().has_changes());
}

TEST(ClientId, ThatLooksLikeAnotherJobsNumberFindsItsOwnJob) {
    engine_fixture f;
    const auto made = f.push();
    const auto spec = with_id(f, sequence_of(made));
    f.push(spec);
    EXPECT_EQ(f.job(spec.id).spec->id, spec.id);
    EXPECT_EQ(f.job(made).spec->id, made);
    ASSERT_TRUE(f.cancel(spec.id));
    EXPECT_EQ(f.job(made).state, job_state::available);
}

// -- limits

TEST(Push, IsRefusedWhileTooMuchWaitsForTheDisk) {
    engine_config config;
    config.uncommitted_bytes_max = 20'000;
    engine_fixture f(config);
    f.manual = true;
    auto big = make_spec();
    big.args = "[\"" + std::string(15'000, 'x') + "\"]";
    f.push(big);
    f.push(big);
    push_request more;
    more.jobs.push_back(big);
    EXPECT_EQ(code_of(f.try_push(more)), errc::overloaded);
    const auto batch = f.core().take_batch(f.clock.now);
    EXPECT_EQ(code_of(f.try_push(more)), errc::overloaded) << "being written is not written";
    ASSERT_EQ(f.store().commit_blocking(batch).status, commit_status::ok);
    f.core().committed(f.clock.now);
    EXPECT_TRUE(f.try_push(more));
}

TEST(Push, IsRefusedOnANearlyFullDiskWhileTheRestGoesOn) {
    engine_fixture f;
    f.push();
    f.core().set_disk_low(true);
    push_request more;
    more.jobs.push_back(make_spec());
    EXPECT_EQ(code_of(f.try_push(more)), errc::disk_low);
    EXPECT_TRUE(f.ack(f.fetch_one()));
    f.core().set_disk_low(false);
    EXPECT_TRUE(f.try_push(more));
}

TEST(Push, AnswersTheJobAsItWasBeforeAnybodyTookIt) {
    engine_fixture f;
    fetch_request request;
    request.queues = {"default"};
    request.wait = 10s;
    f.park(request);
    push_request one;
    one.jobs.push_back(make_spec());
    const auto stored = f.try_push(one);
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->at(0).state, job_state::available);
    EXPECT_EQ(f.job(stored->at(0).spec->id).state, job_state::active);
}

}  // namespace
}  // namespace sluice::test
