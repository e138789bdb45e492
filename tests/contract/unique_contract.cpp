#include "proto/unique.hpp"
#include "tests/contract/backend_contract.hpp"

namespace sluice::test {
namespace {

constexpr const char* by_type_and_args = R"({"keys":["type","args"]})";

job_spec unique_job(conflict_policy on_conflict, std::string args = "[1]") {
    auto spec = contract_job("q");
    spec.args = std::move(args);
    unique_rule rule;
    rule.text = by_type_and_args;
    rule.on_conflict = on_conflict;
    spec.unique = std::make_shared<const unique_rule>(std::move(rule));
    return spec;
}

push_request of(std::vector<job_spec> jobs) {
    push_request request;
    request.jobs = std::move(jobs);
    return request;
}

CONTRACT(OfEqualUniqueJobsOnlyOneIsStoredUntilItEnds) {
    auto request = of({unique_job(conflict_policy::reject)});
    const auto first = co_await t.queue().push(request);
    EXPECT_TRUE(first);
    const auto second = co_await t.queue().push(request);
    EXPECT_EQ(code_of(second), errc::duplicate);
    auto otherwise = of({unique_job(conflict_policy::reject, "[ 2 ]")});
    const auto other = co_await t.queue().push(otherwise);
    EXPECT_TRUE(other);
    co_await t.reopen();
    const auto third = co_await t.queue().push(request);
    EXPECT_EQ(code_of(third), errc::duplicate) << "it is still there after a restart";
    const auto cancelled = co_await t.queue().cancel(first->jobs.front().spec->id);
    EXPECT_TRUE(cancelled);
    const auto fourth = co_await t.queue().push(request);
    EXPECT_TRUE(fourth);
}

CONTRACT(ManyWhoPushAnEqualUniqueJobAtOnceStoreOne) {
    using answer = result<push_answer>;
    std::vector<started_call<answer>> calls;
    for (int i = 0; i < 50; ++i) {
        auto request =
            of({unique_job(i % 2 == 0 ? conflict_policy::reject : conflict_policy::ignore)});
        calls.push_back(t.start(t.queue().push(std::move(request))));
    }
    int stored = 0;
    std::optional<uuid> id;
    for (auto& call : calls) {
        const auto told = co_await call.answer();
        if (!told) {
            EXPECT_EQ(code_of(told), errc::duplicate);
            continue;
        }
        if (told->deduplicated.empty()) ++stored;
        if (!id) id = told->jobs.front().spec->id;
        EXPECT_EQ(told->jobs.front().spec->id, *id);
    }
    EXPECT_EQ(stored, 1);
    const job_query all;
    const auto jobs = co_await t.queue().list(all);
    EXPECT_TRUE(jobs && jobs->jobs.size() == 1);
}

CONTRACT(AUniqueJobThatReplacesCancelsTheOther) {
    auto request = of({unique_job(conflict_policy::replace)});
    const auto first = co_await t.queue().push(request);
    const auto second = co_await t.queue().push(request);
    EXPECT_TRUE(first && second && second->deduplicated.empty());
    const auto old = co_await t.info(first->jobs.front().spec->id);
    EXPECT_EQ(old.state, job_state::cancelled);
    co_await t.reopen();
    const auto fresh = co_await t.info(second->jobs.front().spec->id);
    EXPECT_EQ(fresh.state, job_state::available);
}

CONTRACT(AnIdempotencyKeyAnswersADeduplicatedPushAgain) {
    const auto spec = unique_job(conflict_policy::ignore);
    const auto first = co_await t.push(spec);
    auto request = of({unique_job(conflict_policy::ignore)});
    request.key = idempotency_key{"k", {}};
    for (int i = 0; i < 2; ++i) {
        const auto again = co_await t.queue().push(request);
        EXPECT_TRUE(again && again->replayed == (i == 1));
        EXPECT_EQ(again->jobs.front().spec->id, first.spec->id);
    }
}

CONTRACT(ARepeatedKeyShowsNoJobOfAQueueThatTheCallerMayNotTouch) {
    auto spec = unique_job(conflict_policy::ignore);
    spec.queue = "theirs";
    const auto theirs = co_await t.push(spec);
    auto request = of({unique_job(conflict_policy::ignore)});
    request.key = idempotency_key{"k", {}};
    const auto first = co_await t.queue().push(request);
    EXPECT_TRUE(first && first->jobs.front().spec->id == theirs.spec->id);
    request.may_touch = [](std::string_view queue) { return queue == "q"; };
    const auto refused = co_await t.queue().push(request);
    EXPECT_EQ(code_of(refused), errc::forbidden);
}

CONTRACT(AUniqueRuleThatNamesWhatIsNotThereStoresNothing) {
    auto spec = unique_job(conflict_policy::reject);
    auto rule = *spec.unique;
    rule.text = R"({"keys":["args"],"args_keys":["user"]})";
    spec.unique = std::make_shared<const unique_rule>(std::move(rule));
    auto request = of({contract_job("q"), spec});
    const auto refused = co_await t.queue().push(request);
    EXPECT_EQ(code_of(refused), errc::invalid_request);
    const job_query all;
    const auto jobs = co_await t.queue().list(all);
    EXPECT_TRUE(jobs && jobs->jobs.empty());
}

}  // namespace
}  // namespace sluice::test
