#include "proto/limit_rule.hpp"
#include "tests/contract/backend_contract.hpp"

namespace sluice::test {
namespace {

job_spec limited(std::string key, std::optional<std::int64_t> concurrency,
                 std::optional<rate_rule> rate = {}) {
    auto spec = contract_job("q");
    limit_rule rule;
    rule.text = "{}";
    rule.key = std::move(key);
    rule.concurrency = concurrency;
    rule.rate = rate;
    spec.limit = std::make_shared<const limit_rule>(std::move(rule));
    return spec;
}

queue_config_change to(queue_config config) {
    return [config](const queue_config&) { return config; };
}

fetch_request some(std::size_t count, std::string worker, std::chrono::milliseconds wait = 0ms) {
    fetch_request request;
    request.worker_id = std::move(worker);
    request.queues = {"q"};
    request.count = count;
    request.wait = wait;
    return request;
}

CONTRACT(NoMoreJobsOfAKeyRunThanItsLimitAllows) {
    for (int i = 0; i < 3; ++i) co_await t.push(limited("k", 2));
    const auto held = co_await t.queue().fetch(some(9, "w"), std::stop_token{});
    EXPECT_TRUE(held && held->size() == 2);
    if (!held || held->empty()) co_return;
    co_await t.reopen();
    const auto none = co_await t.queue().fetch(some(9, "w2"), std::stop_token{});
    EXPECT_TRUE(none && none->empty()) << "they still run after a restart";
    const auto info = co_await t.queue().rate_limit("k");
    EXPECT_TRUE(info && info->running == 2 && info->waiting == 1);
    co_await t.ack(held->front());
    const auto last = co_await t.queue().fetch(some(9, "w2"), std::stop_token{});
    EXPECT_TRUE(last && last->size() == 1);
}

job_spec in_group(std::string key, std::int64_t total) {
    auto spec = limited(std::move(key), 9);
    auto rule = *spec.limit;
    rule.group = "g";
    rule.group_concurrency = total;
    spec.limit = std::make_shared<const limit_rule>(std::move(rule));
    return spec;
}

CONTRACT(NoMoreJobsOfAGroupRunThanItAllowsWhateverTheirKeys) {
    for (const auto* key : {"a", "b", "c"}) co_await t.push(in_group(key, 2));
    std::vector<job_record> held;
    held.push_back(co_await t.fetch_one("q"));
    held.push_back(co_await t.fetch_one("q"));
    co_await t.reopen();
    const auto none = co_await t.queue().fetch(some(9, "w2"), std::stop_token{});
    EXPECT_TRUE(none && none->empty()) << "they still run after a restart";
    const auto info = co_await t.queue().rate_limit("g");
    EXPECT_TRUE(info && info->running == 2);
    auto waiting = t.start(t.queue().fetch(some(1, "w3", 30s), std::stop_token{}));
    co_await t.ack(held.front());
    const auto given = co_await waiting.answer();
    EXPECT_TRUE(given && given->size() == 1);
}

CONTRACT(AWaitingWorkerIsServedWhenALimitHasRoom) {
    co_await t.push(limited("k", 1));
    co_await t.push(limited("k", 1));
    const auto first = co_await t.fetch_one("q");
    auto waiting = t.start(t.queue().fetch(some(1, "w2", 30s), std::stop_token{}));
    co_await t.ack(first);
    const auto given = co_await waiting.answer();
    EXPECT_TRUE(given && given->size() == 1);
}

CONTRACT(AWaitingWorkerIsServedWhenARateAllowsIt) {
    const rate_rule rate{.limit = 10, .period = 1s, .burst = 1};
    co_await t.push(limited("k", {}, rate));
    co_await t.push(limited("k", {}, rate));
    co_await t.fetch_one("q");
    const auto given = co_await t.queue().fetch(some(1, "w2", 30s), std::stop_token{});
    EXPECT_TRUE(given && given->size() == 1);
}

CONTRACT(AJobThatIsDroppedByAFetchWithoutAnyOtherIsDiscardedForGood) {
    co_await t.push(limited("k", 1));
    auto spec = limited("k", 1);
    auto rule = *spec.limit;
    rule.on_limit = limit_action::drop;
    spec.limit = std::make_shared<const limit_rule>(std::move(rule));
    const auto dropped = co_await t.push(spec);
    const auto id = dropped.spec->id;
    co_await t.fetch_one("q");
    const auto none = co_await t.queue().fetch(some(1, "w2"), std::stop_token{});
    EXPECT_TRUE(none && none->empty());
    const auto ended = co_await t.queue().wait(id, 30s, std::stop_token{});
    EXPECT_TRUE(ended && ended->state == job_state::discarded);
    co_await t.reopen();
    const auto kept = co_await t.queue().info(id);
    EXPECT_TRUE(kept && kept->state == job_state::discarded);
}

CONTRACT(ManyWorkersAtOnceDoNotExceedALimit) {
    for (int i = 0; i < 20; ++i) co_await t.push(limited("k", 3));
    using answer = result<std::vector<job_record>>;
    std::vector<started_call<answer>> calls;
    for (int i = 0; i < 20; ++i)
        calls.push_back(
            t.start(t.queue().fetch(some(2, "w" + std::to_string(i)), std::stop_token{})));
    std::size_t given = 0;
    for (auto& call : calls) {
        const auto told = co_await call.answer();
        if (told) given += told->size();
    }
    EXPECT_EQ(given, 3U);
}

CONTRACT(AKeyOfLimitsIsKnownFromItsFirstJobOn) {
    const auto unknown = co_await t.queue().rate_limit("k");
    EXPECT_EQ(code_of(unknown), errc::not_found);
    co_await t.push(limited("k", 5));
    co_await t.push(limited("a", 1));
    const auto known = co_await t.queue().rate_limit("k");
    EXPECT_TRUE(known && known->rule && known->rule->concurrency == 5);
    const auto page = co_await t.queue().rate_limits({});
    EXPECT_TRUE(page && page->total == 2 && page->limits.size() == 2 &&
                page->limits.front().key == "a");
}

CONTRACT(WhoWaitsForEventsHearsOfARefusedPush) {
    queue_config config;
    config.bound.max_depth = 1;
    const auto set = co_await t.queue().configure_queue("q", to(config));
    EXPECT_TRUE(set && set->config == config);
    co_await t.push(contract_job("q"));
    event_query query;
    query.after = 0;
    query.wait = 30s;
    query.types = {"backpressure.rejected"};
    auto waiting = t.start(t.queue().events(query, std::stop_token{}));
    push_request more;
    more.jobs = {contract_job("q")};
    const auto refused = co_await t.queue().push(more);
    EXPECT_EQ(code_of(refused), errc::queue_full);
    const auto heard = co_await waiting.answer();
    EXPECT_TRUE(heard && heard->events.size() == 1);
    if (heard && !heard->events.empty()) {
        EXPECT_EQ(heard->events.front().pressure->bound, 1U);
    }
    co_await t.reopen();
    const auto still = co_await t.queue().push(more);
    EXPECT_EQ(code_of(still), errc::queue_full);
}

CONTRACT(TwoWhoChangeTheSettingsOfAQueueAtOnceLoseNothing) {
    queue_config_change first = [](queue_config held) {
        held.bound.max_depth = 3;
        return held;
    };
    queue_config_change second = [](queue_config held) {
        held.concurrency = 4;
        return held;
    };
    auto setting = t.start(t.queue().configure_queue("q", std::move(first)));
    const auto both = co_await t.queue().configure_queue("q", std::move(second));
    EXPECT_TRUE(co_await setting.answer());
    EXPECT_TRUE(both && both->config.bound.max_depth == 3 && both->config.concurrency == 4);
    queue_config_change wrong = [](const queue_config&) -> result<queue_config> {
        return error(errc::invalid_request);
    };
    const auto refused = co_await t.queue().configure_queue("q", std::move(wrong));
    EXPECT_EQ(code_of(refused), errc::invalid_request);
    co_await t.reopen();
    const auto queues = co_await t.queue().queues();
    EXPECT_TRUE(queues && queues->size() == 1 && queues->front().config == both->config);
}

CONTRACT(ARepeatWaitsForNoRoom) {
    queue_config config;
    config.bound = {.max_depth = 1, .strategy = full_strategy::block};
    const auto set = co_await t.queue().configure_queue("q", to(config));
    EXPECT_TRUE(set);
    push_request one;
    one.jobs = {contract_job("q")};
    one.key = idempotency_key{"k", {}};
    one.block = 30s;
    const auto stored = co_await t.queue().push(one);
    EXPECT_TRUE(stored);
    push_request other;
    other.jobs = {contract_job("q")};
    other.block = 30s;
    auto waiting = t.start(t.queue().push(other));
    const auto again = co_await t.queue().push(one);
    EXPECT_TRUE(again && again->replayed);
    const auto held = co_await t.fetch_one("q");
    co_await t.ack(held);
    const auto last = co_await waiting.answer();
    EXPECT_TRUE(last);
}

CONTRACT(AnOverrideOfALimitHoldsUntilItIsTakenBack) {
    const limit_override none_at_all{.concurrency = 0, .rate = {}, .expires_at = {}};
    const auto set = co_await t.queue().override_limit("k", none_at_all);
    EXPECT_TRUE(set && set->given == none_at_all);
    co_await t.push(limited("k", 5));
    co_await t.reopen();
    const auto none = co_await t.queue().fetch(some(1, "w"), std::stop_token{});
    EXPECT_TRUE(none && none->empty());
    auto waiting = t.start(t.queue().fetch(some(1, "w2", 30s), std::stop_token{}));
    const std::optional<limit_override> nothing;
    const auto gone = co_await t.queue().override_limit("k", nothing);
    EXPECT_TRUE(gone && !gone->given);
    const auto given = co_await waiting.answer();
    EXPECT_TRUE(given && given->size() == 1);
}

CONTRACT(NoMoreJobsOfAQueueRunThanItAllows) {
    queue_config config;
    config.concurrency = 2;
    const auto set = co_await t.queue().configure_queue("q", to(config));
    EXPECT_TRUE(set && set->config == config);
    for (int i = 0; i < 4; ++i) co_await t.push(contract_job("q"));
    co_await t.reopen();
    std::vector<job_record> held;
    for (int i = 0; i < 4; ++i) {
        const auto more = co_await t.queue().fetch(some(9, "w"), std::stop_token{});
        if (more) held.insert(held.end(), more->begin(), more->end());
    }
    EXPECT_EQ(held.size(), 2U);
    if (held.empty()) co_return;
    auto waiting = t.start(t.queue().fetch(some(1, "w2", 30s), std::stop_token{}));
    co_await t.yield();
    co_await t.ack(held.front());
    const auto given = co_await waiting.answer();
    EXPECT_TRUE(given && given->size() == 1);
}

CONTRACT(AJobThatWouldRatherNotWaitIsRefused) {
    auto spec = limited("k", 1);
    auto rule = *spec.limit;
    rule.on_limit = limit_action::reject;
    spec.limit = std::make_shared<const limit_rule>(std::move(rule));
    push_request first, second;
    first.jobs = {spec};
    second.jobs = {spec};
    const auto taken = co_await t.queue().push(std::move(first));
    EXPECT_TRUE(taken);
    co_await t.reopen();
    const auto refused = co_await t.queue().push(std::move(second));
    EXPECT_EQ(code_of(refused), errc::rate_limited);
}

}  // namespace
}  // namespace sluice::test
