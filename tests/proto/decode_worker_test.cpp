#include "proto/codec.hpp"
#include "proto/limits.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr timestamp now{1'770'892'200s};

constexpr std::string_view id = "019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f";
const std::string job_id = R"("job_id":")" + std::string{id} + '"';

std::string body(std::string_view members) {
    return '{' + job_id + std::string{members} + '}';
}

TEST(DecodeFetch, FillsInTheDefaults) {
    const auto fetch = decode_fetch("{}");
    ASSERT_TRUE(fetch);
    EXPECT_EQ(fetch->queues, std::vector<std::string>{"default"});
    EXPECT_EQ(fetch->count, 1U);
    EXPECT_EQ(fetch->wait, 0ms);
    EXPECT_TRUE(fetch->worker_id.empty() && fetch->types.empty());
    EXPECT_FALSE(fetch->visibility_timeout);
    EXPECT_EQ(decode_fetch(R"({"queues":[]})")->queues, std::vector<std::string>{"default"});
}

TEST(DecodeFetch, ReadsEveryMember) {
    const auto fetch = decode_fetch(
        R"({"queues":["b","a"],"types":["x.y"],"count":5,"worker_id":"w-1","wait_ms":250,)"
        R"("visibility_timeout_ms":3000,"fetch_id":"f-1","unknown":{}})");
    ASSERT_TRUE(fetch) << fetch.error().message;
    EXPECT_EQ(fetch->queues, (std::vector<std::string>{"b", "a"}));
    EXPECT_EQ(fetch->types, std::vector<std::string>{"x.y"});
    EXPECT_EQ(fetch->count, 5U);
    EXPECT_EQ(fetch->worker_id, "w-1");
    EXPECT_EQ(fetch->wait, 250ms);
    EXPECT_EQ(fetch->visibility_timeout, 3s);
    EXPECT_EQ(fetch->fetch_id, "f-1");
}

TEST(DecodeFetch, ReadsPatternsOfTypesAndTakesAStarForNoFilter) {
    const std::vector<std::string> types{"a", "mail.*"};
    EXPECT_EQ(decode_fetch(R"({"types":["a","mail.*"]})")->types, types);
    EXPECT_TRUE(decode_fetch(R"({"types":["a","*"]})")->types.empty());
}

TEST(DecodeFetch, ClampsWhatIsTooMuch) {
    const auto fetch = decode_fetch(R"({"count":1000000000,"wait_ms":1000000})");
    ASSERT_TRUE(fetch);
    EXPECT_EQ(fetch->count, limits::fetch_count_max);
    EXPECT_EQ(fetch->wait, limits::wait_max);
}

TEST(DecodeFetch, RefusesWhatIsWrong) {
    for (const std::string_view wrong : {R"({"count":0})",
                                         R"({"count":-1})",
                                         R"({"count":1.5})",
                                         R"({"count":"1"})",
                                         R"({"wait_ms":-1})",
                                         R"({"wait_ms":"1"})",
                                         R"({"queues":"default"})",
                                         R"({"queues":[1]})",
                                         R"({"queues":["Bad Name"]})",
                                         R"({"queues":[""]})",
                                         R"({"types":{}})",
                                         R"({"types":["mail*"]})",
                                         R"({"types":["*.mail"]})",
                                         R"({"types":["a.*.*"]})",
                                         R"({"types":[".*"]})",
                                         R"({"types":["**"]})",
                                         R"({"fetch_id":1})",
                                         R"({"worker_id":7})",
                                         R"({"visibility_timeout_ms":-1})",
                                         R"({"visibility_timeout_ms":604800001})",
                                         R"({"count":1,"count":1})"}) {
        const auto fetch = decode_fetch(wrong);
        ASSERT_FALSE(fetch) << wrong;
        EXPECT_EQ(fetch.error().code, errc::invalid_request) << wrong;
    }
    EXPECT_FALSE(decode_fetch(R"({"worker_id":")" + std::string(256, 'w') + "\"}"));
    for (const std::string_view broken : {"", "{", "[]", "null"})
        EXPECT_EQ(decode_fetch(broken).error().code, errc::invalid_payload) << broken;
}

TEST(DecodeAck, ReadsEveryMember) {
    const auto ack = decode_ack(
        body(
            R"(,"worker_id":"w","lease":"7.1a2b.90cd12ef","result": {"a": 1e400 },"fetch":{"count":2})"),
        now);
    ASSERT_TRUE(ack) << ack.error().message;
    EXPECT_EQ(to_string(ack->job_id), id);
    EXPECT_EQ(ack->worker_id, "w");
    EXPECT_EQ(ack->lease, (lease_token{7, 0x1a2b, 0x90cd12ef}));
    EXPECT_EQ(ack->result, R"({"a": 1e400 })");
    ASSERT_TRUE(ack->fetch);
    EXPECT_EQ(ack->fetch->count, 2U);
}

TEST(DecodeAck, NeedsOnlyTheJob) {
    const auto ack = decode_ack(body(""), now);
    ASSERT_TRUE(ack);
    EXPECT_FALSE(ack->lease);
    EXPECT_TRUE(ack->result.empty());
    EXPECT_FALSE(ack->fetch);
    EXPECT_EQ(decode_ack("{}", now).error().details, R"("field":"job_id","reason":"missing")");
    EXPECT_EQ(decode_ack(R"({"job_id":"x"})", now).error().code, errc::invalid_request);
    EXPECT_EQ(decode_ack(body(R"(,"fetch":{"count":0})"), now).error().details,
              R"("field":"fetch.count")");
}

TEST(DecodeAck, TakesALeaseThatWasNeverGivenForALostOne) {
    for (const std::string_view lease : {"", "x", "7.1.1", "0.1.00000001"})
        EXPECT_EQ(decode_ack(body(R"(,"lease":")" + std::string{lease} + '"'), now).error().code,
                  errc::lease_lost)
            << lease;
    EXPECT_EQ(decode_ack(body(R"(,"lease":7)"), now).error().code, errc::invalid_request);
}

TEST(DecodeAck, ReadsFollowUpsAsJobs) {
    const auto ack = decode_ack(
        body(
            R"(,"enqueue":[{"type":"a","args":[1]},{"type":"b","args":[],"options":{"queue":"q"}}])"),
        now);
    ASSERT_TRUE(ack) << ack.error().message;
    ASSERT_EQ(ack->enqueue.size(), 2U);
    EXPECT_EQ(ack->enqueue[0].args, "[1]");
    EXPECT_EQ(ack->enqueue[1].queue, "q");
    const auto wrong = decode_ack(body(R"(,"enqueue":[{"type":"a","args":[]},{"type":"a"}])"), now);
    ASSERT_FALSE(wrong);
    EXPECT_NE(wrong.error().details.find("\"index\":1"), std::string::npos)
        << wrong.error().details;
    for (const std::string_view bad : {R"({})", R"(7)", R"([7])", R"([null])"})
        EXPECT_FALSE(decode_ack(body(R"(,"enqueue":)" + std::string(bad)), now)) << bad;
    std::string many = R"({"type":"a","args":[]})";
    for (std::size_t i = 1; i < limits::follow_ups_max; ++i) many += R"(,{"type":"a","args":[]})";
    EXPECT_TRUE(decode_ack(body(R"(,"enqueue":[)" + many + "]"), now));
    EXPECT_FALSE(decode_ack(body(R"(,"enqueue":[)" + many + R"(,{"type":"a","args":[]}])"), now));
}

std::string answers(std::string_view members) {
    return R"({"worker_id":"w")" + std::string(members) + '}';
}

TEST(DecodeAnswers, ReadsManyOfEachKind) {
    const auto job = R"({"job_id":")" + std::string(id) + '"';
    const auto made = decode_answers(
        answers(R"(,"ack":[)" + job + R"(,"result":1},)" + job + R"(,"worker_id":"x"}],"nack":[)" +
                job + R"(,"error":{"message":"m"}},)" + job + R"(,"snooze_ms":5}],"heartbeat":[)" +
                job + R"(}],"fetch":{"queues":["q"]})"),
        now);
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_EQ(made->acks.size(), 2U);
    EXPECT_EQ(made->acks[0].worker_id, "w");
    EXPECT_EQ(made->acks[0].result, "1");
    EXPECT_EQ(made->acks[1].worker_id, "x");
    ASSERT_EQ(made->nacks.size(), 2U);
    EXPECT_EQ(made->nacks[1].snooze, 5ms);
    EXPECT_EQ(made->heartbeat.jobs.size(), 1U);
    EXPECT_EQ(made->heartbeat.worker_id, "w");
    ASSERT_TRUE(made->fetch);
    EXPECT_EQ(made->fetch->worker_id, "w");
}

TEST(DecodeAnswers, NamesTheOneThatIsWrong) {
    const auto job = R"({"job_id":")" + std::string(id) + '"';
    const auto field_of = [&](const std::string& members) {
        const auto made = decode_answers(answers(members), now);
        return made ? "nothing" : made.error().details;
    };
    EXPECT_EQ(field_of(R"(,"ack":[)" + job + "},{}]"),
              R"("field":"ack[1].job_id","reason":"missing")");
    EXPECT_EQ(field_of(R"(,"nack":[)" + job + "}]"),
              R"("field":"nack[0].error","reason":"missing")");
    EXPECT_EQ(field_of(R"(,"ack":[)" + job + R"(,"fetch":{}}])"), R"("field":"ack[0].fetch")");
    EXPECT_FALSE(decode_answers(R"({"heartbeat":[)" + job + "}]}", now)) << "of whom?";
    EXPECT_FALSE(decode_answers(answers(R"(,"ack":{})"), now));
    EXPECT_FALSE(decode_answers(answers(R"(,"ack":[7])"), now));
    EXPECT_TRUE(decode_answers("{}", now));
}

nack_request accepted_nack(std::string_view members) {
    auto nack = decode_nack(body(members));
    EXPECT_TRUE(nack) << members << ": " << nack.error().message;
    return nack ? std::move(*nack) : nack_request{};
}

TEST(DecodeNack, ReadsTheError) {
    const auto nack = accepted_nack(
        R"(,"error":{"type":"Smtp","code":"handler_error","message":"refused","retryable":false,)"
        R"("retry_after_ms":1500,"details":{ "port" : 587 }})");
    EXPECT_EQ(nack.failure.type, "Smtp");
    EXPECT_EQ(nack.failure.code, "handler_error");
    EXPECT_EQ(nack.failure.message, "refused");
    EXPECT_EQ(nack.failure.details, R"({ "port" : 587 })");
    EXPECT_FALSE(nack.retryable);
    EXPECT_EQ(nack.retry_after, 1500ms);
    EXPECT_FALSE(nack.end);
}

TEST(DecodeNack, RetriesUnlessTold) {
    EXPECT_TRUE(accepted_nack(R"(,"error":{"code":"x","message":"m"})").retryable);
    EXPECT_TRUE(accepted_nack(R"(,"error":{"message":"m","retryable":null})").retryable);
}

TEST(DecodeNack, FindsATypeForEveryError) {
    const auto type = [](std::string_view error) {
        return accepted_nack(",\"error\":" + std::string{error}).failure.type;
    };
    EXPECT_EQ(type(R"({"type":"T","code":"c","message":"","details":{"error_class":"D"}})"), "T");
    EXPECT_EQ(type(R"({"code":"c","message":"","details":{"error_class":"Auth.TokenExpired"}})"),
              "Auth.TokenExpired");
    EXPECT_EQ(type(R"({"code":"c","message":"","details":{"error_class":7}})"), "c");
    EXPECT_EQ(type(R"({"message":""})"), "handler_error");
}

TEST(DecodeNack, FollowsTheHandlersResponseCode) {
    const auto nack = [](std::string_view code) {
        return accepted_nack(R"(,"error":{"message":"m","retryable":true,"code":")" +
                             std::string{code} + "\"}");
    };
    EXPECT_EQ(nack("DISCARD").end, exhaustion::discard);
    EXPECT_EQ(nack("FAIL").end, exhaustion::discard);
    EXPECT_EQ(nack("DEAD_LETTER").end, exhaustion::dead_letter);
    EXPECT_FALSE(nack("DEAD_LETTER").retryable);
    EXPECT_FALSE(nack("RETRY").end);
    EXPECT_TRUE(nack("RETRY").retryable);
}

TEST(DecodeNack, CutsLongWordsOnACharacter) {
    const auto message = [](const std::string& text) {
        return accepted_nack(R"(,"error":{"message":")" + text + "\"}").failure.message;
    };
    const std::string full(limits::error_message_bytes_max, 'm');
    EXPECT_EQ(message(full), full);
    EXPECT_EQ(message(full + "m"), full);
    EXPECT_EQ(message(full.substr(1) + "\xC3\xA9"), full.substr(1));
    EXPECT_EQ(message(full.substr(2) + "\xC3\xA9"), full.substr(2) + "\xC3\xA9");
    const auto nack = accepted_nack(R"(,"error":{"message":"","type":")" + std::string(300, 't') +
                                    R"(","code":")" + std::string(300, 'c') + "\"}");
    EXPECT_EQ(nack.failure.type.size(), limits::error_type_bytes_max);
    EXPECT_EQ(nack.failure.code.size(), limits::error_type_bytes_max);
}

TEST(DecodeNack, DropsDetailsThatAreTooLargeAndSaysSo) {
    const std::string details = "[\"" + std::string(limits::error_details_bytes_max, 'd') + "\"]";
    const auto nack = accepted_nack(R"(,"error":{"message":"","details":)" + details + '}');
    EXPECT_EQ(nack.failure.details, R"({"dropped_bytes":)" + std::to_string(details.size()) + '}');
}

TEST(DecodeNack, KeepsABacktraceWhenThereAreNoDetails) {
    EXPECT_EQ(accepted_nack(R"(,"error":{"message":"","backtrace":["a", "b"]})").failure.details,
              R"({"backtrace":["a", "b"]})");
    EXPECT_EQ(
        accepted_nack(R"(,"error":{"message":"","backtrace":[],"details":{}})").failure.details,
        "{}");
}

TEST(DecodeNack, GivesBackWithoutAnError) {
    EXPECT_TRUE(accepted_nack(R"(,"release":true)").release);
    EXPECT_EQ(accepted_nack(R"(,"snooze_ms":250)").snooze, 250ms);
    EXPECT_EQ(accepted_nack(R"(,"snooze_ms":0)").snooze, 0ms);
    EXPECT_TRUE(accepted_nack(R"(,"requeue":true,"error":{"message":"m"},"fetch":{})").fetch);
}

TEST(DecodeNack, RefusesWhatIsWrong) {
    for (const std::string_view wrong :
         {"", R"(,"error":null)", R"(,"requeue":true)", R"(,"release":false)", R"(,"error":{})",
          R"(,"error":"x")", R"(,"error":{"message":1})",
          R"(,"error":{"message":"","retryable":"no"})", R"(,"error":{"message":"","message":""})",
          R"(,"error":{"message":"","code":7})", R"(,"error":{"message":"","retry_after_ms":-1})",
          R"(,"snooze_ms":-1)", R"(,"snooze_ms":31536000001)", R"(,"release":true,"requeue":true)",
          R"(,"release":true,"snooze_ms":1)", R"(,"release":1)"}) {
        const auto nack = decode_nack(body(wrong));
        ASSERT_FALSE(nack) << wrong;
        EXPECT_EQ(nack.error().code, errc::invalid_request) << wrong;
    }
}

TEST(DecodeHeartbeat, ReadsEveryMember) {
    const auto beat = decode_heartbeat(
        R"({"worker_id":"w","state":"quiet","visibility_timeout_ms":1000,"active_jobs":[")" +
        std::string{id} + R"(",{)" + job_id + R"(,"lease":"7.1a2b.90cd12ef"}]})");
    ASSERT_TRUE(beat) << beat.error().message;
    EXPECT_EQ(beat->worker_id, "w");
    EXPECT_EQ(beat->state, worker_state::quiet);
    EXPECT_EQ(beat->visibility_timeout, 1s);
    ASSERT_EQ(beat->jobs.size(), 2U);
    EXPECT_EQ(to_string(beat->jobs[0].job_id), id);
    EXPECT_FALSE(beat->jobs[0].lease);
    EXPECT_EQ(beat->jobs[1].lease, (lease_token{7, 0x1a2b, 0x90cd12ef}));
}

TEST(DecodeHeartbeat, TakesTheWorkerProtocolsForm) {
    const auto beat =
        decode_heartbeat(R"({"worker_id":"w","active_jobs":2,"state":"drain","active_job_ids":[")" +
                         std::string{id} + "\"]}");
    ASSERT_TRUE(beat) << beat.error().message;
    EXPECT_EQ(beat->state, worker_state::quiet);
    EXPECT_EQ(beat->jobs.size(), 1U);
}

TEST(DecodeHeartbeat, RefusesWhatIsWrong) {
    for (const std::string_view wrong :
         {"{}", R"({"worker_id":""})", R"({"worker_id":null})", R"({"worker_id":"w","state":"x"})",
          R"({"worker_id":"w","active_jobs":"x"})", R"({"worker_id":"w","active_jobs":["x"]})",
          R"({"worker_id":"w","active_jobs":[{}]})", R"({"worker_id":"w","active_jobs":1.5})",
          R"({"worker_id":"w","active_job_ids":2})"}) {
        const auto beat = decode_heartbeat(wrong);
        ASSERT_FALSE(beat) << wrong;
        EXPECT_EQ(beat.error().code, errc::invalid_request) << wrong;
    }
}

}  // namespace
}  // namespace sluice
