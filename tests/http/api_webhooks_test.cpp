#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

const std::string subscriptions_path = "/ojs/v1/webhooks/subscriptions";

class Webhooks : public api_fixture {
public:
    json subscribe(const json& more = json::object()) {
        json body{{"url", "https://example.com/hook"}, {"events", {"job.completed"}}};
        body.update(more);
        return post(subscriptions_path, body, 201)["subscription"];
    }
    json change(const std::string& id, const json& body, int status = 200) {
        const auto answer = send("PATCH", subscriptions_path + "/" + id, body.dump());
        EXPECT_EQ(answer.status, status) << answer.body;
        return json_of(answer);
    }
};

TEST_F(Webhooks, AreListedWithoutTheirSecrets) {
    EXPECT_EQ(get(subscriptions_path)["subscriptions"], json::array());
    const auto made = subscribe({{"metadata", {{"owner", "me"}}}});
    EXPECT_EQ(made["url"], "https://example.com/hook");
    EXPECT_EQ(made["events"], json::array({"job.completed"}));
    EXPECT_EQ(made["active"], true);
    EXPECT_EQ(made["metadata"]["owner"], "me");
    EXPECT_EQ(made["secret"], "whsec_made") << "of the server's making";
    const std::string id = made["id"];
    auto shown = made;
    shown.erase("secret");
    EXPECT_EQ(get(subscriptions_path)["subscriptions"], json::array({shown}));
    EXPECT_EQ(get(subscriptions_path + "/" + id)["subscription"], shown);
    EXPECT_EQ(subscribe({{"secret", "0123456789abcdef"}})["secret"], "0123456789abcdef");
}

TEST_F(Webhooks, AreChangedAndRemoved) {
    const std::string id = subscribe()["id"];
    const auto changed = change(id, {{"events", {"job.completed", "job.failed"}}});
    EXPECT_EQ(changed["subscription"]["events"].size(), 2U);
    EXPECT_FALSE(changed["subscription"].contains("secret"));
    EXPECT_EQ(change(id, {{"active", false}})["subscription"]["active"], false);
    const auto gone = send("DELETE", subscriptions_path + "/" + id);
    EXPECT_EQ(gone.status, 200);
    EXPECT_EQ(json_of(gone)["deleted"], true);
    get(subscriptions_path + "/" + id, 404);
    change(id, {{"active", true}}, 404);
    EXPECT_EQ(send("DELETE", subscriptions_path + "/" + id).status, 404);
    post(subscriptions_path + "/" + id + "/test", json::object(), 404);
    EXPECT_EQ(send("POST", subscriptions_path + "/" + id + "/rotate-secret").status, 404);
}

TEST_F(Webhooks, ANewSecretIsTold) {
    const std::string id = subscribe({{"secret", "0123456789abcdef"}})["id"];
    const auto answer = send("POST", subscriptions_path + "/" + id + "/rotate-secret");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(json_of(answer)["subscription"]["secret"], "whsec_made");
    EXPECT_TRUE(json_of(answer).contains("previous_secret_valid_until"));
    const auto own =
        post(subscriptions_path + "/" + id + "/rotate-secret", {{"secret", "fedcba9876543210"}});
    EXPECT_EQ(own["subscription"]["secret"], "fedcba9876543210");
}

TEST_F(Webhooks, AUrlThatMayNotBeCalledIsRefused) {
    post(subscriptions_path, {{"url", "https://refused.example/"}, {"events", {"*"}}}, 422);
    const std::string id = subscribe()["id"];
    change(id, {{"url", "https://refused.example/"}}, 422);
    EXPECT_EQ(get(subscriptions_path + "/" + id)["subscription"]["url"],
              "https://example.com/hook");
    post(subscriptions_path, {{"url", "https://example.com/"}, {"events", {"job.done"}}}, 400);
    post(subscriptions_path, {{"url", "https://example.com/"}}, 400);
}

TEST_F(Webhooks, ATokenForSomeQueuesSeesAndMakesThoseOfThese) {
    const std::string foreign = subscribe({{"filter", {{"queues", {"other"}}}}})["id"];
    const std::string open = subscribe()["id"];
    queue_patterns = {"mine*"};
    EXPECT_EQ(get(subscriptions_path)["subscriptions"], json::array());
    get(subscriptions_path + "/" + foreign, 404);
    get(subscriptions_path + "/" + open, 404);
    EXPECT_EQ(send("DELETE", subscriptions_path + "/" + open).status, 404);
    post(subscriptions_path, {{"url", "https://example.com/"}, {"events", {"*"}}}, 403);
    const std::string own = subscribe({{"filter", {{"queues", {"mine"}}}}})["id"];
    EXPECT_EQ(get(subscriptions_path)["subscriptions"].size(), 1U);
    change(own, {{"filter", json::object()}}, 403);
    change(own, {{"filter", {{"queues", {"other"}}}}}, 403);
    change(own, {{"filter", {{"queues", {"mine-2"}}}}});
}

TEST_F(Webhooks, ATestTellsWhatTheEndpointSaid) {
    const std::string id = subscribe()["id"];
    const auto testing = start("POST", subscriptions_path + "/" + id + "/test");
    auto job = fetch_inside("sluice.webhooks");
    ASSERT_FALSE(job.is_null());
    EXPECT_EQ(job["args"][0]["event"]["type"], "webhook.test");
    post("/ojs/v1/workers/ack",
         {{"job_id", job["id"]},
          {"lease", job["lease"]},
          {"result", {{"status", 200}, {"elapsed_ms", 1.5}, {"body", "OK"}}}});
    const auto told = json_of(finish(testing));
    EXPECT_EQ(told["success"], true);
    EXPECT_EQ(told["status_code"], 200);
    EXPECT_EQ(told["response_time_ms"], 1.5);
    EXPECT_EQ(told["response_body"], "OK");
    EXPECT_EQ(told["delivery_id"], "del_" + std::string(job["id"]));
}

TEST_F(Webhooks, ATestTellsWhyItFailed) {
    const std::string id = subscribe()["id"];
    const auto testing = start("POST", subscriptions_path + "/" + id + "/test");
    auto job = fetch_inside("sluice.webhooks");
    ASSERT_FALSE(job.is_null());
    post("/ojs/v1/workers/nack",
         {{"job_id", job["id"]},
          {"lease", job["lease"]},
          {"error", {{"code", "http_status"}, {"message", "no"}, {"details", {{"status", 500}}}}}});
    const auto told = json_of(finish(testing));
    EXPECT_EQ(told["success"], false);
    EXPECT_EQ(told["status_code"], 500);
    EXPECT_EQ(told["error"]["code"], "http_status");
}

TEST_F(Webhooks, NobodyPushesADelivery) {
    const auto refused =
        post("/ojs/v1/jobs", {{"type", "sluice.webhook"}, {"args", json::array()}}, 400);
    EXPECT_EQ(refused["error"]["details"]["field"], "type");
    const json job{{"type", "t"}, {"args", json::array()}};
    auto there = job;
    there["options"] = {{"queue", "sluice.webhooks"}};
    post("/ojs/v1/jobs", there, 400);
    auto limited = job;
    limited["options"] = {{"rate_limit", {{"key", "webhook.sub_1"}, {"concurrency", 1}}}};
    post("/ojs/v1/jobs", limited, 400);
}

TEST_F(Webhooks, NobodyOutsideFetchesADelivery) {
    post("/ojs/v1/workers/fetch", {{"queues", {"sluice.webhooks"}}}, 403);
}

}  // namespace
}  // namespace sluice::http
