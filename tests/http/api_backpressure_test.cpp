#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

class Backpressure : public api_fixture {
public:
    json bound(const json& settings, const std::string& name = "q", int status = 200) {
        const auto answer = send("PUT", "/ojs/v1/admin/queues/" + name + "/config",
                                 json{{"backpressure", settings}}.dump());
        EXPECT_EQ(answer.status, status) << answer.body;
        return json_of(answer);
    }
    static std::string job(const std::string& in = "q") {
        return json{{"type", "t"}, {"args", json::array()}, {"options", {{"queue", in}}}}.dump();
    }
    response post_job(header_fields fields = {}) {
        return send("POST", "/ojs/v1/jobs", job(), std::move(fields));
    }
    void end_one() {
        const auto held = fetch("q");
        post("/ojs/v1/workers/ack", {{"job_id", held["id"]}, {"lease", held["lease"]}});
    }
};

TEST_F(Backpressure, AFullQueueSaysSoAndHowFullItIs) {
    bound({{"max_depth", 1}});
    EXPECT_EQ(post_job().status, 201);
    const auto refused = post_job();
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(field_of(refused, "Retry-After"), "1");
    EXPECT_EQ(field_of(refused, "X-OJS-Queue-Depth"), "1");
    EXPECT_EQ(field_of(refused, "X-OJS-Queue-Bound"), "1");
    const auto error = json_of(refused)["error"];
    EXPECT_EQ(error["code"], "QUEUE_FULL");
    EXPECT_EQ(error["retryable"], true);
    EXPECT_EQ(error["details"],
              (json{{"queue", "q"}, {"depth", 1}, {"bound", 1}, {"strategy", "reject"}}));
}

TEST_F(Backpressure, AWorkflowIsStoredWholeOrNotAtAll) {
    bound({{"max_depth", 2}});
    const json steps(3, json::parse(job()));
    const auto refused =
        send("POST", "/ojs/v1/workflows", json{{"type", "chain"}, {"steps", steps}}.dump());
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(field_of(refused, "X-OJS-Queue-Bound"), "2");
    EXPECT_TRUE(fetch("q").is_null());
}

TEST_F(Backpressure, IsAMetricOfQueuesWithABound) {
    bound({{"max_depth", 4}});
    post_job();
    EXPECT_NE(send("GET", "/metrics").body.find("ojs_backpressure_pressure{queue=\"q\"} 0.25"),
              std::string::npos);
}

TEST_F(Backpressure, ABatchIsStoredWholeOrNotAtAll) {
    bound({{"max_depth", 2}});
    const json batch{{"jobs", {json::parse(job()), json::parse(job()), json::parse(job())}}};
    EXPECT_EQ(send("POST", "/ojs/v1/jobs/batch", batch.dump()).status, 429);
    EXPECT_TRUE(fetch("q").is_null());
}

TEST_F(Backpressure, ProducersAreWarnedFromTheThresholdOn) {
    bound({{"max_depth", 4}, {"warning_threshold", 0.5}});
    EXPECT_EQ(field_of(post_job(), "X-OJS-Queue-Pressure"), "");
    const auto warned = post_job();
    EXPECT_EQ(field_of(warned, "X-OJS-Queue-Depth"), "2");
    EXPECT_EQ(field_of(warned, "X-OJS-Queue-Bound"), "4");
    EXPECT_EQ(field_of(warned, "X-OJS-Queue-Pressure"), "0.50");
    post_job();
    EXPECT_EQ(field_of(post_job(), "X-OJS-Queue-Pressure"), "1.00");
}

TEST_F(Backpressure, TheSettingsOfAQueueCanBeReadBack) {
    get("/ojs/v1/admin/queues/q/config", 404);
    const json settings{{"max_depth", 7}, {"strategy", "block"}, {"warning_threshold", 0.75}};
    EXPECT_EQ(bound(settings)["configuration"]["backpressure"], settings);
    EXPECT_EQ(get("/ojs/v1/admin/queues/q/config")["configuration"]["backpressure"], settings);
    EXPECT_EQ(get("/ojs/v1/admin/queues/q")["configuration"]["backpressure"], settings);
    EXPECT_EQ(get("/ojs/v1/admin/queues/q/config")["name"], "q");
}

TEST_F(Backpressure, BadSettingsAreRefusedAndChangeNothing) {
    bound({{"max_depth", 7}});
    EXPECT_EQ(bound({{"max_depth", -1}}, "q", 400)["error"]["details"]["field"],
              "backpressure.max_depth");
    EXPECT_EQ(bound({{"max_size_bytes", 5}}, "q", 422)["error"]["code"], "unsupported");
    bound({{"max_depth", 1}}, "Q!", 400);
    EXPECT_EQ(get("/ojs/v1/admin/queues/q/config")["configuration"]["backpressure"]["max_depth"],
              7);
}

TEST_F(Backpressure, AProducerMayWaitForRoom) {
    bound({{"max_depth", 1}, {"strategy", "block"}});
    EXPECT_EQ(post_job().status, 201);
    EXPECT_EQ(post_job().status, 429) << "it did not say that it waits";
    const auto first = start("POST", "/ojs/v1/jobs", job(), {{"ojs-block-timeout", "30"}});
    const auto second = start("POST", "/ojs/v1/jobs", job(), {{"ojs-block-timeout", "30"}});
    EXPECT_FALSE(*first);
    end_one();
    EXPECT_EQ(finish(first).status, 201);
    EXPECT_FALSE(*second);
    end_one();
    EXPECT_EQ(finish(second).status, 201);
}

TEST_F(Backpressure, NoMoreWaitThanTheirBodiesAllow) {
    bound({{"max_depth", 1}, {"strategy", "block"}});
    post_job();
    const header_fields patient{{"ojs-block-timeout", "30"}};
    auto large = job();
    large.insert(1, waiting_bodies_max - large.size() - 10, ' ');
    const auto first = start("POST", "/ojs/v1/jobs", large, patient);
    EXPECT_EQ(finish(start("POST", "/ojs/v1/jobs", job(), patient)).status, 429);
    EXPECT_FALSE(*first);
    end_one();
    EXPECT_EQ(finish(first).status, 201);
    const auto next = start("POST", "/ojs/v1/jobs", large, patient);
    EXPECT_FALSE(*next) << "the first one waits no more";
    end_one();
    EXPECT_EQ(finish(next).status, 201);
}

TEST_F(Backpressure, WhoWaitsIsToldWhenTheServerDrains) {
    bound({{"max_depth", 1}, {"strategy", "block"}});
    post_job();
    const auto waiting = start("POST", "/ojs/v1/jobs", job(), {{"ojs-block-timeout", "30"}});
    queue->begin_drain();
    EXPECT_EQ(finish(waiting).status, 503);
}

TEST_F(Backpressure, WhoWaitsGoesOnWhenTheBoundIsLifted) {
    bound({{"max_depth", 1}, {"strategy", "block"}});
    post_job();
    const auto waiting = start("POST", "/ojs/v1/jobs", job(), {{"ojs-block-timeout", "30"}});
    bound({{"max_depth", 0}});
    EXPECT_EQ(finish(waiting).status, 201);
}

TEST_F(Backpressure, WhoWaitsGoesOnWhenEverythingIsEmptied) {
    bound({{"max_depth", 1}, {"strategy", "block"}});
    post_job();
    const auto waiting = start("POST", "/ojs/v1/jobs", job(), {{"ojs-block-timeout", "30"}});
    const auto emptied = start("POST", "/ojs/v1/admin/reset");
    EXPECT_EQ(finish(emptied).status, 200);
    EXPECT_EQ(finish(waiting).status, 201);
}

TEST_F(Backpressure, NothingIsStoredForAProducerWhoHasGone) {
    bound({{"max_depth", 1}, {"strategy", "block"}});
    post_job();
    const auto waiting = start("POST", "/ojs/v1/jobs", job(), {{"ojs-block-timeout", "30"}});
    stop.request_stop();
    EXPECT_EQ(finish(waiting).status, 429);
    stop = std::stop_source{};
    end_one();
    EXPECT_TRUE(fetch("q").is_null());
}

TEST_F(Backpressure, WhatIsNoTimeToWaitIsRefused) {
    for (const auto* bad : {"soon", "-1", "1.5", "99999999999999999999"})
        EXPECT_EQ(post_job({{"ojs-block-timeout", bad}}).status, 400) << bad;
}

TEST_F(Backpressure, ATokenForOtherQueuesSetsNothing) {
    queue_patterns = {"mail.*"};
    bound({{"max_depth", 1}}, "q", 403);
    bound({{"max_depth", 1}}, "mail.a");
    get("/ojs/v1/admin/queues/q/config", 404);
}

TEST_F(Backpressure, EventsTellOfIt) {
    bound({{"max_depth", 1}, {"strategy", "drop_oldest"}});
    const auto first = json_of(post_job())["job"]["id"];
    post_job();
    const auto events = get("/ojs/v1/events?types=backpressure.*")["events"];
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0]["type"], "backpressure.warning");
    EXPECT_EQ(events[0]["subject"], "q");
    EXPECT_EQ(events[0]["data"], (json{{"queue", "q"}, {"depth", 1}, {"bound", 1}}));
    EXPECT_EQ(events[1]["type"], "backpressure.dropped");
    EXPECT_EQ(events[1]["data"]["job_id"], first);
    EXPECT_EQ(events[1]["data"]["job_type"], "t");
}

TEST_F(Backpressure, AnOverrideOfARateLimitIsSetShownAndTakenBack) {
    const auto put = [&](const std::string& body, int status) {
        const auto answer = send("PUT", "/ojs/v1/rate-limits/api", body);
        EXPECT_EQ(answer.status, status) << answer.body;
        return json_of(answer);
    };
    const auto set = put(R"({"concurrency":0,"expires_at":"+PT1H"})", 200);
    EXPECT_EQ(set["concurrency"]["limit"], 0);
    EXPECT_EQ(set["override"]["concurrency"], 0);
    const json limited{
        {"type", "t"},
        {"args", json::array()},
        {"options", {{"queue", "q"}, {"rate_limit", {{"key", "api"}, {"concurrency", 9}}}}}};
    post("/ojs/v1/jobs", limited, 201);
    EXPECT_TRUE(fetch("q").is_null());
    EXPECT_EQ(send("DELETE", "/ojs/v1/rate-limits/api").status, 200);
    EXPECT_FALSE(fetch("q").is_null());
    EXPECT_FALSE(get("/ojs/v1/rate-limits/api").contains("override"));
    put("{}", 400);
    put(R"({"concurrency":-1})", 400);
    EXPECT_EQ(send("PUT", "/ojs/v1/rate-limits/-a", R"({"concurrency":1})").status, 400);
    queue_patterns = {"mail.*"};
    put(R"({"concurrency":1})", 403);
}

TEST_F(Backpressure, AChangeOfTheSettingsLeavesWhatItDoesNotName) {
    const std::string path = "/ojs/v1/admin/queues/q/config";
    const auto change = [&](const json& body) {
        const auto answer = send("PATCH", path, body.dump());
        EXPECT_EQ(answer.status, 200) << answer.body;
        return json_of(answer)["configuration"];
    };
    EXPECT_EQ(change({{"concurrency", 1}})["concurrency"], 1);
    const auto both = change({{"backpressure", {{"max_depth", 9}}}});
    EXPECT_EQ(both["concurrency"], 1);
    EXPECT_EQ(both["backpressure"]["max_depth"], 9);
    push("q");
    push("q");
    ASSERT_FALSE(fetch("q").is_null());
    EXPECT_TRUE(fetch("q").is_null()) << "one runs already";
    EXPECT_FALSE(change({{"concurrency", nullptr}}).contains("concurrency"));
    EXPECT_FALSE(fetch("q").is_null());
    EXPECT_EQ(send("PATCH", path, R"({"concurency":1})").status, 400);
    bound({{"max_depth", 5}});
    EXPECT_EQ(get(path)["configuration"]["backpressure"]["max_depth"], 5);
    queue_patterns = {"other"};
    EXPECT_EQ(send("PATCH", path, R"({"concurrency":1})").status, 403);
}

TEST_F(Backpressure, WhoWaitsHearsOfEveryOtherSetting) {
    const header_fields patient{{"ojs-block-timeout", "60"}};
    bound({{"max_depth", 1}, {"strategy", "block"}});
    EXPECT_EQ(post_job().status, 201);
    const auto refused = start("POST", "/ojs/v1/jobs", job(), patient);
    bound({{"max_depth", 1}, {"strategy", "reject"}});
    EXPECT_EQ(finish(refused).status, 429);
    bound({{"max_depth", 1}, {"strategy", "block"}});
    const auto stored = start("POST", "/ojs/v1/jobs", job(), patient);
    bound({{"max_depth", 1}, {"strategy", "drop_oldest"}});
    EXPECT_EQ(finish(stored).status, 201);
}

TEST_F(Backpressure, WhatCanNeverFitDoesNotStandInLine) {
    const header_fields patient{{"ojs-block-timeout", "60"}};
    bound({{"max_depth", 2}, {"strategy", "block"}});
    EXPECT_EQ(post_job().status, 201);
    EXPECT_EQ(post_job().status, 201);
    const auto waiting = start("POST", "/ojs/v1/jobs", job(), patient);
    const auto one = json::parse(job());
    const json three{{"jobs", {one, one, one}}};
    EXPECT_EQ(send("POST", "/ojs/v1/jobs/batch", three.dump(), patient).status, 429);
    end_one();
    EXPECT_EQ(finish(waiting).status, 201);
}

}  // namespace
}  // namespace sluice::http
