#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

class Progress : public api_fixture {
public:
    response put(const std::string& id, const json& body) {
        return send("PUT", "/ojs/v1/jobs/" + id + "/progress", body.dump());
    }
    json get(const std::string& id) {
        return json_of(send("GET", "/ojs/v1/jobs/" + id + "/progress"));
    }
    static std::string code_of(const response& answer) { return json_of(answer)["error"]["code"]; }
};

TEST_F(Progress, IsToldAndSeenInTheJob) {
    const auto id = push();
    const auto lease = fetch()["lease"];
    EXPECT_TRUE(get(id)["progress"].is_null());
    EXPECT_TRUE(get(id)["data"].is_null());
    const auto answer = put(
        id,
        {{"progress", 0.5}, {"message", "half of it"}, {"lease", lease}, {"data", {{"rows", 1}}}});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(json_of(answer)["progress"], 0.5);
    EXPECT_EQ(get(id)["progress"], 0.5);
    EXPECT_EQ(get(id)["message"], "half of it");
    EXPECT_EQ(get(id)["data"], (json{{"rows", 1}}));
    EXPECT_TRUE(get(id)["updated_at"].is_string());
    const auto job = json_of(send("GET", "/ojs/v1/jobs/" + id))["job"];
    EXPECT_EQ(job["progress"], 0.5);
    EXPECT_EQ(job["progress_message"], "half of it");
    EXPECT_EQ(job["progress_data"]["rows"], 1);
}

TEST_F(Progress, NeverFallsWithinARun) {
    const auto id = push();
    fetch();
    put(id, {{"progress", 0.5}, {"message", "half"}});
    EXPECT_EQ(json_of(put(id, {{"progress", 0.25}, {"message", "less"}}))["progress"], 0.5);
    EXPECT_EQ(get(id)["message"], "less") << "the words are the latest";
    EXPECT_EQ(json_of(put(id, {{"data", {{"rows", 2}}}}))["progress"], 0.5);
    EXPECT_EQ(get(id)["data"]["rows"], 2);
}

TEST_F(Progress, IsWholeOnceTheJobIsCompleted) {
    const auto id = push();
    const auto lease = fetch()["lease"];
    put(id, {{"progress", 0.5}});
    post("/ojs/v1/workers/ack", {{"job_id", id}, {"lease", lease}});
    EXPECT_EQ(get(id)["progress"], 1.0);
    EXPECT_EQ(get(id)["state"], "completed");
}

TEST_F(Progress, StaysAsItWasWhenTheJobFails) {
    const auto id = push("default", R"("retry":{"max_attempts":1})");
    const auto lease = fetch()["lease"];
    put(id, {{"progress", 0.5}});
    post("/ojs/v1/workers/nack",
         {{"job_id", id}, {"lease", lease}, {"error", {{"message", "no"}}}});
    EXPECT_EQ(get(id)["progress"], 0.5);
}

TEST_F(Progress, BeyondItsBoundsIsClamped) {
    const auto id = push();
    fetch();
    EXPECT_EQ(json_of(put(id, {{"progress", 1.5}}))["progress"], 1.0);
    EXPECT_EQ(get(id)["progress"], 1.0);
    const auto other = push();
    fetch();
    EXPECT_EQ(json_of(put(other, {{"progress", -1e300}}))["progress"], 0.0);
}

TEST_F(Progress, IsRefusedFromAnybodyButTheHolder) {
    const auto id = push();
    EXPECT_EQ(put(id, {{"progress", 0.5}}).status, 409);  // nobody runs it
    fetch();
    EXPECT_EQ(put(id, {{"progress", 0.5}, {"worker_id", "w-2"}}).status, 409);
    const auto stale = put(id, {{"progress", 0.5}, {"lease", "1.1.00000000"}});
    EXPECT_EQ(stale.status, 409);
    EXPECT_EQ(code_of(stale), "lease_lost");
    EXPECT_EQ(put(id, {{"progress", 0.5}, {"worker_id", "sluice.server"}}).status, 400);
    EXPECT_EQ(put(id, {{"progress", 0.5}, {"worker_id", "w-1"}}).status, 200);
    queue_patterns = {"others"};
    EXPECT_EQ(put(id, {{"progress", 0.9}}).status, 404);
    EXPECT_EQ(send("GET", "/ojs/v1/jobs/" + id + "/progress").status, 404);
    queue_patterns.clear();
    EXPECT_EQ(get(id)["progress"], 0.5);
}

TEST_F(Progress, MustBeANumber) {
    const auto id = push();
    fetch();
    EXPECT_EQ(put(id, {{"message", "x"}}).status, 400);
    EXPECT_EQ(put(id, {{"progress", "half"}}).status, 400);
    EXPECT_EQ(put(id, {{"progress", nullptr}}).status, 400);
    EXPECT_EQ(put(id, {{"progress", 0.5}, {"data", {1}}}).status, 400);
    EXPECT_EQ(put(id, {{"data", {{"x", std::string(5000, 'x')}}}}).status, 400);
    EXPECT_EQ(send("PUT", "/ojs/v1/jobs/" + id + "/progress", "[0.5]").status, 400);
    EXPECT_EQ(put("nothing", {{"progress", 0.5}}).status, 404);
}

class DoorCheck : public api_fixture {
public:
    DoorCheck() {
        check_job = [](const job_spec& job) -> std::optional<error> {
            if (job.type != "strict") return std::nullopt;
            return error(errc::validation_failed, "args[0] must be a URL", R"("field":"args")");
        };
    }
    std::size_t stored() {
        const auto queues = json_of(send("GET", "/ojs/v1/queues"))["queues"];
        return queues.size();
    }
};

TEST_F(DoorCheck, RefusesAJobBeforeItIsStored) {
    const auto refused = send("POST", "/ojs/v1/jobs", R"({"type":"strict","args":[1]})");
    EXPECT_EQ(refused.status, 422);
    EXPECT_EQ(json_of(refused)["error"]["message"], "args[0] must be a URL");
    EXPECT_EQ(stored(), 0U);
    EXPECT_EQ(send("POST", "/ojs/v1/jobs", R"({"type":"other","args":[1]})").status, 201);
    EXPECT_EQ(stored(), 1U);
}

TEST_F(DoorCheck, RefusesAWholeBatchAndNamesTheJob) {
    const auto refused = send(
        "POST", "/ojs/v1/jobs/batch",
        R"({"jobs":[{"type":"other","args":[]},{"type":"strict","args":[]},{"type":"strict","args":[]}]})");
    EXPECT_EQ(refused.status, 422);
    EXPECT_EQ(json_of(refused)["error"]["details"]["index"], 1);
    EXPECT_EQ(json_of(refused)["error"]["details"]["field"], "args");
    EXPECT_EQ(stored(), 0U);
}

}  // namespace
}  // namespace sluice::http
