#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

class Admin : public api_fixture {};

TEST_F(Admin, StatsSumUpAllQueues) {
    push("a");
    push("a");
    push("b");
    fetch("a");
    dead_letter("d");
    const auto done = push("c");
    fetch("c");
    post("/ojs/v1/workers/ack", {{"job_id", done}});
    const auto stats = get("/ojs/v1/admin/stats");
    EXPECT_EQ(stats["queues"], 4);
    EXPECT_EQ(stats["workers"], 1);
    EXPECT_EQ(stats["jobs"]["available"], 2);
    EXPECT_EQ(stats["jobs"]["active"], 1);
    EXPECT_EQ(stats["jobs"]["completed"], 1);
    EXPECT_EQ(stats["jobs"]["discarded"], 1);
    EXPECT_EQ(stats["dead_letters"], 1);
    EXPECT_TRUE(stats["uptime_seconds"].is_number_integer());
    EXPECT_TRUE(stats["computed_at"].is_string());
}

TEST_F(Admin, ThroughputCountsTheRunsOfTheLastMinute) {
    EXPECT_EQ(get("/ojs/v1/admin/stats")["throughput"],
              json({{"processed_per_minute", 0}, {"failed_per_minute", 0}}));
    const auto done = push();
    fetch();
    post("/ojs/v1/workers/ack", {{"job_id", done}});
    dead_letter();
    dead_letter();
    const auto stats = get("/ojs/v1/admin/stats");
    EXPECT_EQ(stats["throughput"]["processed_per_minute"], 1);
    EXPECT_EQ(stats["throughput"]["failed_per_minute"], 2);
    EXPECT_EQ(stats["dead_letters"], 2);
}

TEST_F(Admin, ATokenBoundToQueuesIsToldOfThoseOnly) {
    push("mine");
    push("theirs");
    dead_letter("theirs-too");
    push("theirs-too");
    fetch("theirs-too", "their-worker");
    queue_patterns = {"mine*"};
    const auto stats = get("/ojs/v1/admin/stats");
    EXPECT_EQ(stats["queues"], 1);
    EXPECT_EQ(stats["workers"], 0);
    EXPECT_EQ(stats["jobs"]["available"], 1);
    EXPECT_EQ(stats["jobs"]["active"], 0);
    EXPECT_EQ(stats["dead_letters"], 0);
    EXPECT_FALSE(stats.contains("throughput")) << "it is counted over all queues";
    const auto queues = get("/ojs/v1/admin/queues");
    EXPECT_EQ(queues["pagination"]["total"], 1);
    ASSERT_EQ(queues["items"].size(), 1U);
    EXPECT_EQ(queues["items"][0]["name"], "mine");
    get("/ojs/v1/admin/queues/theirs", 404);
}

TEST_F(Admin, QueuesAreListedWithTheirCounts) {
    push("b");
    push("a");
    push("a");
    fetch("a");
    const auto page = get("/ojs/v1/admin/queues");
    ASSERT_EQ(page["items"].size(), 2U);
    const auto& a = page["items"][0];
    EXPECT_EQ(a["name"], "a");
    EXPECT_EQ(a["state"], "active");
    EXPECT_EQ(a["paused"], false);
    EXPECT_EQ(a["counts"]["available"], 1);
    EXPECT_EQ(a["counts"]["active"], 1);
    EXPECT_EQ(a["depth"], 2);
    EXPECT_EQ(page["pagination"],
              json({{"total", 2}, {"page", 1}, {"per_page", 20}, {"has_more", false}}));
    EXPECT_EQ(post("/ojs/v1/admin/queues/a/pause")["paused"], true);
    const auto one = get("/ojs/v1/admin/queues/a");
    EXPECT_EQ(one["state"], "paused");
    EXPECT_EQ(one["paused"], true);
    EXPECT_EQ(one["counts"]["available"], 1);
}

TEST_F(Admin, PagesOfQueuesHoldEachOnce) {
    for (const auto* name : {"c", "a", "e", "b", "d"}) push(name);
    std::string seen;
    for (int page = 1; page <= 4; ++page) {
        const auto got = get("/ojs/v1/admin/queues?per_page=2&page=" + std::to_string(page));
        EXPECT_EQ(got["pagination"]["total"], 5);
        EXPECT_EQ(got["pagination"]["has_more"], page < 3) << page;
        for (const auto& each : got["items"]) seen += each["name"];
    }
    EXPECT_EQ(seen, "abcde");
    EXPECT_EQ(get("/ojs/v1/admin/queues?page=99999999999999999999")["items"].size(), 0U);
    for (const std::string query : {"page=0", "page=x", "per_page=0", "per_page=-1"}) {
        const auto error = get("/ojs/v1/admin/queues?" + query, 400)["error"];
        EXPECT_EQ(error["details"]["parameter"], query.substr(0, query.find('='))) << query;
        get("/ojs/v1/admin/workers?" + query, 400);
        get("/ojs/v1/admin/dead-letter?" + query, 400);
    }
}

TEST_F(Admin, AQueueThatIsUnknownOrMisnamedIsRefused) {
    EXPECT_EQ(get("/ojs/v1/admin/queues/nothing", 404)["error"]["details"]["resource_type"],
              "queue");
    EXPECT_EQ(get("/ojs/v1/admin/queues/A", 400)["error"]["code"], "invalid_request");
}

TEST_F(Admin, AJobIsShownFlat) {
    const auto id = push("q");
    const auto job = get("/ojs/v1/admin/jobs/" + id);
    EXPECT_EQ(job["id"], id);
    EXPECT_EQ(job["type"], "test.echo");
    EXPECT_EQ(job["queue"], "q");
    EXPECT_EQ(job["state"], "available");
    EXPECT_EQ(job["args"], json::array({1}));
    get("/ojs/v1/admin/jobs/x", 404);
    get("/ojs/v1/admin/jobs/019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f", 404);
    queue_patterns = {"other"};
    get("/ojs/v1/admin/jobs/" + id, 404);
}

TEST_F(Admin, AJobIsCancelledOnce) {
    const auto id = push("q");
    queue_patterns = {"other"};
    post("/ojs/v1/admin/jobs/" + id + "/cancel", {}, 404);
    queue_patterns.clear();
    EXPECT_EQ(state_of(id), "available");
    EXPECT_EQ(post("/ojs/v1/admin/jobs/" + id + "/cancel")["state"], "cancelled");
    EXPECT_EQ(post("/ojs/v1/admin/jobs/" + id + "/cancel", {}, 409)["error"]["code"], "conflict");
    post("/ojs/v1/admin/jobs/x/cancel", {}, 404);
}

TEST_F(Admin, OnlyADeadLetterIsRetried) {
    const auto dead = dead_letter("q");
    const auto waiting = push("q");
    queue_patterns = {"other"};
    post("/ojs/v1/admin/jobs/" + dead + "/retry", {}, 404);
    queue_patterns.clear();
    const auto revived = post("/ojs/v1/admin/jobs/" + dead + "/retry");
    EXPECT_EQ(revived["id"], dead);
    EXPECT_EQ(revived["state"], "available");
    EXPECT_EQ(revived["attempt"], 0);
    for (const auto& id : {dead, waiting}) {
        const auto error = post("/ojs/v1/admin/jobs/" + id + "/retry", {}, 409)["error"];
        EXPECT_EQ(error["code"], "conflict");
        EXPECT_EQ(error["details"]["current_state"], "available");
    }
    const auto discarded = push("d", R"("retry":{"max_attempts":1})");
    fetch("d");
    post("/ojs/v1/workers/nack",
         {{"job_id", discarded}, {"error", {{"code", "c"}, {"message", "m"}}}});
    EXPECT_EQ(state_of(discarded), "discarded");
    post("/ojs/v1/admin/jobs/" + discarded + "/retry", {}, 409);
    post("/ojs/v1/admin/jobs/x/retry", {}, 404);
}

TEST_F(Admin, HealthAndReadinessAnswerWithoutThePrefixToo) {
    EXPECT_EQ(get("/health")["backend"]["status"], "ok");
    EXPECT_EQ(get("/ready")["status"], "ready");
    draining = true;
    EXPECT_EQ(get("/health")["status"], "degraded");
    EXPECT_EQ(get("/ready", 503)["status"], "draining");
    EXPECT_EQ(routes.find("GET", "/health").options.needs, scope::none);
    EXPECT_EQ(routes.find("GET", "/ready").options.needs, scope::none);
}

}  // namespace
}  // namespace sluice::http
