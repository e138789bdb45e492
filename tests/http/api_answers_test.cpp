#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

const std::string ack_path = "/ojs/v1/workers/ack";
const std::string batch_path = "/ojs/v1/workers/batch";

class Answers : public api_fixture {
public:
    json held(const std::string& name = "q") {
        push(name);
        return fetch(name);
    }
    static json answer_for(const json& job) {
        return {{"job_id", job["id"]}, {"lease", job["lease"]}};
    }
    static json new_job(const std::string& name) {
        return {{"type", "t"}, {"args", json::array()}, {"options", {{"queue", name}}}};
    }
};

TEST_F(Answers, AnAckStoresItsFollowUps) {
    auto ack = answer_for(held());
    ack["enqueue"] = {new_job("next"), new_job("next")};
    const auto told = post(ack_path, ack);
    ASSERT_EQ(told["enqueued"].size(), 2U);
    EXPECT_EQ(fetch("next")["id"], told["enqueued"][0]);
    EXPECT_EQ(get("/ojs/v1/jobs/" + std::string(ack["job_id"]))["job"]["children"],
              told["enqueued"]);
    EXPECT_EQ(post(ack_path, ack)["enqueued"], told["enqueued"]) << "sent again";
}

TEST_F(Answers, AFollowUpThatIsWrongLeavesTheJobRunning) {
    auto ack = answer_for(held());
    ack["enqueue"] = {new_job("next"), {{"args", json::array()}}};
    EXPECT_EQ(post(ack_path, ack, 400)["error"]["details"]["index"], 1);
    ack["enqueue"] = {new_job("next"), new_job("sluice.webhooks")};
    post(ack_path, ack, 400);
    check_job = [](const job_spec& job) {
        return job.type == "t" ? std::optional(error(errc::validation_failed, "no")) : std::nullopt;
    };
    ack["enqueue"] = {new_job("next")};
    post(ack_path, ack, 422);
    queue_patterns = {"q"};
    check_job = {};
    post(ack_path, ack, 403);
    queue_patterns.clear();
    may_enqueue = false;
    EXPECT_EQ(post(ack_path, ack, 403)["error"]["details"]["field"], "enqueue");
    EXPECT_EQ(state_of(ack["job_id"]), "active");
    EXPECT_TRUE(fetch("next").is_null());
    ack.erase("enqueue");
    post(ack_path, ack);
}

TEST_F(Answers, ManyAreTakenInOneRequest) {
    const auto done = held();
    const auto bad = held();
    const auto kept = held();
    push("q");
    auto ack = answer_for(done);
    ack["result"] = 7;
    ack["enqueue"] = {new_job("next")};
    auto nack = answer_for(bad);
    nack["error"] = {{"code", "DISCARD"}, {"message", "m"}};
    auto late = answer_for(done);
    late["lease"] = "1.1.00000001";
    const auto told = post(batch_path, {{"worker_id", "w-1"},
                                        {"ack", {ack, late}},
                                        {"nack", {nack}},
                                        {"heartbeat", {answer_for(kept)}},
                                        {"fetch", {{"queues", {"q"}}, {"count", 5}}}});
    const auto& results = told["results"];
    ASSERT_EQ(results.size(), 4U) << told;
    EXPECT_EQ(results[0]["job_id"], done["id"]);
    EXPECT_EQ(results[0]["status"], 200);
    EXPECT_EQ(results[0]["state"], "completed");
    EXPECT_EQ(results[0]["enqueued"].size(), 1U);
    EXPECT_EQ(results[1]["status"], 409);
    EXPECT_EQ(results[1]["error"]["code"], "lease_lost");
    EXPECT_EQ(results[2]["state"], "discarded");
    EXPECT_EQ(results[3]["state"], "active");
    EXPECT_EQ(told["jobs"].size(), 1U);
    EXPECT_EQ(state_of(done["id"]), "completed");
}

TEST_F(Answers, ManyWithOneThatIsMalformedDoNothing) {
    const auto done = held();
    const auto refused = post(batch_path, {{"ack", {answer_for(done), {{"job_id", "x"}}}}}, 400);
    EXPECT_EQ(refused["error"]["details"]["field"], "ack[1].job_id");
    EXPECT_EQ(state_of(done["id"]), "active");
    post(batch_path, {{"worker_id", "sluice.server"}, {"ack", json::array()}}, 400);
    EXPECT_EQ(post(batch_path, json::object())["results"], json::array());
}

TEST_F(Answers, OfForeignQueuesAreOfJobsThatAreNotThere) {
    const auto own = held("mine");
    const auto foreign = held("other");
    queue_patterns = {"mine"};
    const auto told = post(batch_path, {{"worker_id", "w-1"},
                                        {"ack", {answer_for(foreign), answer_for(own)}},
                                        {"heartbeat", {answer_for(foreign)}}});
    EXPECT_EQ(told["results"][0]["status"], 404);
    EXPECT_EQ(told["results"][1]["status"], 200);
    EXPECT_EQ(told["results"][2]["status"], 404);
    queue_patterns.clear();
    EXPECT_EQ(state_of(foreign["id"]), "active");
}

}  // namespace
}  // namespace sluice::http
