#include "proto/codec.hpp"
#include "proto/limits.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;

const timestamp now = *parse_timestamp("2026-02-12T10:30:00Z");

job_spec accepted(std::string_view body) {
    auto spec = decode_job(body, now);
    EXPECT_TRUE(spec) << body << ": " << spec.error().message;
    return spec ? std::move(*spec) : job_spec{};
}

error refused(std::string_view body) {
    const auto spec = decode_job(body, now);
    EXPECT_FALSE(spec) << body;
    return spec ? error{} : spec.error();
}

/// A minimal job with `members` behind.
std::string job(std::string_view members) {
    return R"({"type":"email.send","args":[1])" + std::string{members} + '}';
}

std::string with_options(std::string_view options) {
    return job(R"(,"options":{)" + std::string{options} + '}');
}

TEST(DecodeJob, FillsInTheDefaults) {
    const auto spec = accepted(R"({"type":"email.send","args":[]})");
    EXPECT_EQ(spec.type, "email.send");
    EXPECT_EQ(spec.args, "[]");
    EXPECT_EQ(spec.queue, "default");
    EXPECT_EQ(spec.priority, 0);
    EXPECT_FALSE(spec.client_id);
    EXPECT_FALSE(spec.pending);
    EXPECT_FALSE(spec.timeout);
    EXPECT_FALSE(spec.visibility_timeout);
    EXPECT_FALSE(spec.scheduled_at);
    EXPECT_FALSE(spec.expires_at);
    EXPECT_TRUE(spec.meta.empty() && spec.tags.empty() && spec.extra.empty());
    EXPECT_EQ(spec.retry, retry_policy{});
}

TEST(DecodeJob, ReadsEveryOption) {
    constexpr std::string_view options =
        R"("queue":"reports","priority":10,"timeout_ms":300000,"visibility_timeout_ms":5000,)"
        R"("delay_until":"2020-01-01T00:00:00Z","expires_at":"2099-12-31T23:59:59Z",)"
        R"("produced_at":"2026-02-12T10:29:59.999999Z","pending":true,"tags":[ "a", "b" ],)"
        R"("schema":"urn:ojs:schema:email.send:v1","retry":{"max_attempts":5})";
    for (const auto& body : {with_options(options), job("," + std::string{options})}) {
        const auto spec = accepted(body);
        EXPECT_EQ(spec.queue, "reports");
        EXPECT_EQ(spec.priority, 10);
        EXPECT_EQ(spec.timeout, 300s);
        EXPECT_EQ(spec.visibility_timeout, 5s);
        EXPECT_EQ(spec.scheduled_at, parse_timestamp("2020-01-01T00:00:00Z"));
        EXPECT_EQ(spec.scheduled_at_text, "2020-01-01T00:00:00Z");
        EXPECT_EQ(spec.expires_at_text, "2099-12-31T23:59:59Z");
        EXPECT_EQ(spec.produced_at, now - 1us);
        EXPECT_TRUE(spec.pending);
        EXPECT_EQ(spec.tags, R"([ "a", "b" ])");
        EXPECT_EQ(spec.schema, "urn:ojs:schema:email.send:v1");
        EXPECT_EQ(spec.retry.max_attempts, 5U);
        EXPECT_TRUE(spec.extra.empty());
        EXPECT_TRUE(spec.extra_options.empty());
    }
}

TEST(DecodeJob, KeepsPayloadsByteForByte) {
    for (const std::string_view args :
         {"[18446744073709551616]", "[1e400,-1E+400]", "[0.1000000000000000055]",
          R"(["\u00e9\/\ud800","é"])", "[ 1 ,\n\t2 ]", R"([{"b":1,"a":2,"b":3}])", "[-0,1.0,1E2]",
          R"(["</script><script>alert(1)</script>","\u2028"])"}) {
        const auto body = R"( { "type" : "a" , "args" : )" + std::string{args} +
                          R"( , "meta" : {"m": )" + std::string{args} + "} } ";
        const auto spec = accepted(body);
        EXPECT_EQ(spec.args, args);
        EXPECT_EQ(spec.meta, R"({"m": )" + std::string{args} + '}');
    }
}

TEST(DecodeJob, TakesTimeoutsInSecondsUnderTheirOtherName) {
    const auto spec = accepted(job(R"(,"timeout":30,"visibility_timeout":60)"));
    EXPECT_EQ(spec.timeout, 30s);
    EXPECT_EQ(spec.visibility_timeout, 60s);
    EXPECT_FALSE(accepted(job(R"(,"timeout":0)")).timeout) << "0 stands for the default";
}

TEST(DecodeJob, CountsRelativeTimesFromNow) {
    const auto spec = accepted(with_options(R"("scheduled_at":"+PT2S","expires_at":"+PT5S")"));
    EXPECT_EQ(spec.scheduled_at, now + 2s);
    EXPECT_EQ(spec.expires_at, now + 5s);
    EXPECT_TRUE(spec.scheduled_at_text.empty() && spec.expires_at_text.empty());
}

TEST(DecodeJob, TakesNamesOfPriorities) {
    constexpr std::array<std::pair<std::string_view, int>, 8> table{{{"\"HIGH\"", 10},
                                                                     {"\"high\"", 10},
                                                                     {"\"Normal\"", 0},
                                                                     {"\"low\"", -10},
                                                                     {"\"LOW\"", -10},
                                                                     {"-100", -100},
                                                                     {"100", 100},
                                                                     {"0", 0}}};
    for (const auto& [text, priority] : table)
        EXPECT_EQ(accepted(with_options("\"priority\":" + std::string{text})).priority, priority);
}

TEST(DecodeJob, TakesNullForAbsent) {
    const auto spec = accepted(
        job(R"(,"id":null,"meta":null,"options":{"delay_until":null,"retry":null,"queue":null})"));
    EXPECT_FALSE(spec.client_id);
    EXPECT_EQ(spec.queue, "default");
    EXPECT_TRUE(spec.meta.empty());
}

TEST(DecodeJob, TakesTypesOfSegments) {
    for (const std::string_view type : {"a", "email.send", "retry.test.exponential-backoff",
                                        "a1_b-c.d2", "cleanup.old_data", "a-", "a_"})
        EXPECT_EQ(accepted(R"({"args":[],"type":")" + std::string{type} + "\"}").type, type);
    EXPECT_EQ(accepted(R"({"args":[],"type":")" + std::string(255, 'a') + "\"}").type.size(), 255U);
    for (const std::string_view type :
         {"", "Email.Send", "email send", "1email.send", "email@send!", ".a", "a.", "a..b", "a.1b",
          "a.-b", "_a", "-a", "a/b", "../x", "a\\nb", "\\u0430", "é", "a\\u0000", "a\\ud800"})
        EXPECT_EQ(refused(R"({"args":[],"type":")" + std::string{type} + "\"}").code,
                  errc::invalid_request);
    refused(R"({"args":[],"type":")" + std::string(256, 'a') + "\"}");
}

TEST(DecodeJob, TakesPlainNamesOfQueues) {
    for (const std::string_view queue : {"default", "0", "a-b.c", "retry-test", "9.9"})
        EXPECT_EQ(accepted(with_options(R"("queue":")" + std::string{queue} + '"')).queue, queue);
    EXPECT_EQ(accepted(with_options(R"("queue":")" + std::string(128, 'a') + '"')).queue.size(),
              128U);
    for (const std::string_view queue :
         {"", "Default", "my_queue!", "my_queue", "-invalid", ".a", "my queue", "../x", "a b",
          "<svg onload=alert(1)>", "a\\nb", "\\u0430bc", "é"})
        EXPECT_EQ(refused(with_options(R"("queue":")" + std::string{queue} + '"')).code,
                  errc::invalid_request);
    refused(with_options(R"("queue":")" + std::string(129, 'a') + '"'));
}

TEST(DecodeJob, TakesIdsOfVersionSeven) {
    const auto spec = accepted(job(R"(,"id":"019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f")"));
    EXPECT_TRUE(spec.client_id);
    EXPECT_EQ(to_string(spec.id), "019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f");
    for (const std::string_view id :
         {R"("550e8400-e29b-41d4-a716-446655440000")", R"("not-a-uuid-at-all")",
          R"("019461A8-1A2B-7C3D-8E4F-5A6B7C8D9E0F")", R"("")", "7", "{}"})
        EXPECT_EQ(refused(job(",\"id\":" + std::string{id})).code, errc::invalid_request) << id;
}

TEST(DecodeJob, KeepsUnknownMembersAsTheyCame) {
    const auto spec =
        accepted(R"({"x_a" : "v","type":"a","x_b":{ "n" : 1e400 },"args":[],"x\"c":[1, 2],)"
                 R"("options":{"x_plan":{"keys":["type"]},"metadata":{"x_directive":"quiet"},)"
                 R"("queue":"q"}})");
    EXPECT_EQ(spec.extra, R"("x_a":"v","x_b":{ "n" : 1e400 },"x\"c":[1, 2])");
    EXPECT_EQ(spec.extra_options,
              R"("x_plan":{"keys":["type"]},"metadata":{"x_directive":"quiet"})");
}

TEST(DecodeJob, BoundsTheNumberOfUnknownMembers) {
    std::string members;
    for (std::size_t i = 0; i < limits::extra_members_max; ++i)
        members += ",\"x" + std::to_string(i) + "\":0";
    accepted(job(members));
    EXPECT_EQ(refused(job(members + ",\"y\":0")).code, errc::invalid_request);
}

TEST(DecodeJob, IgnoresWhatOnlyTheServerSets) {
    const auto spec = accepted(job(
        R"(,"state":"completed","attempt":-1,"created_at":"x","lease":"1.1.00000001","error":{})"
        R"(,"errors":[],"result":1,"timeline":0,"attempts":9,"dead_letter":true)"));
    EXPECT_TRUE(spec.extra.empty());
    EXPECT_EQ(spec.retry.max_attempts, 3U);
}

TEST(DecodeJob, KnowsMembersUnderAnyEscape) {
    EXPECT_EQ(accepted(R"({"t\u0079pe":"a","args":[]})").type, "a");
    EXPECT_EQ(refused(R"({"type":"a","args":[],"t\u0079pe":"b"})").details,
              R"("field":"type","reason":"duplicate")");
}

TEST(DecodeJob, RefusesWhatIsGivenTwice) {
    for (const auto& body : {
             job(R"(,"type":"b")"),
             job(R"(,"args":[])"),
             job(R"(,"x_a":1,"x_a":1)"),
             job(R"(,"x_a":1,"x_\u0061":2)"),
             with_options(R"("queue":"a","queue":"a")"),
             with_options(R"("u":1,"u":2)"),
             with_options(R"("retry":{"jitter":true,"jitter":true})"),
             with_options(R"("retry":{"u":true,"u":true})"),
             job(R"(,"queue":"a","options":{"queue":"a"})"),
             job(R"(,"options":{"queue":"a"},"queue":"a")"),
             job(R"(,"options":{},"options":{})"),
             job(R"(,"delay_until":"+PT1S","scheduled_at":"+PT1S")"),
             job(R"(,"timeout":1,"timeout_ms":1000)"),
             with_options(R"("retry":{"initial_interval":"PT1S","initial_interval_ms":1000})"),
             with_options(R"("retry":{"backoff_type":"linear","backoff_strategy":"linear"})"),
         })
        EXPECT_NE(refused(body).details.find(R"("reason":"duplicate")"), std::string::npos) << body;
    // Payloads are the producer's own business.
    accepted(R"({"type":"a","args":[{"a":1,"a":2}],"meta":{"a":1,"a":2}})");
}

TEST(DecodeJob, NamesTheFieldThatIsWrong) {
    const auto args = refused(R"({"type":"a","args":{}})");
    EXPECT_EQ(args.code, errc::invalid_request);
    EXPECT_EQ(args.message, "'args' must be an array, not object.");
    EXPECT_EQ(args.details, R"("field":"args","expected":"array","received":"object")");
    EXPECT_EQ(refused(R"({"type":"a"})").details, R"("field":"args","reason":"missing")");
    EXPECT_EQ(refused(R"({"args":[]})").details, R"("field":"type","reason":"missing")");
    EXPECT_EQ(refused(R"({"type":"a","args":null})").details,
              R"("field":"args","expected":"array","received":"null")");
    EXPECT_EQ(refused(with_options(R"("priority":101)")).details, R"("field":"options.priority")");
    EXPECT_EQ(refused(job(R"(,"priority":101)")).details, R"("field":"priority")");
}

TEST(DecodeJob, RefusesWrongTypesAndValuesOutOfRange) {
    for (const std::string_view members : {
             R"("args":"a")",
             R"("args":42)",
             R"("args":true)",
         })
        EXPECT_EQ(refused(R"({"type":"a",)" + std::string{members} + '}').code,
                  errc::invalid_request);
    for (const std::string_view members : {
             R"("meta":[])",
             R"("meta":"x")",
             R"("options":[])",
             R"("options":"x")",
             R"("priority":1.5)",
             R"("priority":"1")",
             R"("priority":1e9)",
             R"("priority":1e400)",
             R"("priority":101)",
             R"("priority":-101)",
             R"("priority":999999)",
             R"("priority":true)",
             R"("priority":"highest")",
             R"("timeout_ms":-1)",
             R"("timeout_ms":1.5)",
             R"("timeout_ms":"1")",
             R"("timeout_ms":604800001)",
             R"("timeout":604801)",
             R"("timeout_ms":9223372036854775807)",
             R"("timeout":1e18)",
             R"("visibility_timeout_ms":-1)",
             R"("visibility_timeout":99999999999999999999)",
             R"("scheduled_at":-1)",
             R"("scheduled_at":1e18)",
             R"("scheduled_at":"NaN")",
             R"("scheduled_at":"2026-02-12T10:30:00")",
             R"("delay_until":"")",
             R"("delay_until":"PT2S")",
             R"("expires_at":"tomorrow")",
             R"("expires_at":"+P1Y")",
             R"("produced_at":"+PT2S")",
             R"("produced_at":0)",
             R"("pending":1)",
             R"("pending":"true")",
             R"("tags":"a")",
             R"("tags":{})",
             R"("tags":[1])",
             R"("tags":["a",null])",
             R"("schema":1)",
             R"("queue":1)",
             R"("specversion":1)",
         })
        EXPECT_EQ(refused(job("," + std::string{members})).code, errc::invalid_request) << members;
}

TEST(DecodeJob, SpeaksVersionOne) {
    for (const std::string_view version : {"1", "1.0", "1.0.0-rc.1", "1.7"})
        accepted(job(R"(,"specversion":")" + std::string{version} + '"'));
    for (const std::string_view version : {"", "0.2", "2.0", "10.0", "x"})
        EXPECT_EQ(refused(job(R"(,"specversion":")" + std::string{version} + '"')).code,
                  errc::unsupported);
}

TEST(DecodeJob, BoundsTags) {
    std::string tags = "\"t\"";
    for (std::size_t i = 1; i < limits::tags_max; ++i) tags += ",\"t\"";
    accepted(job(",\"tags\":[" + tags + "]"));
    refused(job(",\"tags\":[" + tags + ",\"t\"]"));
    refused(job(",\"tags\":[\"" + std::string(limits::tag_bytes_max + 1, 't') + "\"]"));
}

TEST(DecodeJob, TellsWhereBrokenJsonIsBroken) {
    constexpr std::array<std::pair<std::string_view, int>, 11> table{{
        {"", 0},
        {"  ", 2},
        {R"({"type":"a","args":[])", 21},
        {R"({"type":"a","args":[]} x)", 23},
        {R"({}{})", 2},
        {R"({/**/})", 1},
        {R"({"type":NaN})", 8},
        {R"({"a":01})", 6},
        {R"({'a':1})", 1},
        {"\xEF\xBB\xBF{}", 0},
        {R"({"type":"a)", 8},
    }};
    for (const auto& [body, offset] : table) {
        const auto e = refused(body);
        EXPECT_EQ(e.code, errc::invalid_payload) << body;
        EXPECT_EQ(e.details, "\"offset\":" + std::to_string(offset)) << body;
    }
    for (const std::string_view body : {"[]", "1", "\"a\"", "null", "true"})
        EXPECT_EQ(refused(body).code, errc::invalid_payload) << body;
}

TEST(DecodeJob, TakesSixtyFourLevels) {
    const auto body = [](std::size_t depth) {
        // The job itself is the first level.
        return R"({"type":"a","args":)" + std::string(depth - 1, '[') +
               std::string(depth - 1, ']') + '}';
    };
    accepted(body(64));
    for (const std::size_t depth : {65, 100'000}) {
        const auto e = refused(body(depth));
        EXPECT_EQ(e.code, errc::invalid_payload);
        EXPECT_NE(e.details.find(R"("reason":"too_deep")"), std::string::npos);
    }
}

TEST(DecodeJob, QuotesWhatItNamesInAnError) {
    const auto e = refused(job(R"(,"x\"\u0000\n":1,"x\"\u0000\n":1)"));
    EXPECT_FALSE(check_json('{' + e.details + '}', 2)) << e.details;
}

TEST(DecodeBatch, TakesJobsInOrder) {
    const auto specs = decode_batch(
        R"({"jobs":[{"type":"a","args":[1]},{"type":"b","args":[2],"options":{"queue":"q"}}]})",
        now);
    ASSERT_TRUE(specs);
    ASSERT_EQ(specs->size(), 2U);
    EXPECT_EQ((*specs)[0].type, "a");
    EXPECT_EQ((*specs)[1].queue, "q");
}

TEST(DecodeBatch, NamesTheFirstBadJob) {
    const auto specs = decode_batch(
        R"({"jobs":[{"type":"a","args":[1]},{"type":"b","args":{}},{"type":"C"}]})", now);
    ASSERT_FALSE(specs);
    EXPECT_EQ(specs.error().code, errc::invalid_request);
    EXPECT_EQ(specs.error().message, "Job 1: 'args' must be an array, not object.");
    EXPECT_EQ(specs.error().details,
              R"("index":1,"field":"args","expected":"array","received":"object")");
}

TEST(DecodeBatch, RefusesWhatIsNoBatch) {
    for (const std::string_view body :
         {"{}", R"({"jobs":{}})", R"({"jobs":null})", R"({"jobs":[]})", R"({"jobs":[1]})",
          R"({"jobs":[],"jobs":[]})"}) {
        const auto specs = decode_batch(body, now);
        ASSERT_FALSE(specs) << body;
        EXPECT_EQ(specs.error().code, errc::invalid_request) << body;
    }
    EXPECT_EQ(decode_batch("[]", now).error().code, errc::invalid_payload);
}

TEST(DecodeBatch, HoldsAThousandJobs) {
    std::string jobs = R"({"type":"a","args":[]})";
    for (std::size_t i = 1; i < limits::batch_jobs_max; ++i) jobs += R"(,{"type":"a","args":[]})";
    EXPECT_EQ(decode_batch(R"({"jobs":[)" + jobs + "]}", now)->size(), limits::batch_jobs_max);
    const auto more = decode_batch(R"({"jobs":[)" + jobs + R"(,{"type":"a","args":[]}]})", now);
    ASSERT_FALSE(more);
    EXPECT_EQ(http_status(more.error().code), 422);
}

}  // namespace
}  // namespace sluice
