#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

class Workers : public api_fixture {
public:
    response ask(const std::string& what, const json& body) {
        return send("POST", "/ojs/v1/workers/" + what, body.dump());
    }
    response ack(const json& body) { return ask("ack", body); }
    response nack(const json& body) { return ask("nack", body); }

    /// A nack of this job that says `handler_error`, with more members.
    response fail(const std::string& id, json more = json::object()) {
        more["job_id"] = id;
        if (!more.contains("error")) {
            more["error"] = {{"code", "handler_error"}, {"message", "it broke"}};
        }
        return nack(more);
    }
};

std::string code_of(const response& answer) {
    return json::parse(answer.body)["error"]["code"];
}

TEST_F(Workers, AFetchedJobCarriesItsLease) {
    const auto id = push();
    const auto answer = ask("fetch", {{"queues", {"default"}}, {"worker_id", "w-1"}});
    EXPECT_EQ(answer.status, 200);
    const auto jobs = json_of(answer)["jobs"];
    ASSERT_EQ(jobs.size(), 1U);
    EXPECT_EQ(jobs[0]["id"], id);
    EXPECT_EQ(jobs[0]["state"], "active");
    EXPECT_EQ(jobs[0]["attempt"], 1);
    EXPECT_TRUE(jobs[0]["lease"].is_string());
    EXPECT_TRUE(jobs[0]["lease_expires_at"].is_string());
    EXPECT_TRUE(field_of(answer, "Server-Timing").starts_with("parse;dur="));
    EXPECT_EQ(json_of(ask("fetch", {{"queues", {"default"}}})), json({{"jobs", json::array()}}));
    // The lease is the holder's alone.
    const auto seen = json_of(send("GET", "/ojs/v1/jobs/" + id))["job"];
    EXPECT_FALSE(seen.contains("lease"));
}

TEST_F(Workers, AFetchThatWaitsGetsTheNextJob) {
    const auto waiting =
        start("POST", "/ojs/v1/workers/fetch", R"({"queues":["a","b"],"wait_ms":30000})");
    EXPECT_FALSE(waiting->has_value());
    const auto id = push("b");
    const auto jobs = json_of(finish(waiting))["jobs"];
    ASSERT_EQ(jobs.size(), 1U);
    EXPECT_EQ(jobs[0]["id"], id);
}

TEST_F(Workers, AnAckAnswersWithTheEndAndTheTimings) {
    const auto id = push();
    fetch();
    const auto answer = ack({{"job_id", id}, {"result", {{"n", 1}}}});
    EXPECT_EQ(answer.status, 200);
    const auto told = json_of(answer);
    EXPECT_EQ(told["acknowledged"], true);
    EXPECT_EQ(told["id"], id);
    EXPECT_EQ(told["job_id"], id);
    EXPECT_EQ(told["state"], "completed");
    EXPECT_TRUE(told["completed_at"].is_string());
    EXPECT_FALSE(told.contains("jobs"));
    EXPECT_NE(field_of(answer, "Server-Timing").find("commit;dur="), std::string::npos);
}

TEST_F(Workers, AnAckWithAFetchBringsTheNextJobs) {
    const auto first = push();
    const auto second = push();
    fetch();
    const auto answer =
        ack({{"job_id", first}, {"fetch", {{"queues", {"default"}}, {"count", 5}}}});
    EXPECT_EQ(answer.status, 200);
    const auto jobs = json_of(answer)["jobs"];
    ASSERT_EQ(jobs.size(), 1U);
    EXPECT_EQ(jobs[0]["id"], second);
    EXPECT_TRUE(jobs[0]["lease"].is_string());
    const auto last = fail(second, {{"fetch", {{"queues", {"default"}}}}});
    EXPECT_EQ(last.status, 200);
    EXPECT_EQ(json_of(last)["jobs"], json::array());
}

TEST_F(Workers, OnlyTheLatestLeaseCounts) {
    const auto id = push();
    const auto old_lease = fetch()["lease"];
    EXPECT_EQ(nack({{"job_id", id}, {"lease", old_lease}, {"release", true}}).status, 200);
    const auto lease = fetch("default", "w-2")["lease"];
    EXPECT_NE(lease, old_lease);
    const auto late = ack({{"job_id", id}, {"lease", old_lease}});
    EXPECT_EQ(late.status, 409);
    const auto error = json_of(late)["error"];
    EXPECT_EQ(error["code"], "lease_lost");
    EXPECT_EQ(error["details"]["attempt"], 1);
    EXPECT_EQ(error["details"]["current_state"], "active");
    EXPECT_EQ(state_of(id), "active");
    EXPECT_EQ(ack({{"job_id", id}, {"lease", lease}}).status, 200);
}

TEST_F(Workers, AnAckMayBeRepeatedButNotTurnedIntoAFailure) {
    const auto id = push();
    const auto lease = fetch()["lease"];
    const auto first = ack({{"job_id", id}, {"lease", lease}});
    const auto again = ack({{"job_id", id}, {"lease", lease}});
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body, first.body);
    const auto otherwise = fail(id, {{"lease", lease}});
    EXPECT_EQ(otherwise.status, 409);
    EXPECT_EQ(code_of(otherwise), "already_finished");
    // Without a lease it is plain Open Job Spec: a job that has ended cannot be acknowledged.
    const auto plain = ack({{"job_id", id}});
    EXPECT_EQ(plain.status, 409);
    EXPECT_EQ(code_of(plain), "conflict");
}

TEST_F(Workers, AnotherWorkerCannotAnswerForAJob) {
    const auto id = push();
    fetch("default", "w-1");
    EXPECT_EQ(ack({{"job_id", id}, {"worker_id", "w-2"}}).status, 409);
    EXPECT_EQ(ack({{"job_id", id}, {"worker_id", "w-1"}}).status, 200);
}

TEST_F(Workers, ANackSaysWhenTheJobComesBack) {
    const auto id = push("default", R"("retry":{"max_attempts":2,"jitter":false})");
    fetch();
    const auto retried = json_of(fail(id));
    EXPECT_EQ(retried["id"], id);
    EXPECT_EQ(retried["job_id"], id);
    EXPECT_EQ(retried["state"], "retryable");
    EXPECT_EQ(retried["attempt"], 1);
    EXPECT_EQ(retried["max_attempts"], 2);
    EXPECT_EQ(retried["retry_delay_ms"], 1000);
    EXPECT_TRUE(retried["next_attempt_at"].is_string());
    EXPECT_FALSE(retried.contains("completed_at"));
}

TEST_F(Workers, ANackThatEndsTheJobSaysWhen) {
    const auto id = push();
    fetch();
    const auto told =
        json_of(fail(id, {{"error", {{"code", "c"}, {"message", "m"}, {"retryable", false}}}}));
    EXPECT_EQ(told["state"], "discarded");
    EXPECT_TRUE(told["discarded_at"].is_string());
    EXPECT_EQ(told["discarded_at"], told["completed_at"]);
    EXPECT_FALSE(told.contains("next_attempt_at"));
}

TEST_F(Workers, AJobGivenBackHasSpentNoAttempt) {
    const auto id = push();
    fetch();
    const auto released = json_of(nack({{"job_id", id}, {"release", true}}));
    EXPECT_EQ(released["state"], "available");
    EXPECT_EQ(released["attempt"], 0);
    fetch();
    const auto snoozed = json_of(nack({{"job_id", id}, {"snooze_ms", 3600000}}));
    EXPECT_EQ(snoozed["attempt"], 0);
    EXPECT_TRUE(snoozed["next_attempt_at"].is_string());
    EXPECT_TRUE(fetch().is_null());
}

TEST_F(Workers, UnknownJobsCannotBeAnswered) {
    const json body{{"job_id", "019539a4-b68c-7def-8000-1a2b3c4d5e6f"}};
    EXPECT_EQ(ack(body).status, 404);
    EXPECT_EQ(fail(body["job_id"]).status, 404);
    EXPECT_EQ(json_of(ack(body))["error"]["details"]["resource_id"], body["job_id"]);
}

TEST_F(Workers, TheServersOwnWorkerNamesAreRefused) {
    const auto id = push();
    const json fetch_body{{"queues", {"default"}}, {"worker_id", "sluice.server"}};
    EXPECT_EQ(ask("fetch", fetch_body).status, 400);
    EXPECT_EQ(ask("heartbeat", {{"worker_id", "sluice.server"}}).status, 400);
    EXPECT_EQ(ack({{"job_id", id}, {"worker_id", "sluice.server"}}).status, 400);
    EXPECT_EQ(fail(id, {{"worker_id", "sluice.server"}}).status, 400);
    EXPECT_EQ(ack({{"job_id", id}, {"fetch", fetch_body}}).status, 400);
    EXPECT_EQ(state_of(id), "available");
}

TEST_F(Workers, AHeartbeatRenewsWhatItCanAndSaysWhatItCannot) {
    const auto id = push();
    const auto job = fetch();
    const std::string unknown = "019539a4-b68c-7def-8000-1a2b3c4d5e6f";
    const auto answer = ask("heartbeat", {{"worker_id", "w-1"}, {"active_jobs", {id, unknown}}});
    EXPECT_EQ(answer.status, 200);
    const auto told = json_of(answer);
    EXPECT_EQ(told["state"], "running");
    EXPECT_EQ(told["jobs_extended"], json::array({id}));
    EXPECT_EQ(told["jobs"][0]["job_id"], id);
    EXPECT_GE(told["jobs"][0]["lease_expires_at"], job["lease_expires_at"]);
    EXPECT_EQ(told["jobs"][1]["error"], "not_found");
    EXPECT_TRUE(told["server_time"].is_string());
}

TEST_F(Workers, ATestDirectiveOfAJobReachesTheWorkerThatNamesIt) {
    const auto id = push("default", R"("metadata":{"test_directive":"quiet"})");
    const auto plain = push();
    fetch();
    fetch();
    const auto state = [&](const json& ids) {
        return json_of(ask("heartbeat", {{"worker_id", "w-1"}, {"active_jobs", ids}}))["state"];
    };
    EXPECT_EQ(state({id}), "quiet");
    EXPECT_EQ(state({plain}), "running");
    EXPECT_EQ(state({plain, id}), "quiet");
    EXPECT_EQ(state(json::array()), "running");
}

TEST_F(Workers, AHeartbeatIsToldTheSilenceThatCountsAsDeath) {
    const auto told = json_of(ask("heartbeat", {{"worker_id", "w-1"}}));
    EXPECT_EQ(told["worker_silence_ms"], 60'000);
}

TEST_F(Workers, AFetchMayNamePatternsOfTypes) {
    push("default");
    const auto fetched = [&](const json& types) {
        const auto answer = ask("fetch", {{"worker_id", "w-1"}, {"types", types}});
        return answer.status == 200 ? json_of(answer)["jobs"].size() : answer.status;
    };
    EXPECT_EQ(fetched({"mail.*"}), 0U);
    for (const auto* wrong : {"test*", "*.echo", "te*st.*", "**", ".*", "test.*.*"})
        EXPECT_EQ(fetched({wrong}), 400U) << wrong;
    EXPECT_EQ(fetched({"mail.*", "test.*"}), 1U);
    push("default");
    EXPECT_EQ(fetched({"mail", "*"}), 1U);
}

TEST_F(Workers, AFetchAskedAgainUnderItsNameTellsOfTheSameJobs) {
    push();
    push();
    const json order{{"worker_id", "w-1"}, {"fetch_id", "a"}};
    const auto first = json_of(ask("fetch", order))["jobs"];
    EXPECT_EQ(json_of(ask("fetch", order))["jobs"][0]["lease"], first[0]["lease"]);
    EXPECT_EQ(ack({{"job_id", first[0]["id"]}}).status, 200);
    EXPECT_NE(json_of(ask("fetch", order))["jobs"][0]["id"], first[0]["id"]);
    EXPECT_EQ(ask("fetch", {{"fetch_id", std::string(65, 'x')}}).status, 400);
}

TEST_F(Workers, AnAnswerGivenAgainTellsOfTheSameNextJob) {
    for (int i = 0; i < 3; ++i) push();
    const auto held = json_of(ask("fetch", {{"worker_id", "w-1"}}))["jobs"][0];
    const json next{{"worker_id", "w-1"}, {"fetch_id", "b"}};
    const json answer{{"job_id", held["id"]}, {"lease", held["lease"]}, {"fetch", next}};
    const auto told = json_of(ack(answer))["jobs"];
    ASSERT_EQ(told.size(), 1U);
    const auto again = json_of(ack(answer))["jobs"];
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0]["lease"], told[0]["lease"]);
}

TEST_F(Workers, ATokenBoundToQueuesWorksOnThoseAlone) {
    const auto foreign = push("theirs");
    fetch("theirs");
    const auto mine = push("mine");
    fetch("mine");
    queue_patterns = {"mine"};
    EXPECT_EQ(ask("fetch", {{"queues", {"mine", "theirs"}}}).status, 403);
    EXPECT_EQ(ask("fetch", {{"queues", {"mine"}}}).status, 200);
    EXPECT_EQ(ack({{"job_id", foreign}}).status, 404);
    EXPECT_EQ(fail(foreign).status, 404);
    const auto beat =
        json_of(ask("heartbeat", {{"worker_id", "w-1"}, {"active_jobs", {foreign, mine}}}));
    EXPECT_EQ(beat["jobs"][0]["job_id"], foreign);
    EXPECT_EQ(beat["jobs"][0]["error"], "not_found");
    EXPECT_EQ(beat["jobs"][1]["job_id"], mine);
    EXPECT_EQ(beat["jobs_extended"], json::array({mine}));
    EXPECT_EQ(ack({{"job_id", mine}}).status, 200);
    queue_patterns.clear();
    EXPECT_EQ(state_of(foreign), "active");
}

}  // namespace
}  // namespace sluice::http
