#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

class AdminWorkers : public api_fixture {
public:
    json beat(const std::string& id, const std::string& state = "running") {
        return post("/ojs/v1/workers/heartbeat", {{"worker_id", id}, {"state", state}});
    }
};

TEST_F(AdminWorkers, AreListedWithWhatTheyHoldAndSummedUp) {
    push("q");
    fetch("q", "b");
    beat("a", "quiet");
    beat("c", "terminate");
    beat("d");
    const auto page = get("/ojs/v1/admin/workers");
    ASSERT_EQ(page["items"].size(), 4U);
    EXPECT_EQ(page["items"][0]["id"], "a");
    EXPECT_EQ(page["items"][0]["state"], "quiet");
    EXPECT_EQ(page["items"][0]["active_jobs"], 0);
    EXPECT_TRUE(page["items"][0]["last_heartbeat_at"].is_string());
    EXPECT_EQ(page["items"][1]["id"], "b");
    EXPECT_EQ(page["items"][1]["active_jobs"], 1);
    EXPECT_EQ(page["items"][1]["sends_heartbeats"], false);
    EXPECT_FALSE(page["items"][1].contains("last_heartbeat_at"));
    EXPECT_EQ(page["summary"],
              json({{"total", 4}, {"running", 2}, {"quiet", 1}, {"terminate", 1}, {"stale", 0}}));
    EXPECT_EQ(page["pagination"]["total"], 4);
    const auto second = get("/ojs/v1/admin/workers?per_page=3&page=2");
    ASSERT_EQ(second["items"].size(), 1U);
    EXPECT_EQ(second["items"][0]["id"], "d");
    EXPECT_EQ(second["summary"]["total"], 4);
}

TEST_F(AdminWorkers, OneIsShownWithItsJobs) {
    const auto id = push("q");
    fetch("q", "w-1");
    const auto worker = get("/ojs/v1/admin/workers/w-1");
    EXPECT_EQ(worker["id"], "w-1");
    EXPECT_EQ(worker["in_server"], false);
    EXPECT_EQ(worker["jobs"], json::array({{{"id", id}, {"type", "test.echo"}, {"queue", "q"}}}));
    EXPECT_EQ(get("/ojs/v1/admin/workers/w-2", 404)["error"]["details"]["resource_type"], "worker");
}

TEST_F(AdminWorkers, ATokenBoundToQueuesSeesThoseThatHoldItsJobsAndNoOthers) {
    const auto mine = push("mine");
    push("theirs");
    push("theirs");
    fetch("mine", "both");
    fetch("theirs", "both");
    fetch("theirs", "foreign");
    beat("idle");
    queue_patterns = {"mine"};
    const auto page = get("/ojs/v1/admin/workers");
    ASSERT_EQ(page["items"].size(), 1U);
    EXPECT_EQ(page["items"][0]["id"], "both");
    EXPECT_EQ(page["items"][0]["active_jobs"], 1);
    EXPECT_EQ(page["summary"]["total"], 1);
    EXPECT_EQ(page["pagination"]["total"], 1);
    const auto jobs = get("/ojs/v1/admin/workers/both")["jobs"];
    ASSERT_EQ(jobs.size(), 1U);
    EXPECT_EQ(jobs[0]["id"], mine);
    get("/ojs/v1/admin/workers/foreign", 404);
    get("/ojs/v1/admin/workers/idle", 404);
    get("/ojs/v1/workers/idle/health", 404);
    for (const auto* what : {"quiet", "resume"}) {
        const auto refused =
            post("/ojs/v1/admin/workers/both/" + std::string(what), {}, 403)["error"];
        EXPECT_EQ(refused["code"], "forbidden");
    }
    queue_patterns.clear();
    EXPECT_EQ(get("/ojs/v1/admin/workers/both")["directive"], "running");
}

TEST_F(AdminWorkers, OneThatIsToldToBeQuietHearsItInItsNextHeartbeat) {
    beat("w-1");
    push("q");
    const auto told = post("/ojs/v1/admin/workers/w-1/quiet");
    EXPECT_EQ(told["directive"], "quiet");
    EXPECT_EQ(told["state"], "running") << "it has not heard of it yet";
    EXPECT_TRUE(fetch("q", "w-1").is_null());
    EXPECT_EQ(beat("w-1")["directive"], "quiet");
    EXPECT_EQ(post("/ojs/v1/admin/workers/w-1/resume")["directive"], "running");
    EXPECT_EQ(beat("w-1")["directive"], "running");
    EXPECT_FALSE(fetch("q", "w-1").is_null());
}

TEST_F(AdminWorkers, OneThatCannotBeToldIsNotQuieted) {
    push("q");
    fetch("q", "holder");
    post("/ojs/v1/admin/workers/nobody/quiet", {}, 404);
    EXPECT_EQ(post("/ojs/v1/admin/workers/holder/quiet", {}, 409)["error"]["code"], "conflict");
}

TEST_F(AdminWorkers, ABeatInTheWordsOfTheCasesIsAHeartbeat) {
    const auto answer =
        post("/ojs/v1/workers/beat",
             {{"worker_id", "w-1"}, {"state", "drain"}, {"active_jobs", 2}, {"shutdown", true}});
    EXPECT_EQ(answer["acknowledged"], true);
    EXPECT_EQ(get("/ojs/v1/admin/workers/w-1")["state"], "quiet");
    const auto health = get("/ojs/v1/workers/w-1/health", 503);
    EXPECT_EQ(health["state"], "draining");
    EXPECT_EQ(health["worker_id"], "w-1");
    push("q");
    EXPECT_TRUE(fetch("q", "w-1").is_null());
    beat("w-1");
    EXPECT_EQ(get("/ojs/v1/workers/w-1/health")["state"], "running");
    beat("w-1", "terminate");
    EXPECT_EQ(get("/ojs/v1/workers/w-1/health", 503)["state"], "shutting_down");
    get("/ojs/v1/workers/w-2/health", 404);
    EXPECT_EQ(routes.find("POST", "/ojs/v1/workers/beat").options.needs, scope::work);
}

}  // namespace
}  // namespace sluice::http
