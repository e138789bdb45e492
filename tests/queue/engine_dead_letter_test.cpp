#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

job_spec tried_once() {
    auto spec = make_spec();
    spec.retry.max_attempts = 1;
    spec.retry.on_exhaustion = exhaustion::dead_letter;
    return spec;
}

uuid dead_letter(engine_fixture& f) {
    const auto id = f.push(tried_once());
    EXPECT_TRUE(f.nack(f.fetch_one()));
    return id;
}

TEST(DeadLetter, IsTriedAnewWithAllItsAttempts) {
    engine_fixture f;
    const auto id = dead_letter(f);
    f.crash();
    const auto revived = f.retry_dead_letter(id);
    ASSERT_TRUE(revived);
    EXPECT_EQ(revived->state, job_state::available);
    EXPECT_EQ(revived->attempt, 0U);
    EXPECT_FALSE(f.job(id).dead_letter);
    EXPECT_FALSE(f.job(id).acked_at);
    EXPECT_EQ(f.disk->image().live.size(), 1U);
    ASSERT_TRUE(f.ack(f.fetch_one()));
    EXPECT_EQ(f.job(id).state, job_state::completed);
}

TEST(DeadLetter, ThatIsRevivedBeforeItsEndIsDurableIsAlive) {
    engine_fixture f;
    const auto id = f.push(tried_once());
    const auto job = f.fetch_one();
    f.manual = true;
    ASSERT_TRUE(f.nack(job));
    auto ending = f.core().take_batch(f.clock.now);
    ASSERT_TRUE(f.retry_dead_letter(id));
    ASSERT_EQ(f.store().commit_blocking(ending).status, commit_status::ok);
    EXPECT_TRUE(f.core().committed(f.clock.now).empty());
    f.settle();
    EXPECT_EQ(f.job(id).state, job_state::available);
    EXPECT_FALSE(f.job(id).acked_at);
}

TEST(DeadLetter, OtherJobsAreNone) {
    engine_fixture f;
    const auto waiting = f.push();
    EXPECT_EQ(code_of(f.retry_dead_letter(waiting)), errc::not_found);
    EXPECT_EQ(code_of(f.delete_dead_letter(waiting)), errc::not_found);
    ASSERT_TRUE(f.ack(f.fetch_one()));
    EXPECT_EQ(code_of(f.retry_dead_letter(waiting)), errc::not_found);
    EXPECT_EQ(code_of(f.delete_dead_letter(waiting)), errc::not_found);
}

TEST(DeadLetter, IsGoneOnceItIsDeleted) {
    engine_fixture f;
    const auto id = dead_letter(f);
    ASSERT_TRUE(f.delete_dead_letter(id));
    EXPECT_FALSE(f.known(id));
    EXPECT_EQ(code_of(f.delete_dead_letter(id)), errc::not_found);
    EXPECT_TRUE(f.disk->image().history.empty());
    EXPECT_EQ(f.core().resident_count(), 0U);
    f.crash();
    EXPECT_FALSE(f.known(id));
}

TEST(DeadLetter, ThatIsBeingDeletedIsNotFoundAndTellsTheBatchToWaitFor) {
    engine_fixture f;
    const auto id = dead_letter(f);
    f.manual = true;
    ASSERT_TRUE(f.delete_dead_letter(id));
    EXPECT_EQ(code_of(f.core().info(id)), errc::not_found);
    EXPECT_EQ(code_of(f.core().cancel(id, f.clock.now)), errc::not_found);
    EXPECT_EQ(code_of(f.retry_dead_letter(id)), errc::not_found);
    EXPECT_NE(f.core().gate(id), 0U);
}

TEST(DeadLetter, ThatWasEndedAndDeletedInOneBatchIsGone) {
    engine_fixture f;
    f.manual = true;
    const auto id = f.push(tried_once());
    fetch_request request;
    request.queues = {"default"};
    const auto outcome = f.core().fetch(request, f.clock.now);
    ASSERT_EQ(outcome.leases.size(), 1U);
    nack_request failed;
    failed.job_id = id;
    ASSERT_TRUE(f.core().nack(failed, f.clock.now));
    ASSERT_TRUE(f.delete_dead_letter(id));
    f.settle();
    EXPECT_FALSE(f.known(id));
    EXPECT_EQ(f.core().resident_count(), 0U);
    EXPECT_EQ(f.disk->image().history.size(), 0U);
}

TEST(DeadLetter, ItsIdMayBeUsedAgainWhileItIsBeingDeleted) {
    engine_fixture f;
    auto spec = tried_once();
    spec.id = make_uuid(f.clock.now.wall, 123'456, 7);
    spec.client_id = true;
    f.push(spec);
    ASSERT_TRUE(f.nack(f.fetch_one()));
    f.manual = true;
    ASSERT_TRUE(f.delete_dead_letter(spec.id));
    f.push(spec);
    f.settle();
    ASSERT_TRUE(f.known(spec.id));
    EXPECT_EQ(f.job(spec.id).state, job_state::available);
    EXPECT_EQ(f.fetch_one().spec->id, spec.id);
}

}  // namespace
}  // namespace sluice::test
