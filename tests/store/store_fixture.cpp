#include "tests/store/store_fixture.hpp"

#include <utility>

namespace sluice::test {

using namespace std::chrono_literals;

restored restore(job_store& store) {
    restored all;
    restore_sink sink;
    sink.waiting = [&](const waiting_job& job) {
        all.waiting.push_back(job);
        all.queues.emplace_back(job.queue);
        all.types.emplace_back(job.type);
        all.limit_keys.emplace_back(job.limit_key);
        all.fairness.push_back({std::string(job.fairness_key), job.fairness_weight, job.cost});
    };
    sink.active = [&](job_record job) { all.active.push_back(std::move(job)); };
    sink.workflow = [&](workflow_record record) { all.workflows.push_back(std::move(record)); };
    sink.setting = [&](setting_record record) { all.settings.push_back(std::move(record)); };
    sink.cron = [&](cron_record record) { all.crons.push_back(std::move(record)); };
    sink.queue = [&](std::string_view name, bool paused) { all.paused.emplace(name, paused); };
    all.summary = store.restore_blocking(sink);
    return all;
}

job_record with_fairness(job_record job, fairness_rule rule) {
    auto spec = std::make_shared<job_spec>(*job.spec);
    spec->fairness = std::make_shared<const fairness_rule>(std::move(rule));
    job.spec = std::move(spec);
    return job;
}

job_record full_record() {
    auto job =
        make_job(7, "[18446744073709551616,1e400,0.1000000000000000055,\"\\u00e9\xc3\xa9\"]");
    auto spec = std::make_shared<job_spec>(*job.spec);
    spec->queue = "mail";
    spec->priority = -7;
    spec->meta = "{\"a\": 1}";
    spec->tags = "[\"x\"]";
    spec->schema = "urn:mail:1";
    spec->extra = "\"x_a\":1e400";
    spec->retry.max_attempts = 9;
    spec->retry.on_exhaustion = exhaustion::dead_letter;
    spec->retry.non_retryable_errors = {"auth.*"};
    spec->timeout = 1500ms;
    spec->visibility_timeout = 30s;
    spec->expires_at = noon + 1h;
    spec->pending = true;
    spec->fairness = std::make_shared<const fairness_rule>(fairness_rule{"tenant-7", 2, 10});
    job.spec = spec;
    job.ticket = 12;
    job.state = job_state::retryable;
    job.attempt = 3;
    job.interruptions = 2;
    job.received_at = noon;
    job.durable_at = noon + 1us;
    job.available_at = noon + 2us;
    job.started_at = noon + 3us;
    job.finished_at = noon + 4us;
    job.acked_at = noon + 5us;
    job.due_at = noon + 6us;
    job.lease = {4, 0xfedcba9876543210, 0xdeadbeef};
    job.outcome = lease_outcome::nacked;
    job.worker_id = "worker \"1\"";
    job.lease_expires_at = noon + 7us;
    job.lease_length = 60s;
    job.run_left = 1499ms;
    job.retry_delay = 1700ms;
    job.parent_results = "[1, null]";
    job.result = "{\"sum\":  5}";
    job.failed_last = true;
    job.failures = {{"net.timeout", "E1", "it took too long", "{\"ms\":5}", 2, noon}};
    job.attempts = {{3, "worker \"1\"", noon, noon + 4us, lease_outcome::nacked}};
    return job;
}

void expect_same(const job_record& a, const job_record& b) {
    EXPECT_EQ(a.seq, b.seq);
    EXPECT_EQ(a.ticket, b.ticket);
    EXPECT_EQ(a.state, b.state);
    EXPECT_EQ(a.attempt, b.attempt);
    EXPECT_EQ(a.interruptions, b.interruptions);
    EXPECT_EQ(a.received_at, b.received_at);
    EXPECT_EQ(a.durable_at, b.durable_at);
    EXPECT_EQ(a.available_at, b.available_at);
    EXPECT_EQ(a.started_at, b.started_at);
    EXPECT_EQ(a.finished_at, b.finished_at);
    EXPECT_EQ(a.acked_at, b.acked_at);
    EXPECT_EQ(a.due_at, b.due_at);
    EXPECT_EQ(a.lease, b.lease);
    EXPECT_EQ(a.outcome, b.outcome);
    EXPECT_EQ(a.worker_id, b.worker_id);
    EXPECT_EQ(a.lease_expires_at, b.lease_expires_at);
    EXPECT_EQ(a.lease_length, b.lease_length);
    EXPECT_EQ(a.run_left, b.run_left);
    EXPECT_EQ(a.retry_delay, b.retry_delay);
    EXPECT_EQ(a.result, b.result);
    EXPECT_EQ(a.parent_results, b.parent_results);
    EXPECT_EQ(a.failed_last, b.failed_last);
    ASSERT_EQ(a.failures.size(), b.failures.size());
    for (std::size_t i = 0; i < a.failures.size(); ++i) {
        EXPECT_EQ(a.failures[i].type, b.failures[i].type);
        EXPECT_EQ(a.failures[i].details, b.failures[i].details);
        EXPECT_EQ(a.failures[i].occurred_at, b.failures[i].occurred_at);
    }
    ASSERT_EQ(a.attempts.size(), b.attempts.size());
    for (std::size_t i = 0; i < a.attempts.size(); ++i) {
        EXPECT_EQ(a.attempts[i].worker_id, b.attempts[i].worker_id);
        EXPECT_EQ(a.attempts[i].outcome, b.attempts[i].outcome);
    }
    EXPECT_EQ(a.spec->id, b.spec->id);
    EXPECT_EQ(a.spec->client_id, b.spec->client_id);
    EXPECT_EQ(a.spec->type, b.spec->type);
    EXPECT_EQ(a.spec->queue, b.spec->queue);
    EXPECT_EQ(a.spec->priority, b.spec->priority);
    EXPECT_EQ(a.spec->args, b.spec->args);
    EXPECT_EQ(a.spec->meta, b.spec->meta);
    EXPECT_EQ(a.spec->tags, b.spec->tags);
    EXPECT_EQ(a.spec->schema, b.spec->schema);
    EXPECT_EQ(a.spec->extra, b.spec->extra);
    EXPECT_EQ(a.spec->retry, b.spec->retry);
    EXPECT_EQ(a.spec->timeout, b.spec->timeout);
    EXPECT_EQ(a.spec->visibility_timeout, b.spec->visibility_timeout);
    EXPECT_EQ(a.spec->expires_at, b.spec->expires_at);
    EXPECT_EQ(a.spec->pending, b.spec->pending);
    ASSERT_EQ(!a.spec->fairness, !b.spec->fairness);
    if (a.spec->fairness) {
        EXPECT_EQ(*a.spec->fairness, *b.spec->fairness);
    }
}

}  // namespace sluice::test
