#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::test {
namespace {

/// Jobs that a completion stores. The parameter says whether all that may be at rest is.
class FollowUps : public testing::TestWithParam<bool> {
protected:
    FollowUps() : f(GetParam() ? nothing_kept() : engine_config{}) {}

    static ack_request ack_of(const job_record& held, std::vector<job_spec> enqueue) {
        ack_request request;
        request.job_id = held.spec->id;
        request.lease = held.lease;
        request.enqueue = std::move(enqueue);
        return request;
    }
    result<change_answer> ack(const job_record& held, std::vector<job_spec> enqueue) {
        f.make_resident(held.spec->id);
        auto answer = f.core().ack(ack_of(held, std::move(enqueue)), f.clock.now);
        if (!f.manual) f.settle();
        return answer;
    }
    static job_spec unique_job(conflict_policy on_conflict) {
        auto spec = make_spec("q");
        unique_rule rule;
        rule.text = "{}";
        rule.on_conflict = on_conflict;
        spec.unique = std::make_shared<const unique_rule>(std::move(rule));
        return spec;
    }

    engine_fixture f;
};

INSTANTIATE_TEST_SUITE_P(Jobs, FollowUps, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(FollowUps, AreStoredWithTheCompletion) {
    f.push("q");
    const auto held = f.fetch_one("q");
    const auto answer = ack(held, {make_spec("next", "a"), make_spec("next", "b")});
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->job.children.size(), 2U);
    EXPECT_EQ(f.fetch_one("next").spec->id, answer->job.children[0]);
    EXPECT_EQ(f.fetch_one("next").spec->type, "b");
    EXPECT_EQ(f.job(held.spec->id).children, answer->job.children);
}

/// Each boundary of the journal: before the write, after it, after the sync.
TEST_P(FollowUps, AreThereIfAndOnlyIfTheJobIsComplete) {
    for (const std::size_t boundary : {0U, 1U, 2U}) {
        const auto parent = f.push("q");
        const auto held = f.fetch_one("q");
        f.manual = true;
        ASSERT_TRUE(ack(held, {make_spec("next")}));
        if (boundary > 0) {
            ASSERT_TRUE(f.commit());
        }
        f.manual = false;
        if (boundary == 2)
            f.lose_power();
        else
            f.crash();
        const bool complete = f.job(parent).state == job_state::completed;
        EXPECT_EQ(complete, boundary > 0);
        EXPECT_EQ(f.fetch("next").size(), complete ? 1U : 0U) << boundary;
        f.core().reset(f.clock.now);
        f.settle();
    }
}

TEST_P(FollowUps, AreMadeOnceHoweverOftenTheAnswerIsRepeated) {
    f.push("q");
    const auto held = f.fetch_one("q");
    const auto first = ack(held, {make_spec("next")});
    const auto again = ack(held, {make_spec("next")});
    ASSERT_TRUE(first && again);
    EXPECT_TRUE(again->repeated);
    EXPECT_EQ(again->job.children, first->job.children);
    f.crash();
    const auto late = ack(f.job(held.spec->id), {make_spec("next")});
    ASSERT_TRUE(late);
    EXPECT_EQ(late->job.children, first->job.children);
    EXPECT_EQ(f.fetch("next", 9).size(), 1U);
}

TEST_P(FollowUps, ThatCannotBeStoredLeaveTheJobRunning) {
    const auto other = f.push(unique_job(conflict_policy::reject));
    f.push("p");
    const auto held = f.fetch_one("p");
    f.manual = true;
    f.make_resident(other);
    const auto refused = ack(held, {make_spec("next"), unique_job(conflict_policy::reject)});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::duplicate);
    f.manual = false;
    EXPECT_EQ(f.job(held.spec->id).state, job_state::active);
    EXPECT_TRUE(f.fetch("next").empty());
    ASSERT_TRUE(f.cancel(other));
    EXPECT_TRUE(ack(held, {make_spec("next"), unique_job(conflict_policy::reject)}));
}

TEST_P(FollowUps, MayTakeTheUniqueKeyOfTheirJob) {
    for (const auto policy :
         {conflict_policy::reject, conflict_policy::replace, conflict_policy::ignore}) {
        f.push(unique_job(policy));
        const auto held = f.fetch_one("q");
        const auto answer = ack(held, {unique_job(policy)});
        ASSERT_TRUE(answer) << static_cast<int>(policy);
        EXPECT_EQ(answer->job.state, job_state::completed);
        const auto next = f.fetch_one("q");
        EXPECT_NE(next.spec->id, held.spec->id);
        ASSERT_TRUE(ack(next, {}));
    }
}

TEST_P(FollowUps, AreDuplicatesOfTheirJobWhereCompletedOnesCount) {
    auto spec = unique_job(conflict_policy::reject);
    auto rule = *spec.unique;
    rule.states.add(job_state::completed);
    spec.unique = std::make_shared<const unique_rule>(std::move(rule));
    f.push(spec);
    const auto held = f.fetch_one("q");
    const auto refused = ack(held, {spec});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::duplicate);
    EXPECT_EQ(f.job(held.spec->id).state, job_state::active);
}

TEST_P(FollowUps, TakeThePlaceOfTheirJobInAFullQueue) {
    f.core().configure_queue("q", {.bound = {.max_depth = 1}}, f.clock.now);
    f.settle();
    f.push("q");
    const auto held = f.fetch_one("q");
    EXPECT_EQ(ack(held, {make_spec("q"), make_spec("q")}).error().code, errc::queue_full);
    EXPECT_EQ(f.job(held.spec->id).state, job_state::active);
    EXPECT_TRUE(ack(held, {make_spec("q")}));
    EXPECT_EQ(f.fetch("q", 9).size(), 1U);
}

TEST_P(FollowUps, TakeThePlaceOfTheirJobUnderALimit) {
    auto spec = make_spec("q");
    limit_rule rule;
    rule.text = "{}";
    rule.key = "k";
    rule.concurrency = 1;
    rule.on_limit = limit_action::reject;
    spec.limit = std::make_shared<const limit_rule>(std::move(rule));
    f.push(spec);
    const auto held = f.fetch_one("q");
    EXPECT_FALSE(ack(held, {spec, spec}));
    EXPECT_TRUE(ack(held, {spec}));
}

TEST_P(FollowUps, AreTakenWhileTheServerDrainsButNotWithoutADisk) {
    f.push("q");
    const auto held = f.fetch_one("q");
    f.core().set_disk_low(true);
    EXPECT_EQ(ack(held, {make_spec("next")}).error().code, errc::disk_low);
    EXPECT_EQ(f.job(held.spec->id).state, job_state::active);
    f.core().set_disk_low(false);
    f.core().begin_drain();
    EXPECT_TRUE(ack(held, {make_spec("next")}));
    f.crash();
    EXPECT_EQ(f.fetch("next").size(), 1U);
}

/// Somebody else may have its place under a limit by then.
TEST_P(FollowUps, ThatCannotBeStoredDoNotTakeBackAJobWhoseLeaseHasLapsed) {
    auto spec = make_spec("q");
    spec.visibility_timeout = 10s;
    f.push(std::move(spec));
    const auto held = f.fetch_one("q");
    f.pass(11s);
    ASSERT_EQ(f.job(held.spec->id).state, job_state::available);
    f.core().set_disk_low(true);
    ASSERT_FALSE(ack(held, {make_spec("next")}));
    f.core().set_disk_low(false);
    EXPECT_EQ(f.job(held.spec->id).state, job_state::available);
    ASSERT_TRUE(ack(held, {make_spec("next")}));
    EXPECT_EQ(f.job(held.spec->id).state, job_state::completed);
    EXPECT_EQ(f.fetch("next").size(), 1U);
}

TEST_P(FollowUps, NeitherReplaceNorTellOfWhatTheCallerMayNotTouch) {
    for (const auto policy :
         {conflict_policy::reject, conflict_policy::replace, conflict_policy::ignore}) {
        const auto other = f.push(unique_job(policy));
        f.push("p");
        const auto held = f.fetch_one("p");
        auto request = ack_of(held, {unique_job(policy)});
        request.may_touch = [](std::string_view queue) { return queue == "p"; };
        f.manual = true;
        f.make_resident(other);
        f.make_resident(held.spec->id);
        const auto refused = f.core().ack(request, f.clock.now);
        f.manual = false;
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, errc::duplicate);
        EXPECT_EQ(refused.error().details.find(to_string(other)), std::string::npos);
        EXPECT_EQ(f.job(other).state, job_state::available);
        ASSERT_TRUE(f.cancel(other));
        ASSERT_TRUE(f.ack(held));
    }
}

TEST_P(FollowUps, AreNotMadeByAHolderWhoseLeaseIsLost) {
    const auto id = f.push("q");
    const auto held = f.fetch_one("q");
    ASSERT_TRUE(f.cancel(id));
    EXPECT_FALSE(ack(held, {make_spec("next")}));
    EXPECT_TRUE(f.fetch("next").empty());
}

}  // namespace
}  // namespace sluice::test
