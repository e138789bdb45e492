#include "tests/http/api_fixture.hpp"

#include <chrono>

namespace sluice::http {
namespace {

using nlohmann::json;

const std::string redrives_path = "/ojs/v1/dead-letter/redrives";

class Redrives : public api_fixture {
public:
    json begin(const json& body) { return post(redrives_path, body, 202)["redrive"]; }
    json redrive(const std::string& id) { return get(redrives_path + "/" + id)["redrive"]; }
    /// Waits until it is in this state.
    json await(const std::string& id, const std::string& state) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        auto seen = redrive(id);
        while (seen["state"] != state && std::chrono::steady_clock::now() < deadline)
            seen = redrive(id);
        EXPECT_EQ(seen["state"], state) << seen;
        return seen;
    }
    json await_sent(const std::string& id, int count) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        auto seen = redrive(id);
        while (seen["counts"]["sent"] < count && std::chrono::steady_clock::now() < deadline)
            seen = redrive(id);
        EXPECT_EQ(seen["counts"]["sent"], count) << seen;
        return seen;
    }
    void finish_well(const json& job) {
        post("/ojs/v1/workers/ack", {{"job_id", job["id"]}, {"lease", job["lease"]}});
    }
    void die(const json& job) {
        post("/ojs/v1/workers/nack",
             {{"job_id", job["id"]},
              {"lease", job["lease"]},
              {"error", {{"code", "smtp"}, {"message", "The relay said no."}}}});
    }
};

TEST_F(Redrives, SendTheOthersAfterTheirCanary) {
    for (int i = 0; i < 3; ++i) dead_letter("mail");
    const auto answer = send("POST", redrives_path, R"({"filter":{"queue":"mail"},"rate":1000})");
    ASSERT_EQ(answer.status, 202) << answer.body;
    const auto begun = json_of(answer)["redrive"];
    const std::string id = begun["id"];
    EXPECT_EQ(field_of(answer, "Location"), redrives_path + "/" + id);
    EXPECT_EQ(begun["state"], "canary");
    EXPECT_EQ(begun["filter"], json({{"queue", "mail"}}));
    EXPECT_EQ(begun["rate"], 1000);
    EXPECT_EQ(begun["canary"], 1);
    EXPECT_EQ(begun["counts"]["sent"], 0);
    const auto seen = await_sent(id, 1);
    EXPECT_EQ(seen["waits_for"], json({{"reason", "canaries"}}));
    const auto canary = fetch("mail");
    EXPECT_EQ(seen["canaries"], json::array({canary["id"]}));
    finish_well(canary);
    const auto over = await(id, "completed");
    EXPECT_EQ(over["counts"],
              json({{"sent", 3}, {"skipped", 0}, {"canaries_sent", 1}, {"canaries_completed", 1}}));
    EXPECT_TRUE(over.contains("ended_at"));
    EXPECT_FALSE(over.contains("waits_for"));
    EXPECT_EQ(get("/ojs/v1/dead-letter?queue=mail")["jobs"], json::array());
    EXPECT_EQ(get(redrives_path)["redrives"], json::array({over}));
}

TEST_F(Redrives, AreStoppedByACanaryThatDies) {
    for (int i = 0; i < 3; ++i) dead_letter("mail");
    const std::string id = begin({{"filter", {{"queue", "mail"}}}, {"rate", 1000}})["id"];
    await_sent(id, 1);
    const auto canary = fetch("mail");
    die(canary);
    const auto over = await(id, "stopped");
    EXPECT_EQ(over["stopped_by"]["job_id"], canary["id"]);
    EXPECT_EQ(over["stopped_by"]["state"], "discarded");
    EXPECT_EQ(over["stopped_by"]["error"], "The relay said no.");
    EXPECT_EQ(over["counts"]["sent"], 1);
    EXPECT_TRUE(fetch("mail").is_null()) << "nothing more was sent";
    EXPECT_EQ(send("DELETE", redrives_path + "/" + id).status, 409);
}

TEST_F(Redrives, AreCancelled) {
    for (int i = 0; i < 3; ++i) dead_letter("mail");
    const std::string id =
        begin({{"filter", {{"queue", "mail"}}}, {"rate", 0.001}, {"canary", 0}, {"max", 2}})["id"];
    await_sent(id, 1);
    const auto cancelled = send("DELETE", redrives_path + "/" + id);
    EXPECT_EQ(cancelled.status, 200) << cancelled.body;
    EXPECT_EQ(json_of(cancelled)["redrive"]["state"], "cancelled");
    EXPECT_EQ(json_of(cancelled)["redrive"]["max"], 2);
    EXPECT_EQ(send("DELETE", redrives_path + "/" + id).status, 409);
    EXPECT_EQ(get("/ojs/v1/dead-letter?queue=mail")["jobs"].size(), 2U);
}

TEST_F(Redrives, WhatIsWrongIsNamedAndNothingIsLost) {
    dead_letter("mail");
    const json filter{{"queue", "mail"}};
    const auto refused = [&](const json& body, const std::string& field) {
        const auto told = post(redrives_path, body, 400)["error"];
        EXPECT_EQ(told["details"]["field"], field) << told;
        EXPECT_NE(std::string(told["message"]).find("'" + field + "'"), std::string::npos) << told;
    };
    refused({{"filter", filter}, {"rate", 0}}, "rate");
    refused({{"filter", filter}, {"rate", -3}}, "rate");
    refused({{"filter", filter}, {"rate", 10'001}}, "rate");
    refused({{"filter", filter}, {"rate", "fast"}}, "rate");
    refused({{"filter", filter}, {"canary", 101}}, "canary");
    refused({{"filter", filter}, {"canary", -1}}, "canary");
    refused({{"filter", filter}, {"max", 0}}, "max");
    refused({{"filter", filter}, {"canaries", 1}}, "canaries");
    refused({{"filter", json::object()}}, "filter");
    refused({{"filter", {{"ids", json::array({"x"})}}}}, "filter.ids");
    refused({{"rate", 5}}, "filter");
    EXPECT_EQ(send("POST", redrives_path, "{").status, 400);
    EXPECT_EQ(get(redrives_path)["redrives"], json::array());
    EXPECT_EQ(get("/ojs/v1/dead-letter?queue=mail")["jobs"].size(), 1U);
    EXPECT_TRUE(fetch("mail").is_null());
}

TEST_F(Redrives, ThatDoNotExistAreNotFound) {
    const auto told = get(redrives_path + "/rdr_none", 404);
    EXPECT_EQ(told["error"]["code"], "not_found");
    EXPECT_EQ(send("DELETE", redrives_path + "/rdr_none").status, 404);
}

TEST_F(Redrives, ATokenForSomeQueuesSendsAndSeesThoseOfThese) {
    dead_letter("other");
    dead_letter("mine");
    const std::string foreign = begin({{"filter", {{"queue", "other"}}}})["id"];
    queue_patterns = {"mine*"};
    const auto told = post(redrives_path, {{"filter", {{"type", "test.*"}}}}, 403);
    EXPECT_EQ(told["error"]["details"]["field"], "filter.queue");
    post(redrives_path, {{"filter", {{"queue", "other"}}}}, 403);
    const std::string own = begin({{"filter", {{"queue", "mine"}}}})["id"];
    EXPECT_EQ(get(redrives_path)["redrives"].size(), 1U);
    get(redrives_path + "/" + foreign, 404);
    EXPECT_EQ(send("DELETE", redrives_path + "/" + foreign).status, 404);
    get(redrives_path + "/" + own);
    EXPECT_EQ(send("DELETE", redrives_path + "/" + own).status, 200);
    queue_patterns.clear();
    EXPECT_EQ(redrive(foreign)["state"], "canary") << "nobody else has cancelled it";
}

TEST_F(Redrives, AreCountedInTheMetrics) {
    dead_letter("mail");
    const auto active = [&] {
        const auto text = send("GET", "/metrics").body;
        const std::string name = "\nsluice_redrives_active ";
        return text.substr(text.find(name) + name.size(), 1);
    };
    EXPECT_EQ(active(), "0");
    begin({{"filter", {{"queue", "mail"}}}});
    EXPECT_EQ(active(), "1");
}

}  // namespace
}  // namespace sluice::http
