#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

unique_rule rule_of(conflict_policy on_conflict, std::uint8_t key = 1) {
    unique_rule rule;
    rule.text = "{}";
    rule.on_conflict = on_conflict;
    rule.key.fill(key);
    return rule;
}

job_spec unique_job(const unique_rule& rule, std::string queue = "q") {
    auto spec = make_spec(std::move(queue));
    spec.unique = std::make_shared<const unique_rule>(rule);
    return spec;
}

push_request of(std::vector<job_spec> jobs) {
    push_request request;
    request.jobs = std::move(jobs);
    return request;
}

const auto reject = rule_of(conflict_policy::reject);
const auto ignore = rule_of(conflict_policy::ignore);
const auto replace = rule_of(conflict_policy::replace);
const auto replace_except_schedule = rule_of(conflict_policy::replace_except_schedule);

class Unique : public testing::TestWithParam<bool> {
protected:
    Unique() : f(GetParam() ? nothing_kept() : engine_config{}) {}
    result<push_outcome> push(job_spec spec) { return f.push_outcome_of(of({std::move(spec)})); }
    uuid stored(job_spec spec) {
        const auto made = push(std::move(spec));
        EXPECT_TRUE(made && made->deduplicated.empty());
        return made ? made->jobs.front().spec->id : uuid{};
    }

    engine_fixture f;
};

INSTANTIATE_TEST_SUITE_P(Jobs, Unique, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(Unique, ADuplicateIsRefusedAndToldOfTheOther) {
    const auto first = stored(unique_job(reject));
    const auto refused = push(unique_job(reject, "elsewhere"));
    ASSERT_EQ(code_of(refused), errc::duplicate);
    const auto& details = refused.error().details;
    EXPECT_NE(details.find("\"existing_job_id\":\"" + to_string(first)), std::string::npos);
    EXPECT_NE(details.find(R"("existing_job_state":"available")"), std::string::npos);
    EXPECT_NE(details.find(R"("uniqueness_key":"0101)"), std::string::npos) << details;
    EXPECT_EQ(f.stats("q").jobs[static_cast<std::size_t>(job_state::available)], 1U);
}

TEST_P(Unique, AnotherKeyIsAnotherJob) {
    stored(unique_job(reject));
    stored(unique_job(rule_of(conflict_policy::reject, 2)));
    stored(make_spec("q"));
    stored(make_spec("q"));
}

TEST_P(Unique, TheKeyIsFreedInTheWriteThatEndsTheJob) {
    stored(unique_job(reject));
    const auto held = f.fetch_one("q");
    EXPECT_EQ(code_of(push(unique_job(reject))), errc::duplicate) << "it runs";
    ASSERT_TRUE(f.ack(held));
    const auto second = stored(unique_job(reject));
    ASSERT_TRUE(f.cancel(second));
    const auto third = stored(unique_job(reject));
    nack_request final;
    final.retryable = false;
    ASSERT_TRUE(f.nack(f.fetch_one("q"), final));
    EXPECT_EQ(f.job(third).state, job_state::discarded);
    stored(unique_job(reject));
}

TEST_P(Unique, AJobThatWaitsForItsNextTryHoldsItsKey) {
    stored(unique_job(reject));
    ASSERT_TRUE(f.nack(f.fetch_one("q")));
    EXPECT_EQ(code_of(push(unique_job(reject))), errc::duplicate);
    auto later = unique_job(rule_of(conflict_policy::reject, 2));
    later.scheduled_at = f.clock.now.wall + 1h;
    stored(later);
    EXPECT_EQ(code_of(push(later)), errc::duplicate);
    auto pending = unique_job(rule_of(conflict_policy::reject, 3));
    pending.pending = true;
    stored(pending);
    EXPECT_EQ(code_of(push(pending)), errc::duplicate);
}

TEST_P(Unique, IgnoreAnswersWithTheJobThatIsThere) {
    const auto first = stored(unique_job(ignore));
    const auto again = push(unique_job(ignore));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->deduplicated, (std::vector<std::size_t>{0}));
    EXPECT_EQ(again->jobs.front().spec->id, first);
    EXPECT_EQ(f.stats("q").jobs[static_cast<std::size_t>(job_state::available)], 1U);
}

TEST_P(Unique, ReplaceCancelsTheOtherInTheSameWrite) {
    const auto first = stored(unique_job(replace));
    f.manual = true;
    const auto made = push(unique_job(replace));
    ASSERT_TRUE(made && made->deduplicated.empty());
    const auto batch = f.core().take_batch(f.clock.now);
    ASSERT_EQ(batch.jobs.size(), 2U) << "the end of one and the begin of the other, or neither";
    EXPECT_EQ(batch.jobs[0].record.spec->id, first);
    EXPECT_EQ(batch.jobs[0].to, job_place::history);
    EXPECT_EQ(batch.jobs[0].record.state, job_state::cancelled);
    EXPECT_EQ(batch.jobs[1].to, job_place::live);
}

TEST_P(Unique, ReplaceTakesARunningJobFromItsWorker) {
    stored(unique_job(replace));
    const auto held = f.fetch_one("q");
    const auto second = stored(unique_job(replace));
    EXPECT_EQ(f.job(held.spec->id).state, job_state::cancelled);
    EXPECT_FALSE(f.ack(held));
    EXPECT_EQ(f.fetch_one("q").spec->id, second);
}

TEST_P(Unique, ReplaceLeavesAJobAloneThatHasEnded) {
    auto rule = replace;
    rule.states.add(job_state::completed);
    stored(unique_job(rule));
    const auto held = f.fetch_one("q");
    ASSERT_TRUE(f.ack(held));
    const auto second = stored(unique_job(rule));
    EXPECT_EQ(f.job(held.spec->id).state, job_state::completed);
    EXPECT_EQ(f.job(second).state, job_state::available);
}

TEST_P(Unique, ReplaceExceptScheduleKeepsTheTimeOfOneThatIsScheduled) {
    auto early = unique_job(replace_except_schedule);
    early.scheduled_at = f.clock.now.wall + 1h;
    stored(early);
    auto late = unique_job(replace_except_schedule);
    late.scheduled_at = f.clock.now.wall + 2h;
    late.scheduled_at_text = "as it was written";
    const auto second = stored(late);
    EXPECT_EQ(f.job(second).due_at, early.scheduled_at);
    EXPECT_EQ(f.job(second).spec->scheduled_at, early.scheduled_at);
    EXPECT_EQ(f.job(second).spec->scheduled_at_text, "");
    f.pass(1h);
    // It waits no more: like `replace`.
    EXPECT_EQ(f.job(stored(late)).state, job_state::scheduled);
}

TEST_P(Unique, OnlyTheNamedStatesCount) {
    auto rule = reject;
    rule.states = state_set{};
    rule.states.add(job_state::available);
    stored(unique_job(rule));
    EXPECT_EQ(code_of(push(unique_job(rule))), errc::duplicate);
    f.fetch_one("q");
    stored(unique_job(rule));
    rule.states.add(job_state::active);
    f.fetch_one("q");
    EXPECT_EQ(code_of(push(unique_job(rule))), errc::duplicate);
}

TEST_P(Unique, JobsThatEndedCountWhenTheirStateIsNamed) {
    auto rule = reject;
    rule.states.add(job_state::completed);
    stored(unique_job(rule));
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    EXPECT_EQ(code_of(push(unique_job(rule))), errc::duplicate);
    EXPECT_TRUE(push(unique_job(reject))) << "whose rule does not name it";
}

TEST_P(Unique, ThePeriodCountsFromTheJobThatIsThere) {
    auto rule = reject;
    rule.period = 10min;
    stored(unique_job(rule));
    f.pass(10min - 1ms);
    EXPECT_EQ(code_of(push(unique_job(rule))), errc::duplicate);
    f.pass(1ms);
    stored(unique_job(rule));
    EXPECT_EQ(code_of(push(unique_job(rule))), errc::duplicate) << "of the second one";
}

TEST_P(Unique, AFinishedJobStaysAsLongAsItKeepsOthersOut) {
    f.config.retention_completed = 1h;
    auto rule = reject;
    rule.states.add(job_state::completed);
    rule.period = std::chrono::hours{24 * 7};
    stored(unique_job(rule));
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    const auto image = f.disk->image();
    const auto& row = image.history.begin()->second;
    EXPECT_EQ(row.purge_at, row.record->received_at + *rule.period);
}

TEST_P(Unique, JobsOfOneRequestAreTakenAsIfTheyCameOneByOne) {
    const auto both = f.push_outcome_of(of({unique_job(ignore), unique_job(ignore)}));
    ASSERT_TRUE(both);
    EXPECT_EQ(both->deduplicated, (std::vector<std::size_t>{1}));
    EXPECT_EQ(both->jobs[0].spec->id, both->jobs[1].spec->id);

    const auto other = rule_of(conflict_policy::replace, 7);
    const auto chain =
        f.push_outcome_of(of({unique_job(other), unique_job(other), unique_job(other)}));
    ASSERT_TRUE(chain && chain->deduplicated.empty());
    EXPECT_EQ(chain->jobs[0].state, job_state::cancelled);
    EXPECT_EQ(chain->jobs[1].state, job_state::cancelled);
    EXPECT_EQ(chain->jobs[2].state, job_state::available);
}

TEST_P(Unique, AJobThatHasEndedIsThereForEveryJobOfARequest) {
    const auto by_state = [](conflict_policy policy) {
        auto rule = rule_of(policy);
        rule.states = state_set{};
        rule.states.add(job_state::completed);
        return rule;
    };
    stored(unique_job(reject));
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    const auto refused = f.push_outcome_of(of({unique_job(by_state(conflict_policy::replace)),
                                               unique_job(by_state(conflict_policy::reject))}));
    EXPECT_EQ(code_of(refused), errc::duplicate);
}

TEST_P(Unique, OneDuplicateRefusesTheWholeRequest) {
    const auto old = stored(unique_job(replace));
    const auto third = rule_of(conflict_policy::reject, 3);
    const auto refused =
        f.push_outcome_of(of({unique_job(replace), unique_job(third), unique_job(third)}));
    ASSERT_EQ(code_of(refused), errc::duplicate);
    EXPECT_TRUE(refused.error().message.starts_with("Job 2 ")) << refused.error().message;
    EXPECT_EQ(f.job(old).state, job_state::available) << "nothing was replaced either";
    EXPECT_EQ(f.stats("q").jobs[static_cast<std::size_t>(job_state::available)], 1U);
}

TEST_P(Unique, JobsInForeignQueuesAreNeitherToldOfNorTouched) {
    const auto foreign = stored(unique_job(reject, "theirs"));
    for (const auto& rule : {reject, ignore, replace}) {
        auto request = of({unique_job(rule, "ours")});
        request.may_touch = [](std::string_view queue) { return queue == "ours"; };
        const auto refused = f.push_outcome_of(request);
        ASSERT_EQ(code_of(refused), errc::duplicate);
        EXPECT_EQ(refused.error().details, "");
    }
    EXPECT_EQ(f.job(foreign).state, job_state::available);
}

TEST_P(Unique, SurvivesARestart) {
    stored(unique_job(reject));
    f.crash();
    EXPECT_EQ(code_of(push(unique_job(reject))), errc::duplicate);
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    f.lose_power();
    stored(unique_job(reject));
}

TEST(UniqueLookup, ReadsOnWhileAllItFindsHasChangedInMemory) {
    engine_fixture f(nothing_kept());
    auto rule = reject;
    rule.states = state_set{};
    rule.states.add(job_state::available);
    const auto parallel = [&] {
        auto spec = unique_job(rule);
        spec.pending = true;  // which the rule does not name
        return spec;
    };
    // One that is at rest, below more than a page of those that look, on disk, as if they waited.
    std::vector<uuid> ids;
    for (std::size_t i = 0; i < 2 * unique_lookup::jobs_max; ++i)
        ids.push_back(f.push_outcome_of(of({parallel()}))->jobs.front().spec->id);
    for (const auto& id : ids) ASSERT_TRUE(f.activate(id));
    f.manual = true;
    for (std::size_t i = 1; i < ids.size(); ++i) {
        f.make_resident(ids[i]);
        ASSERT_TRUE(f.cancel(ids[i]));
    }
    f.lookup_rounds = 0;
    EXPECT_EQ(code_of(f.push_outcome_of(of({parallel()}))), errc::duplicate);
    EXPECT_GT(f.lookup_rounds, 1);
}

}  // namespace
}  // namespace sluice::test
