#include "proto/codec.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace sluice {
namespace {

using namespace std::chrono_literals;

const timestamp t0 = *parse_timestamp("2026-02-12T10:30:00Z");
constexpr std::string_view id = "019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f";

job_spec minimal_spec() {
    job_spec spec;
    spec.id = *parse_uuid(id);
    spec.type = "email.send";
    spec.args = "[1]";
    return spec;
}

job_record record_of(job_spec spec) {
    job_record record;
    record.spec = std::make_shared<const job_spec>(std::move(spec));
    record.received_at = t0;
    record.available_at = t0;
    return record;
}

std::string encode(const job_record& record) {
    std::string text;
    append_job(text, record);
    EXPECT_FALSE(check_json(text, 64)) << text;
    return text;
}

/// The text of one member; empty when there is none.
std::string member(const std::string& object, std::string_view name) {
    json_cursor cursor{json_root(object)};
    std::string key;
    json_value value;
    std::string found;
    while (cursor.next(key, value)) {
        if (key != name) continue;
        EXPECT_TRUE(found.empty()) << name << " is there twice";
        found = value.text;
    }
    return found;
}

job_failure failure(std::uint32_t attempt) {
    return {.type = "Smtp",
            .code = "handler_error",
            .message = "refused",
            .details = R"({"port": 587})",
            .attempt = attempt,
            .occurred_at = t0 + std::chrono::seconds{attempt}};
}

TEST(EncodeJob, WritesANewJobWithoutWhatIsNotKnown) {
    EXPECT_EQ(encode(record_of(minimal_spec())),
              R"({"specversion":"1.0","id":"019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f",)"
              R"("type":"email.send","queue":"default","state":"available","attempt":0,)"
              R"("max_attempts":3,"args":[1],"priority":0,)"
              R"("created_at":"2026-02-12T10:30:00.000000Z",)"
              R"("enqueued_at":"2026-02-12T10:30:00.000000Z",)"
              R"("timeline":{"received_at":"2026-02-12T10:30:00.000000Z",)"
              R"("available_at":"2026-02-12T10:30:00.000000Z"}})");
}

TEST(EncodeJob, WritesEveryWishAsItCame) {
    const auto spec = decode_job(
        R"({"id":"019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f","type":"a","args":[ 1e400 ],)"
        R"("meta":{ "k" : 18446744073709551616 },"x_a":{ "n" : 1 },"options":{"queue":"q",)"
        R"("priority":-5,"tags":["a" ,"b"],"schema":"urn:x","timeout_ms":60000,)"
        R"("visibility_timeout_ms":5000,"scheduled_at":"2099-01-01T00:00:00+02:00",)"
        R"("expires_at":"2099-12-31T23:59:59Z","x_plan":{"period":"PT1H"},)"
        R"("retry":{"max_attempts":5,"max_interval_ms":90500,"backoff_type":"linear",)"
        R"("non_retryable_errors":["A","B.*"],"on_exhaustion":"dead_letter","y":1}}})",
        t0);
    ASSERT_TRUE(spec) << spec.error().message;
    auto record = record_of(*spec);
    record.state = job_state::scheduled;
    record.available_at.reset();
    const auto text = encode(record);
    EXPECT_EQ(member(text, "args"), "[ 1e400 ]");
    EXPECT_EQ(member(text, "meta"), R"({ "k" : 18446744073709551616 })");
    EXPECT_EQ(member(text, "x_a"), R"({ "n" : 1 })");
    EXPECT_EQ(member(text, "queue"), R"("q")");
    EXPECT_EQ(member(text, "priority"), "-5");
    EXPECT_EQ(member(text, "tags"), R"(["a" ,"b"])");
    EXPECT_EQ(member(text, "schema"), R"("urn:x")");
    EXPECT_EQ(member(text, "timeout_ms"), "60000");
    EXPECT_EQ(member(text, "visibility_timeout_ms"), "5000");
    EXPECT_EQ(member(text, "scheduled_at"), R"("2099-01-01T00:00:00+02:00")");
    EXPECT_EQ(member(text, "expires_at"), R"("2099-12-31T23:59:59Z")");
    EXPECT_EQ(member(text, "options"), R"({"x_plan":{"period":"PT1H"}})");
    EXPECT_EQ(member(text, "max_attempts"), "5");
    EXPECT_EQ(member(text, "retry"),
              R"({"max_attempts":5,"initial_interval":"PT1S","backoff_coefficient":2,)"
              R"("max_interval":"PT1M30.5S","jitter":true,"backoff_strategy":"linear",)"
              R"("non_retryable_errors":["A","B.*"],"on_exhaustion":"dead_letter","y":1})");
    EXPECT_EQ(member(text, "enqueued_at"), "") << "it has not joined the line yet";
}

TEST(EncodeJob, WritesARelativeTimeAsAnAbsoluteOne) {
    const auto spec = decode_job(R"({"type":"a","args":[],"options":{"expires_at":"+PT2S"}})", t0);
    ASSERT_TRUE(spec);
    EXPECT_EQ(member(encode(record_of(*spec)), "expires_at"), R"("2026-02-12T10:30:02.000000Z")");
}

TEST(EncodeJob, WhatItWritesCanBeSentAgain) {
    const auto spec = decode_job(
        R"({"type":"a","args":[],"x":1,"options":{"queue":"q","y":2,"priority":3,"timeout_ms":5,)"
        R"("scheduled_at":"2099-01-01T00:00:00Z","retry":{"max_attempts":0,"jitter":false,"z":4}}})",
        t0);
    ASSERT_TRUE(spec);
    auto record = record_of(*spec);
    record.spec = std::make_shared<const job_spec>([&] {
        auto named = *spec;
        named.id = *parse_uuid(id);
        return named;
    }());
    record.state = job_state::discarded;
    record.attempt = 1;
    record.interruptions = 1;
    record.dead_letter = record.failed_last = true;
    record.started_at = record.finished_at = t0;
    record.retry_delay = 1s;
    record.failures = {failure(1)};
    record.attempts = {{.attempt = 1, .worker_id = "w", .started_at = t0, .finished_at = {}}};
    record.result = "1";
    std::string text;
    record.lease = {1, 2, 3};
    record.lease_expires_at = t0;
    append_leased_job(text, record);
    const auto again = decode_job(text, t0);
    ASSERT_TRUE(again) << again.error().message;
    auto expected = *record.spec;
    expected.client_id = true;
    EXPECT_EQ(encode_stored_spec(*again), encode_stored_spec(expected));
    EXPECT_EQ(again->queue, "q");
    EXPECT_EQ(again->priority, 3);
}

TEST(EncodeJob, ShowsTheLeaseToItsHolderOnly) {
    auto record = record_of(minimal_spec());
    record.state = job_state::active;
    record.lease = {7, 0x1a2b, 0x90cd12ef};
    record.lease_expires_at = t0 + 30s;
    EXPECT_EQ(member(encode(record), "lease"), "");
    EXPECT_EQ(member(encode(record), "lease_expires_at"), "");
    std::string leased;
    append_leased_job(leased, record);
    EXPECT_EQ(member(leased, "lease"), R"("7.1a2b.90cd12ef")");
    EXPECT_EQ(member(leased, "lease_expires_at"), R"("2026-02-12T10:30:30.000000Z")");
}

TEST(EncodeJob, SaysWhenACompletedJobEnded) {
    auto record = record_of(minimal_spec());
    record.state = job_state::completed;
    record.attempt = 2;
    record.started_at = t0 + 1s;
    record.finished_at = t0 + 2s;
    record.acked_at = t0 + 2s + 5us;
    record.durable_at = t0 + 7us;
    record.result = R"({"a": 0.1000000000000000055})";
    record.failures = {failure(1)};
    const auto text = encode(record);
    EXPECT_EQ(member(text, "completed_at"), R"("2026-02-12T10:30:02.000000Z")");
    EXPECT_EQ(member(text, "started_at"), R"("2026-02-12T10:30:01.000000Z")");
    EXPECT_EQ(member(text, "result"), R"({"a": 0.1000000000000000055})");
    EXPECT_EQ(member(text, "error"), "") << "the latest run succeeded";
    EXPECT_NE(member(text, "errors"), "") << "the history stays";
    EXPECT_EQ(member(text, "discarded_at"), "");
    const auto timeline = member(text, "timeline");
    EXPECT_EQ(member(timeline, "durable_at"), R"("2026-02-12T10:30:00.000007Z")");
    EXPECT_EQ(member(timeline, "finished_at"), R"("2026-02-12T10:30:02.000000Z")");
    EXPECT_EQ(member(timeline, "acked_at"), R"("2026-02-12T10:30:02.000005Z")");
}

TEST(EncodeJob, TellsADiscardedJobThatRanFromOneThatExpired) {
    auto record = record_of(minimal_spec());
    record.state = job_state::discarded;
    record.finished_at = t0 + 2s;
    EXPECT_EQ(member(encode(record), "completed_at"), "");
    EXPECT_EQ(member(encode(record), "discarded_at"), R"("2026-02-12T10:30:02.000000Z")");
    record.attempt = 1;
    EXPECT_EQ(member(encode(record), "completed_at"), R"("2026-02-12T10:30:02.000000Z")");
    record.attempt = 0;
    record.failures = {failure(1)};
    EXPECT_EQ(member(encode(record), "completed_at"), R"("2026-02-12T10:30:02.000000Z")");
}

TEST(EncodeJob, SaysWhenAJobWasCancelled) {
    auto record = record_of(minimal_spec());
    record.state = job_state::cancelled;
    record.started_at = t0 + 1s;
    record.finished_at = t0 + 2s;
    const auto text = encode(record);
    EXPECT_EQ(member(text, "cancelled_at"), R"("2026-02-12T10:30:02.000000Z")");
    EXPECT_EQ(member(text, "completed_at"), "");
    EXPECT_NE(member(text, "started_at"), "");
}

TEST(EncodeJob, SaysWhenAFailedJobIsTriedAgain) {
    auto record = record_of(minimal_spec());
    record.state = job_state::retryable;
    record.attempt = 1;
    record.failed_last = true;
    record.failures = {failure(1), failure(2)};
    record.due_at = t0 + 3s;
    record.retry_delay = 2s;
    record.interruptions = 2;
    auto text = encode(record);
    EXPECT_EQ(member(text, "next_attempt_at"), R"("2026-02-12T10:30:03.000000Z")");
    EXPECT_EQ(member(text, "retry_delay_ms"), "2000");
    EXPECT_EQ(member(text, "interruptions"), "2");
    EXPECT_EQ(
        member(text, "error"),
        R"({"type":"Smtp","code":"handler_error","message":"refused",)"
        R"("details":{"port": 587},"attempt":2,"occurred_at":"2026-02-12T10:30:02.000000Z"})");
    EXPECT_EQ(member(text, "completed_at"), "");
    // The delay that was used is still told with the next run.
    record.state = job_state::active;
    text = encode(record);
    EXPECT_EQ(member(text, "retry_delay_ms"), "2000");
    EXPECT_EQ(member(text, "next_attempt_at"), "");
}

TEST(EncodeJob, ListsTheRuns) {
    auto record = record_of(minimal_spec());
    record.attempts = {{.attempt = 1,
                        .worker_id = "w\"1",
                        .started_at = t0,
                        .finished_at = t0 + 1s,
                        .outcome = lease_outcome::lapsed},
                       {.attempt = 1, .worker_id = {}, .started_at = t0 + 2s, .finished_at = {}}};
    record.dead_letter = true;
    const auto text = encode(record);
    EXPECT_EQ(member(text, "attempts"),
              R"([{"attempt":1,"worker_id":"w\"1","started_at":"2026-02-12T10:30:00.000000Z",)"
              R"("finished_at":"2026-02-12T10:30:01.000000Z","outcome":"lapsed",)"
              R"("interruption":true},{"attempt":1,"started_at":"2026-02-12T10:30:02.000000Z",)"
              R"("outcome":"open"}])");
    EXPECT_EQ(member(text, "dead_letter"), "true");
}

TEST(EncodeJob, TellsHowFarTheProducersClockIsOffAtMost) {
    const auto text_of = [](std::optional<timestamp> produced_at) {
        auto spec = minimal_spec();
        spec.produced_at = produced_at;
        std::string text;
        append_job(text, record_of(spec));
        return text;
    };
    EXPECT_EQ(text_of({}).find("producer_offset_ms"), std::string::npos);
    EXPECT_NE(text_of(t0 - 1500us).find(R"("producer_offset_ms":1.5,)"), std::string::npos);
    EXPECT_NE(text_of(t0 + 250ms).find(R"("producer_offset_ms":-250)"), std::string::npos);
}

}  // namespace
}  // namespace sluice
