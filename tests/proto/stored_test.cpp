#include "proto/codec.hpp"
#include "proto/limit_rule.hpp"
#include "proto/unique.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <stdexcept>
#include <string>

namespace sluice {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class generator {
public:
    explicit generator(std::uint32_t seed) : random_(seed) {}

    bool coin() { return random_() % 2 == 0; }
    std::uint32_t number() { return static_cast<std::uint32_t>(random_()); }

    std::string text() {
        static constexpr std::string_view bits[] = {"a", "\"", "\\", "\n", "é", "𝄞", "/", "\x01"};
        std::string out;
        for (auto n = random_() % 6; n > 0; --n) out += bits[random_() % std::size(bits)];
        return out;
    }
    raw_json json() {
        static constexpr std::string_view values[] = {"1e400",
                                                      "18446744073709551616",
                                                      "0.1000000000000000055",
                                                      R"("\u00e9\/")",
                                                      "[ 1 , 2 ]",
                                                      R"({"a":{"b":[null,true]}})",
                                                      "null"};
        return raw_json{values[random_() % std::size(values)]};
    }
    raw_json object() { return R"({ "k" : )" + json() + " }"; }
    raw_json members() { return R"("x":)" + json() + R"(,"y\"":)" + json(); }
    timestamp time() { return timestamp{microseconds{std::int64_t{number()} * 1'000'003}}; }
    milliseconds duration() { return milliseconds{1 + number() % 604'800'000}; }

private:
    std::mt19937 random_;
};

retry_policy make_policy(generator& g) {
    retry_policy policy;
    if (g.coin()) policy.max_attempts = g.number() % 10'000;
    if (g.coin()) policy.initial_interval = g.duration();
    if (g.coin()) policy.backoff_coefficient = 1.0 + g.number() / 3e9;
    if (g.coin()) policy.max_interval = g.duration();
    policy.jitter = g.coin();
    policy.strategy = static_cast<backoff_strategy>(g.number() % 5);
    policy.on_exhaustion = static_cast<exhaustion>(g.number() % 2);
    while (g.coin()) policy.non_retryable_errors.push_back(g.text());
    return policy;
}

std::shared_ptr<const limit_rule> make_limit(generator& g) {
    limit_rule rule;
    rule.text = g.object();
    rule.key = "k:" + std::to_string(g.number());
    if (g.coin()) rule.concurrency = g.number() % 3;
    if (g.coin())
        rule.rate =
            rate_rule{.limit = 1 + g.number(), .period = g.duration(), .burst = 1 + g.number()};
    rule.on_limit = static_cast<limit_action>(g.number() % 4);
    return std::make_shared<const limit_rule>(std::move(rule));
}

job_spec make_spec(generator& g) {
    job_spec spec;
    spec.client_id = g.coin();
    if (g.coin()) spec.meta = g.object();
    if (g.coin()) spec.tags = R"([ "a" ])";
    if (g.coin()) spec.schema = g.text();
    if (g.coin()) spec.extra = g.members();
    if (g.coin()) spec.extra_options = g.members();
    if (g.coin()) spec.extra_retry = g.members();
    if (g.coin()) spec.retry = make_policy(g);
    if (g.coin()) spec.timeout = g.duration();
    if (g.coin()) spec.visibility_timeout = g.duration();
    if (g.coin()) spec.scheduled_at = g.time();
    if (g.coin()) spec.scheduled_at_text = g.text();
    if (g.coin()) spec.expires_at = g.time();
    if (g.coin()) spec.expires_at_text = g.text();
    if (g.coin()) spec.produced_at = g.time();
    spec.pending = g.coin();
    if (g.coin()) spec.workflow = make_uuid(timestamp{}, 5, 6);
    if (g.coin()) {
        unique_rule rule;
        rule.text = g.object();
        rule.states = state_set{static_cast<std::uint8_t>(g.coin() ? 0xff : 0x24)};
        if (g.coin()) rule.period = g.duration();
        if (g.coin()) rule.on_conflict = conflict_policy::replace_except_schedule;
        spec.unique = std::make_shared<const unique_rule>(std::move(rule));
    }
    if (g.coin()) spec.limit = make_limit(g);
    return spec;
}

void expect_same(const job_spec& a, const job_spec& b) {
    EXPECT_EQ(a.client_id, b.client_id);
    EXPECT_EQ(a.meta, b.meta);
    EXPECT_EQ(a.tags, b.tags);
    EXPECT_EQ(a.schema, b.schema);
    EXPECT_EQ(a.extra, b.extra);
    EXPECT_EQ(a.extra_options, b.extra_options);
    EXPECT_EQ(a.extra_retry, b.extra_retry);
    EXPECT_EQ(a.retry, b.retry);
    EXPECT_EQ(a.timeout, b.timeout);
    EXPECT_EQ(a.visibility_timeout, b.visibility_timeout);
    EXPECT_EQ(a.scheduled_at, b.scheduled_at);
    EXPECT_EQ(a.scheduled_at_text, b.scheduled_at_text);
    EXPECT_EQ(a.expires_at, b.expires_at);
    EXPECT_EQ(a.expires_at_text, b.expires_at_text);
    EXPECT_EQ(a.produced_at, b.produced_at);
    EXPECT_EQ(a.pending, b.pending);
    EXPECT_EQ(a.workflow, b.workflow);
    EXPECT_EQ(a.limit != nullptr, b.limit != nullptr);
    if (a.limit && b.limit) {
        EXPECT_EQ(*a.limit, *b.limit);
    }
    ASSERT_EQ(a.unique != nullptr, b.unique != nullptr);
    if (!a.unique) return;
    EXPECT_EQ(a.unique->text, b.unique->text);
    EXPECT_EQ(a.unique->states, b.unique->states);
    EXPECT_EQ(a.unique->period, b.unique->period);
    EXPECT_EQ(a.unique->on_conflict, b.unique->on_conflict);
}

TEST(StoredSpec, OfADefaultJobIsEmpty) {
    EXPECT_EQ(encode_stored_spec(job_spec{}), "");
    job_spec spec;
    spec.type = "a";
    spec.queue = "q";
    spec.priority = 5;
    spec.args = "[1]";
    EXPECT_EQ(encode_stored_spec(spec), "") << "those have columns of their own";
    decode_stored_spec("", spec);
    EXPECT_EQ(spec.type, "a");
}

TEST(StoredSpec, ReadsBackWhatWasWritten) {
    for (std::uint32_t seed = 0; seed < 2000; ++seed) {
        generator g{seed};
        const auto spec = make_spec(g);
        const auto text = encode_stored_spec(spec);
        job_spec read;
        decode_stored_spec(text, read);
        expect_same(read, spec);
        ASSERT_EQ(encode_stored_spec(read), text);
        ASSERT_FALSE(HasFailure()) << "seed " << seed << ": " << text;
    }
}

TEST(StoredSpec, TakesPayloadsAsDeepAsTheWireDoes) {
    // An unknown member may use up all levels but that of the job; the store adds one.
    const auto deep = std::string(63, '[') + std::string(63, ']');
    const auto spec = decode_job(R"({"type":"a","args":[],"x":)" + deep + '}', timestamp{});
    ASSERT_TRUE(spec) << spec.error().message;
    job_spec read;
    decode_stored_spec(encode_stored_spec(*spec), read);
    EXPECT_EQ(read.extra, spec->extra);
}

TEST(StoredSpec, RefusesWhatItNeverWrote) {
    for (const std::string_view text :
         {"{", "[]", "1", R"({"unknown":1})", R"({"pending":1})", R"({"timeout":"1"})",
          R"({"timeout":1.5})", R"({"retry":[]})", R"({"retry":{"strategy":5}})",
          R"({"retry":{"strategy":-1}})", R"({"retry":{"exhaustion":2}})",
          R"({"retry":{"max":-1}})", R"({"retry":{"max":4294967296}})",
          R"({"retry":{"final":[1]}})", R"({"retry":{"nope":1}})", R"({"extra":[]})",
          R"({"schema":1})", "{} x"}) {
        job_spec spec;
        EXPECT_THROW(decode_stored_spec(text, spec), std::runtime_error) << text;
    }
}

TEST(StoredHistory, ReadsBackWhatWasWritten) {
    for (std::uint32_t seed = 0; seed < 2000; ++seed) {
        generator g{seed};
        job_record record;
        while (g.coin()) {
            auto& f = record.failures.emplace_back();
            f.type = g.text();
            f.code = g.text();
            f.message = g.text();
            if (g.coin()) f.details = g.json();
            f.attempt = g.number();
            f.occurred_at = g.time();
        }
        while (g.coin()) {
            auto& a = record.attempts.emplace_back();
            a.attempt = g.number();
            a.worker_id = g.text();
            a.started_at = g.time();
            if (g.coin()) a.finished_at = g.time();
            a.outcome = static_cast<lease_outcome>(g.number() % 7);
        }
        if (g.coin() && !record.attempts.empty()) {
            const auto& latest = record.attempts.back();
            record.attempt = latest.attempt;
            record.worker_id = latest.worker_id;
            record.started_at = latest.started_at;
            record.finished_at = latest.finished_at;
            record.outcome = latest.outcome;
        }
        if (g.coin())
            record.progress = std::make_shared<const job_progress>(
                job_progress{g.number() / 4294967296.0, g.text(),
                             g.coin() ? R"({"rows":[1, 2]})" : "", g.time()});
        const auto text = encode_stored_history(record);
        ASSERT_EQ(text.empty(),
                  record.failures.empty() && record.attempts.empty() && !record.progress);
        job_record read = record;  // what a store keeps beside it is there already
        read.failures.clear();
        read.attempts.clear();
        read.progress.reset();
        decode_stored_history(text, read);
        ASSERT_EQ(encode_stored_history(read), text) << seed;
        ASSERT_EQ(read.progress != nullptr, record.progress != nullptr);
        if (read.progress) {
            ASSERT_EQ(*read.progress, *record.progress);
        }
        ASSERT_EQ(read.failures.size(), record.failures.size());
        ASSERT_EQ(read.attempts.size(), record.attempts.size());
        for (std::size_t i = 0; i < read.failures.size(); ++i) {
            ASSERT_EQ(read.failures[i].type, record.failures[i].type);
            ASSERT_EQ(read.failures[i].code, record.failures[i].code);
            ASSERT_EQ(read.failures[i].message, record.failures[i].message);
            ASSERT_EQ(read.failures[i].details, record.failures[i].details);
            ASSERT_EQ(read.failures[i].attempt, record.failures[i].attempt);
            ASSERT_EQ(read.failures[i].occurred_at, record.failures[i].occurred_at);
        }
        for (std::size_t i = 0; i < read.attempts.size(); ++i) {
            ASSERT_EQ(read.attempts[i].attempt, record.attempts[i].attempt);
            ASSERT_EQ(read.attempts[i].worker_id, record.attempts[i].worker_id);
            ASSERT_EQ(read.attempts[i].started_at, record.attempts[i].started_at);
            ASSERT_EQ(read.attempts[i].finished_at, record.attempts[i].finished_at);
            ASSERT_EQ(read.attempts[i].outcome, record.attempts[i].outcome);
        }
    }
}

TEST(StoredHistory, LeavesOutOnlyALatestRunThatIsWhatTheRecordSays) {
    job_record record;
    record.attempt = 2;
    record.worker_id = "w";
    record.started_at = timestamp{microseconds{7}};
    record.outcome = lease_outcome::acked;
    record.attempts = {{2, "w", *record.started_at, {}, lease_outcome::acked}};
    EXPECT_EQ(encode_stored_history(record), R"({"latest":true})");
    const auto written = [&](auto change) {
        auto other = record;
        change(other);
        return encode_stored_history(other).find("latest") == std::string::npos;
    };
    EXPECT_TRUE(written([](job_record& r) { r.attempt = 1; }));
    EXPECT_TRUE(written([](job_record& r) { r.worker_id = "v"; }));
    EXPECT_TRUE(written([](job_record& r) { r.started_at.reset(); }));
    EXPECT_TRUE(written([](job_record& r) { r.finished_at = r.started_at; }));
    EXPECT_TRUE(written([](job_record& r) { r.outcome = lease_outcome::lapsed; }));
}

TEST(StoredHistory, RefusesWhatItNeverWrote) {
    for (const std::string_view text :
         {"{", "[]", R"({"x":[]})", R"({"failures":{}})", R"({"failures":[1]})",
          R"({"failures":[{"attempt":-1}]})", R"({"failures":[{"x":1}]})",
          R"({"attempts":[{"outcome":7}]})", R"({"progress":[]})",
          R"({"progress":{"fraction":"1"}})", R"({"progress":{"x":1}})",
          R"({"attempts":[{"started":"x"}]})", R"({"latest":false})", R"({"latest":1})"}) {
        job_record record;
        EXPECT_THROW(decode_stored_history(text, record), std::runtime_error) << text;
    }
}

}  // namespace
}  // namespace sluice
