#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

class UniqueJobs : public api_fixture {
public:
    static json job(int user, const std::string& on_conflict, const std::string& in = "q") {
        return {{"type", "test.echo"},
                {"args", {{{"user", user}}}},
                {"options",
                 {{"queue", in}, {"unique", {{"keys", {"args"}}, {"on_conflict", on_conflict}}}}}};
    }
    json post(const std::string& target, const json& body, int status) {
        const auto answer = send("POST", target, body.dump());
        EXPECT_EQ(answer.status, status) << answer.body;
        return json_of(answer);
    }
    json post_job(const json& body, int status) { return post("/ojs/v1/jobs", body, status); }
    std::size_t stored() { return json_of(send("GET", "/ojs/v1/jobs"))["jobs"].size(); }
};

TEST_F(UniqueJobs, ADuplicateIsAConflictThatNamesTheOther) {
    const auto first = post_job(job(1, "reject"), 201)["job"];
    EXPECT_EQ(first["unique"]["on_conflict"], "reject");
    const auto error = post_job(job(1, "reject"), 409)["error"];
    EXPECT_EQ(error["code"], "duplicate");
    EXPECT_EQ(error["retryable"], false);
    EXPECT_EQ(error["details"]["existing_job_id"], first["id"]);
    EXPECT_EQ(error["details"]["existing_job_state"], "available");
    EXPECT_EQ(error["details"]["uniqueness_key"].get<std::string>().size(), 64U);
    post_job(job(2, "reject"), 201);
}

TEST_F(UniqueJobs, IgnoreAnswersWithTheOther) {
    const auto first = post_job(job(1, "ignore"), 201);
    EXPECT_FALSE(first.contains("deduplicated"));
    const auto again = post_job(job(1, "ignore"), 200);
    EXPECT_EQ(again["deduplicated"], true);
    EXPECT_EQ(again["job"]["id"], first["job"]["id"]);
    EXPECT_EQ(stored(), 1U);
}

TEST_F(UniqueJobs, ABatchSaysWhichOfItsJobsWereThere) {
    post_job(job(1, "ignore"), 201);
    const json mixed{{"jobs", {job(2, "ignore"), job(1, "ignore"), job(2, "ignore")}}};
    const auto answer = post("/ojs/v1/jobs/batch", mixed, 201);
    EXPECT_EQ(answer["deduplicated"], json({1, 2}));
    EXPECT_EQ(answer["jobs"][0]["id"], answer["jobs"][2]["id"]);
    EXPECT_EQ(answer["count"], 3);
    const auto again = post("/ojs/v1/jobs/batch", mixed, 200);
    EXPECT_EQ(again["deduplicated"], json({0, 1, 2}));
    EXPECT_EQ(stored(), 2U);
}

TEST_F(UniqueJobs, OneDuplicateRefusesItsBatch) {
    post_job(job(1, "reject"), 201);
    const auto error =
        post("/ojs/v1/jobs/batch", {{"jobs", {job(2, "reject"), job(1, "reject")}}}, 409)["error"];
    EXPECT_EQ(error["details"]["index"], 1);
    EXPECT_EQ(stored(), 1U);
}

TEST_F(UniqueJobs, ReplaceCancelsTheOther) {
    const auto first = post_job(job(1, "replace"), 201)["job"];
    const auto second = post_job(job(1, "replace"), 201)["job"];
    EXPECT_NE(first["id"], second["id"]);
    EXPECT_EQ(state_of(first["id"]), "cancelled");
    EXPECT_EQ(state_of(second["id"]), "available");
}

TEST_F(UniqueJobs, ATokenForOtherQueuesNeitherSeesNorReplaces) {
    const auto theirs = post_job(job(1, "reject", "theirs"), 201)["job"];
    queue_patterns = {"ours"};
    for (const auto* policy : {"reject", "ignore", "replace"}) {
        const auto answer = post_job(job(1, policy, "ours"), 409);
        EXPECT_EQ(answer.dump().find(theirs["id"].get<std::string>()), std::string::npos);
    }
    queue_patterns.clear();
    EXPECT_EQ(state_of(theirs["id"]), "available");
}

TEST_F(UniqueJobs, ARuleThatMakesNoSenseIsRefused) {
    auto body = job(1, "never");
    EXPECT_EQ(post_job(body, 400)["error"]["details"]["field"], "options.unique.on_conflict");
    body = job(1, "reject");
    body["options"]["unique"]["args_keys"] = {"customer"};
    const auto error = post_job(body, 400)["error"];
    EXPECT_EQ(error["details"]["field"], "options.unique.args_keys");
    EXPECT_EQ(stored(), 0U);
}

}  // namespace
}  // namespace sluice::http
