#include "proto/unique.hpp"
#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using enum durability_class;

job_spec spec_of(durability_class durability) {
    auto spec = make_spec("q");
    spec.durability = durability;
    return spec;
}

push_request of(std::vector<durability_class> classes) {
    push_request request;
    for (const auto each : classes) request.jobs.push_back(spec_of(each));
    return request;
}

class Durability : public testing::Test {
protected:
    uuid stored(push_request request) {
        const auto jobs = f.try_push(std::move(request));
        EXPECT_TRUE(jobs);
        return jobs ? jobs->front().spec->id : uuid{};
    }

    engine_fixture f;
};

TEST_F(Durability, AWrittenJobSurvivesItsProcessAndNotThePower) {
    const auto id = stored(of({written}));
    EXPECT_FALSE(f.job(id).durable_at);
    EXPECT_TRUE(f.job(id).available_at);
    f.crash();
    EXPECT_TRUE(f.known(id));
    f.lose_power();
    EXPECT_FALSE(f.known(id));
}

TEST_F(Durability, ASyncedJobSurvivesThePower) {
    const auto id = stored(of({fsync}));
    EXPECT_TRUE(f.job(id).durable_at);
    f.lose_power();
    EXPECT_TRUE(f.known(id));
}

TEST_F(Durability, WhatIsReachedIsSaidBeforeAndAfterTheCommit) {
    f.manual = true;
    const auto weak = f.push_outcome_of(of({memory}));
    ASSERT_TRUE(weak);
    EXPECT_EQ(weak->asked, memory);
    const auto batch = f.core().gate();
    EXPECT_EQ(f.core().reached(batch), memory);
    f.commit();
    EXPECT_EQ(f.core().reached(batch), written);
    const auto strong = f.push_outcome_of(of({fsync}));
    ASSERT_TRUE(strong);
    EXPECT_EQ(strong->asked, fsync);
    const auto later = f.core().gate();
    EXPECT_EQ(f.core().reached(batch), written) << "its sync is yet to come";
    f.commit();
    EXPECT_EQ(f.core().reached(batch), fsync) << "a sync covers all before it";
    EXPECT_EQ(f.core().reached(later), fsync);
    EXPECT_EQ(f.core().reached(0), fsync);
}

TEST_F(Durability, ABatchIsAsDurableAsItsStrongestJob) {
    const auto id = stored(of({memory, fsync, written}));
    f.lose_power();
    EXPECT_TRUE(f.known(id));
}

TEST_F(Durability, AJobThatNamesNoClassHasThatOfTheServer) {
    f.config.durability = written;
    f.crash();
    push_request request;
    request.jobs.push_back(make_spec("q"));
    const auto id = stored(std::move(request));
    const auto synced = stored(of({fsync}));
    const auto last = stored(of({written}));
    f.lose_power();
    EXPECT_TRUE(f.known(id)) << "the one after it was synced";
    EXPECT_TRUE(f.known(synced));
    EXPECT_FALSE(f.known(last));
}

TEST_F(Durability, TheEndOfAJobBringsItToTheDisk) {
    const auto id = stored(of({memory}));
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    f.lose_power();
    ASSERT_TRUE(f.known(id));
    EXPECT_EQ(f.job(id).state, job_state::completed);
}

TEST_F(Durability, AnIdempotencyKeyIsSyncedAndItsJobsWithIt) {
    auto request = of({written});
    request.key = idempotency_key{};
    request.key->key = "k";
    const auto id = stored(std::move(request));
    f.lose_power();
    EXPECT_TRUE(f.known(id));
}

// -- whoever hears of a job that was there before

push_request unique_of(durability_class durability) {
    auto request = of({durability});
    unique_rule rule;
    rule.text = "{}";
    rule.on_conflict = conflict_policy::ignore;
    rule.key.fill(1);
    request.jobs[0].unique = std::make_shared<const unique_rule>(rule);
    return request;
}

TEST_F(Durability, ADuplicateIsAsDurableAsTheOneWhoHearsOfItAsked) {
    const auto id = stored(unique_of(written));
    EXPECT_EQ(stored(unique_of(fsync)), id);
    f.lose_power();
    EXPECT_TRUE(f.known(id));
}

TEST_F(Durability, ADuplicateThatNobodyAskedMoreOfIsNotWrittenAgain) {
    const auto id = stored(unique_of(written));
    f.manual = true;
    const auto again = f.push_outcome_of(unique_of(memory));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->deduplicated.size(), 1U);
    EXPECT_EQ(f.core().gate(), 0U);
    EXPECT_EQ(f.core().reached(0), written);
    f.manual = false;
    f.lose_power();
    EXPECT_FALSE(f.known(id));
}

TEST_F(Durability, AUniqueJobThatIsRefusedIsRefusedForTheSakeOfOneThatStays) {
    const auto id = stored(unique_of(written));
    auto second = unique_of(fsync);
    auto rule = *second.jobs[0].unique;
    rule.on_conflict = conflict_policy::reject;
    second.jobs[0].unique = std::make_shared<const unique_rule>(rule);
    const auto refused = f.try_push(std::move(second));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::duplicate);
    f.lose_power();
    EXPECT_TRUE(f.known(id));
}

TEST_F(Durability, AnIdThatIsTakenIsTakenForGood) {
    auto request = of({written});
    request.jobs[0].client_id = true;
    request.jobs[0].id = make_uuid(f.clock.now.wall, 7, 7);
    const auto id = stored(request);
    request.jobs[0].durability = fsync;
    f.make_resident(id);
    const auto refused = f.try_push(request);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::duplicate);
    f.lose_power();
    EXPECT_TRUE(f.known(id));
}

}  // namespace
}  // namespace sluice::test
