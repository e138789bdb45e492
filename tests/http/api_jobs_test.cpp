#include "tests/http/api_fixture.hpp"

#include <regex>

namespace sluice::http {
namespace {

constexpr std::string_view no_such_id = "019539a4-b68c-7def-8000-1a2b3c4d5e6f";

const std::string echo = R"({"type":"test.echo","args":[1]})";
const std::string other = R"({"type":"test.echo","args":[2]})";

class Jobs : public api_fixture {
public:
    response post(std::string body, header_fields fields = {}) {
        return send("POST", "/ojs/v1/jobs", std::move(body), std::move(fields));
    }
    std::size_t stored() { return json_of(send("GET", "/ojs/v1/jobs"))["jobs"].size(); }
};

TEST_F(Jobs, AStoredJobIsAnsweredWithItsAddressDurabilityAndTimings) {
    const auto answer = post(echo);
    EXPECT_EQ(answer.status, 201);
    const auto job = json_of(answer)["job"];
    EXPECT_EQ(job["state"], "available");
    EXPECT_EQ(job["args"], nlohmann::json::array({1}));
    EXPECT_EQ(field_of(answer, "Location"), "/ojs/v1/jobs/" + job["id"].get<std::string>());
    EXPECT_EQ(field_of(answer, "Durability"), "fsync");
    const std::regex timing(R"(parse;dur=\d+\.\d{3}, commit;dur=\d+\.\d{3}, total;dur=\d+\.\d{3})");
    EXPECT_TRUE(std::regex_match(field_of(answer, "Server-Timing"), timing))
        << field_of(answer, "Server-Timing");
    EXPECT_EQ(state_of(job["id"]), "available");
}

TEST_F(Jobs, PayloadsComeBackByteForByte) {
    const std::string args = R"([1e400,18446744073709551616, 0.1000000000000000055,"\u00e9"])";
    const auto answer = post(R"({"type":"test.echo","args":)" + args + "}");
    EXPECT_EQ(answer.status, 201);
    EXPECT_NE(answer.body.find("\"args\":" + args), std::string::npos) << answer.body;
}

TEST_F(Jobs, BrokenBodiesAreRefusedAndNothingIsStored) {
    const std::string too_deep =
        R"({"type":"t","args":)" + std::string(70, '[') + std::string(70, ']') + "}";
    for (const std::string& body :
         {std::string(), std::string("  "), std::string("{ invalid json }"), echo + "x",
          std::string(R"({"type":"t","args":[NaN]})"), too_deep}) {
        const auto answer = post(body);
        EXPECT_EQ(answer.status, 400) << body;
        const auto error = json_of(answer)["error"];
        EXPECT_EQ(error["code"], "invalid_payload") << body;
        EXPECT_EQ(error["retryable"], false);
        EXPECT_EQ(error["request_id"], "req_test");
    }
    EXPECT_EQ(stored(), 0U);
}

TEST_F(Jobs, AnInvalidRetryPolicyIsUnprocessableAndNamesTheMember) {
    const auto answer = post(R"({"type":"t","args":[],"options":{"retry":{"max_attempts":-1}}})");
    EXPECT_EQ(answer.status, 422);
    const auto error = json_of(answer)["error"];
    EXPECT_EQ(error["type"], "validation_error");
    EXPECT_NE(error["message"].get<std::string>().find("max_attempts"), std::string::npos);
}

TEST_F(Jobs, AnUnknownAndAMalformedIdAreNotFoundInTheSameWords) {
    for (const auto& [method, rest] : std::vector<std::pair<std::string, std::string>>{
             {"GET", ""}, {"DELETE", ""}, {"POST", "/activate"}}) {
        for (const std::string& id :
             {std::string(no_such_id), std::string("no-uuid-'\"<script>")}) {
            const auto answer = send(method, "/ojs/v1/jobs/" + id + rest);
            EXPECT_EQ(answer.status, 404) << method << ' ' << id;
            const auto error = json_of(answer)["error"];
            EXPECT_EQ(error["code"], "not_found");
            EXPECT_EQ(error["details"]["resource_type"], "job");
            EXPECT_EQ(error["details"]["resource_id"], id);
            EXPECT_TRUE(error["hint"].is_string());
            EXPECT_TRUE(error["docs_url"].is_string());
            EXPECT_EQ(error["request_id"], "req_test");
        }
    }
}

TEST_F(Jobs, AnIdCanBeTakenOnce) {
    const std::string body = R"({"type":"t","args":[],"id":")" + std::string(no_such_id) + "\"}";
    EXPECT_EQ(post(body).status, 201);
    const auto again = post(body);
    EXPECT_EQ(again.status, 409);
    EXPECT_EQ(json_of(again)["error"]["code"], "duplicate");
    EXPECT_EQ(stored(), 1U);
}

TEST_F(Jobs, TheSameKeyAndBodyGiveTheFirstAnswerAgain) {
    const auto first = post(echo, {{"idempotency-key", "k-1"}});
    EXPECT_EQ(first.status, 201);
    EXPECT_EQ(field_of(first, "Idempotency-Replayed"), "");
    // Raw or quoted: it is the same key.
    for (const std::string key : {"k-1", "\"k-1\""}) {
        const auto again = post(echo, {{"idempotency-key", key}});
        EXPECT_EQ(again.status, 200);
        EXPECT_EQ(field_of(again, "Idempotency-Replayed"), "true");
        EXPECT_EQ(json_of(again)["job"]["id"], json_of(first)["job"]["id"]);
    }
    EXPECT_EQ(stored(), 1U);
    const auto another = post(echo, {{"idempotency-key", "k-2"}});
    EXPECT_EQ(another.status, 201);
    EXPECT_EQ(stored(), 2U);
}

TEST_F(Jobs, TheSameKeyWithAnotherBodyIsRefused) {
    EXPECT_EQ(post(echo, {{"idempotency-key", "k"}}).status, 201);
    const auto answer = post(other, {{"idempotency-key", "k"}});
    EXPECT_EQ(answer.status, 422);
    EXPECT_EQ(json_of(answer)["error"]["code"], "idempotency_key_reused");
    EXPECT_EQ(stored(), 1U);
}

TEST_F(Jobs, ARepeatWhileTheFirstIsUnderWayIsToldToComeBack) {
    const auto first = start("POST", "/ojs/v1/jobs", echo, {{"idempotency-key", "k"}});
    ASSERT_FALSE(first->has_value()) << "the commit was done before the repeat could be sent";
    const auto second = send("POST", "/ojs/v1/jobs", echo, {{"idempotency-key", "k"}});
    // The commit may land between the two; then the repeat is a replay.
    if (second.status == 409) {
        EXPECT_EQ(json_of(second)["error"]["code"], "in_flight");
        EXPECT_EQ(field_of(second, "Retry-After"), "1");
    } else {
        EXPECT_EQ(second.status, 200);
    }
    EXPECT_EQ(finish(first).status, 201);
    EXPECT_EQ(stored(), 1U);
}

TEST_F(Jobs, MalformedKeysAreRefused) {
    for (const header_fields& fields :
         std::vector<header_fields>{{{"idempotency-key", ""}},
                                    {{"idempotency-key", std::string(256, 'k')}},
                                    {{"idempotency-key", "\"open"}},
                                    {{"idempotency-key", "\"a\"b"}},
                                    {{"idempotency-key", "a"}, {"idempotency-key", "a"}}}) {
        EXPECT_EQ(post(echo, fields).status, 400) << fields[0].second;
    }
    EXPECT_EQ(post(echo, {{"idempotency-key", std::string(255, 'k')}}).status, 201);
    EXPECT_EQ(stored(), 1U);
}

TEST_F(Jobs, ABatchIsStoredWholeAndInOrder) {
    const std::string body = "{\"jobs\":[" + echo + "," + other + "]}";
    const auto answer = send("POST", "/ojs/v1/jobs/batch", body, {{"idempotency-key", "b"}});
    EXPECT_EQ(answer.status, 201);
    const auto made = json_of(answer);
    EXPECT_EQ(made["count"], 2);
    EXPECT_EQ(made["jobs"][0]["args"][0], 1);
    EXPECT_EQ(made["jobs"][1]["args"][0], 2);
    const auto again = send("POST", "/ojs/v1/jobs/batch", body, {{"idempotency-key", "b"}});
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(json_of(again)["jobs"][1]["id"], made["jobs"][1]["id"]);
    EXPECT_EQ(stored(), 2U);
}

TEST_F(Jobs, OneBadJobSpoilsTheBatch) {
    const auto answer =
        send("POST", "/ojs/v1/jobs/batch", "{\"jobs\":[" + echo + R"(,{"args":[]}]})");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(json_of(answer)["error"]["details"]["index"], 1);
    EXPECT_EQ(stored(), 0U);
}

TEST_F(Jobs, ATerminalJobCannotBeCancelled) {
    const auto id = push();
    const auto cancelled = send("DELETE", "/ojs/v1/jobs/" + id);
    EXPECT_EQ(cancelled.status, 200);
    EXPECT_EQ(json_of(cancelled)["job"]["state"], "cancelled");
    const auto again = send("DELETE", "/ojs/v1/jobs/" + id);
    EXPECT_EQ(again.status, 409);
    const auto error = json_of(again)["error"];
    EXPECT_EQ(error["code"], "conflict");
    EXPECT_EQ(error["details"]["current_state"], "cancelled");
}

TEST_F(Jobs, APendingJobWaitsForItsActivation) {
    const auto id = push("default", R"("pending":true)");
    EXPECT_EQ(state_of(id), "pending");
    EXPECT_TRUE(fetch().is_null());
    const auto answer = send("POST", "/ojs/v1/jobs/" + id + "/activate");
    EXPECT_EQ(answer.status, 200);
    const auto job = json_of(answer)["job"];
    EXPECT_EQ(job["state"], "available");
    EXPECT_EQ(job["previous_state"], "pending");
    EXPECT_TRUE(job["activated_at"].is_string());
    EXPECT_EQ(send("POST", "/ojs/v1/jobs/" + id + "/activate").status, 409);
    EXPECT_EQ(fetch()["id"], id);
}

TEST_F(Jobs, APostThatPrefersToWaitAnswersWithTheEnd) {
    const auto posted = start("POST", "/ojs/v1/jobs", echo, {{"prefer", "respond-async, wait=60"}});
    auto job = nlohmann::json();
    while (job.is_null()) job = fetch();
    EXPECT_FALSE(posted->has_value());
    const auto ack = send("POST", "/ojs/v1/workers/ack",
                          R"({"job_id":")" + job["id"].get<std::string>() + R"(","result":[42]})");
    EXPECT_EQ(ack.status, 200);
    const auto answer = finish(posted);
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(field_of(answer, "Preference-Applied"), "wait=60");
    EXPECT_EQ(json_of(answer)["job"]["state"], "completed");
    EXPECT_EQ(json_of(answer)["job"]["result"][0], 42);
}

TEST_F(Jobs, AGetThatPrefersToWaitAnswersWhenTheJobEndsOrTheTimeIsUp) {
    const auto id = push();
    const auto waiting = start("GET", "/ojs/v1/jobs/" + id, {}, {{"prefer", "wait=60"}});
    const auto short_one = send("GET", "/ojs/v1/jobs/" + id, {}, {{"prefer", "wait=0"}});
    EXPECT_EQ(json_of(short_one)["job"]["state"], "available");
    EXPECT_EQ(field_of(short_one, "Preference-Applied"), "wait=0");
    EXPECT_FALSE(waiting->has_value());
    EXPECT_EQ(send("DELETE", "/ojs/v1/jobs/" + id).status, 200);
    const auto answer = finish(waiting);
    EXPECT_EQ(json_of(answer)["job"]["state"], "cancelled");
    EXPECT_EQ(field_of(answer, "Preference-Applied"), "wait=60");
}

TEST_F(Jobs, AWaitBeyondTheLimitIsRefusedAndNothingIsStored) {
    for (const char* wait : {"wait=61", "wait=99999999999999999999"}) {
        const auto refused =
            send("POST", "/ojs/v1/jobs", R"({"type":"test.x","args":[]})", {{"prefer", wait}});
        EXPECT_EQ(refused.status, 400);
        EXPECT_EQ(json_of(refused)["error"]["details"]["field"], "Prefer");
    }
    EXPECT_EQ(get("/ojs/v1/jobs")["jobs"].size(), 0U);
    const auto id = push();
    EXPECT_EQ(send("GET", "/ojs/v1/jobs/" + id, {}, {{"prefer", "wait=61"}}).status, 400);
}

TEST_F(Jobs, AWaitEndsWhenThePeerHasGone) {
    const auto id = push();
    const auto waiting = start("GET", "/ojs/v1/jobs/" + id, {}, {{"prefer", "wait=60"}});
    EXPECT_FALSE(waiting->has_value());
    stop.request_stop();
    EXPECT_EQ(json_of(finish(waiting))["job"]["state"], "available");
}

TEST_F(Jobs, AServerThatDrainsTakesNoJobsAndSaysThatNothingIsStored) {
    queue->begin_drain();
    const auto answer = post(echo);
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(field_of(answer, "Retry-After"), "1");
    const auto error = json_of(answer)["error"];
    EXPECT_EQ(error["code"], "shutting_down");
    EXPECT_EQ(error["retryable"], true);
    EXPECT_EQ(error["details"]["outcome"], "not_stored");
    EXPECT_EQ(stored(), 0U);
}

TEST_F(Jobs, ATokenBoundToQueuesSeesNoOtherQueue) {
    const auto mine = push("mine.a");
    const auto foreign = push("theirs");
    queue_patterns = {"mine.*"};
    const auto push_foreign = post(R"({"type":"t","args":[],"options":{"queue":"theirs"}})");
    EXPECT_EQ(push_foreign.status, 403);
    EXPECT_EQ(json_of(push_foreign)["error"]["code"], "forbidden");
    EXPECT_EQ(send("GET", "/ojs/v1/jobs/" + mine).status, 200);
    EXPECT_EQ(send("GET", "/ojs/v1/jobs/" + foreign).status, 404);
    EXPECT_EQ(send("DELETE", "/ojs/v1/jobs/" + foreign).status, 404);
    EXPECT_EQ(stored(), 1U);
    queue_patterns.clear();
    EXPECT_EQ(state_of(foreign), "available");
    EXPECT_EQ(stored(), 2U);
}

TEST_F(Jobs, ARepeatIsAnsweredThoughTheRulesHaveChangedSince) {
    const header_fields key{{"idempotency-key", "k-1"}};
    const auto batch = R"({"jobs":[)" + echo + "]}";
    const header_fields batch_key{{"idempotency-key", "k-2"}};
    const auto first = json_of(post(echo, key))["job"]["id"];
    const auto many = send("POST", "/ojs/v1/jobs/batch", batch, batch_key);
    EXPECT_EQ(many.status, 201) << many.body;
    check_job = [](const job_spec&) -> std::optional<error> {
        return error(errc::invalid_request, "No such command.");
    };
    const auto again = post(echo, key);
    EXPECT_EQ(again.status, 200) << again.body;
    EXPECT_EQ(json_of(again)["job"]["id"], first);
    EXPECT_EQ(send("POST", "/ojs/v1/jobs/batch", batch, batch_key).status, 200);
    EXPECT_EQ(post(other, key).status, 422);
    EXPECT_EQ(post(echo).status, 400);
    EXPECT_EQ(post(echo, {{"idempotency-key", "k-3"}}).status, 400);
    EXPECT_EQ(stored(), 2U);
}

TEST_F(Jobs, AnotherMethodIsRefusedWithThoseThatThereAre) {
    const auto answer = send("PUT", "/ojs/v1/jobs");
    EXPECT_EQ(answer.status, 405);
    EXPECT_NE(field_of(answer, "Allow").find("POST"), std::string::npos);
    EXPECT_EQ(send("PUT", "/ojs/v1/nothing").status, 404);
    EXPECT_EQ(send("HEAD", "/ojs/v1/jobs/" + push()).status, 200);
}

}  // namespace
}  // namespace sluice::http
