#include "tests/http/api_fixture.hpp"

#include <map>
#include <set>

namespace sluice::http {
namespace {

using nlohmann::json;

class Views : public api_fixture {
public:
    /// Follows `next_cursor` from page to page.
    std::vector<std::string> all_pages(const std::string& target) {
        std::vector<std::string> ids;
        std::string cursor;
        for (int page = 0; page < 100; ++page) {
            const auto got = get(target + (cursor.empty() ? "" : "&cursor=" + cursor));
            for (const auto& job : got["jobs"]) ids.push_back(job["id"]);
            EXPECT_EQ(got["pagination"]["has_more"], got.contains("next_cursor"));
            if (!got.contains("next_cursor")) return ids;
            cursor = got["next_cursor"];
        }
        ADD_FAILURE() << "the pages do not end";
        return ids;
    }
};

TEST_F(Views, PagesOfJobsHoldEachJobOnceNewestFirst) {
    std::vector<std::string> pushed;
    for (int i = 0; i < 7; ++i) pushed.insert(pushed.begin(), push("q"));
    push("other");
    EXPECT_EQ(all_pages("/ojs/v1/admin/jobs?queue=q&limit=3"), pushed);
    EXPECT_EQ(all_pages("/ojs/v1/jobs?queue=q&limit=3"), pushed);
    const auto second = get("/ojs/v1/admin/jobs?queue=q&limit=3&offset=3")["jobs"];
    ASSERT_EQ(second.size(), 3U);
    EXPECT_EQ(second[0]["id"], pushed[3]);
}

TEST_F(Views, JobsAreFilteredByStateQueueAndType) {
    const auto cancelled = push();
    const auto available = push();
    EXPECT_EQ(send("DELETE", "/ojs/v1/jobs/" + cancelled).status, 200);
    const auto ids = [&](const std::string& filter) {
        std::set<std::string> found;
        const auto page = get("/ojs/v1/admin/jobs?" + filter);
        for (const auto& job : page["jobs"]) found.insert(job["id"]);
        return found;
    };
    EXPECT_EQ(ids("state=cancelled"), std::set<std::string>{cancelled});
    EXPECT_EQ(ids("state=available"), std::set<std::string>{available});
    EXPECT_EQ(ids("type=test.echo").size(), 2U);
    EXPECT_EQ(ids("type=test.other").size(), 0U);
    EXPECT_EQ(ids("queue=other").size(), 0U);
}

TEST_F(Views, SenselessParametersAreRefused) {
    for (const std::string query : {"limit=0", "limit=-1", "limit=x", "limit=", "cursor=x",
                                    "state=lost", "offset=5000", "offset=-1"}) {
        const auto error = get("/ojs/v1/admin/jobs?" + query, 400)["error"];
        EXPECT_EQ(error["code"], "invalid_request") << query;
        EXPECT_EQ(error["details"]["parameter"], query.substr(0, query.find('='))) << query;
    }
    for (const std::string query : {"limit=0", "wait_ms=x", "after=x", "after=evt_x"}) {
        EXPECT_EQ(get("/ojs/v1/events?" + query, 400)["error"]["code"], "invalid_request");
    }
    get("/ojs/v1/admin/jobs?limit=99999999999999999999999");
}

TEST_F(Views, DeadLettersAreListedAndCountedInPages) {
    std::set<std::string> dead;
    for (int i = 0; i < 3; ++i) dead.insert(dead_letter());
    push();
    const auto ids = all_pages("/ojs/v1/dead-letter?limit=2");
    EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()), dead);
    EXPECT_EQ(ids.size(), 3U);
    const auto page = get("/ojs/v1/dead-letter?limit=2");
    EXPECT_EQ(page["pagination"]["total"], 3);
    EXPECT_EQ(page["pagination"]["limit"], 2);
    EXPECT_EQ(page["jobs"][0]["errors"].size(), 1U);
}

TEST_F(Views, ADeadLetterComesBackToLifeOnce) {
    const auto id = dead_letter();
    const auto answer = send("POST", "/ojs/v1/dead-letter/" + id + "/retry");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(json_of(answer)["job"]["state"], "available");
    EXPECT_EQ(json_of(answer)["job"]["attempt"], 0);
    const auto again = send("POST", "/ojs/v1/dead-letter/" + id + "/retry");
    EXPECT_EQ(again.status, 404);
    EXPECT_EQ(json_of(again)["error"]["details"]["resource_type"], "dead_letter_job");
    EXPECT_EQ(fetch()["id"], id);
}

TEST_F(Views, ADeletedDeadLetterIsGone) {
    const auto id = dead_letter("mine");
    const auto plain = push("mine");
    queue_patterns = {"theirs"};
    EXPECT_EQ(send("DELETE", "/ojs/v1/dead-letter/" + id).status, 404);
    queue_patterns.clear();
    const auto answer = send("DELETE", "/ojs/v1/dead-letter/" + id);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(json_of(answer), json({{"deleted", true}, {"job_id", id}}));
    EXPECT_EQ(send("DELETE", "/ojs/v1/dead-letter/" + id).status, 404);
    EXPECT_EQ(send("DELETE", "/ojs/v1/dead-letter/" + plain).status, 404);
    EXPECT_EQ(get("/ojs/v1/dead-letter")["jobs"].size(), 0U);
    EXPECT_EQ(state_of(plain), "available");
}

TEST_F(Views, EventsTellTheLifeOfAJobInOrder) {
    const auto id = push("q");
    push("other");
    fetch("q");
    send("POST", "/ojs/v1/workers/ack", R"({"job_id":")" + id + "\"}");
    const auto events = get("/ojs/v1/events?queues=q")["events"];
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[0]["type"], "job.enqueued");
    EXPECT_EQ(events[1]["type"], "job.started");
    EXPECT_EQ(events[2]["type"], "job.completed");
    for (const auto& event : events) {
        EXPECT_EQ(event["specversion"], "1.0");
        EXPECT_EQ(event["subject"], id);
        EXPECT_EQ(event["data"]["job_type"], "test.echo");
        EXPECT_EQ(event["data"]["queue"], "q");
    }
    EXPECT_EQ(events[2]["data"]["attempt"], 1);
    EXPECT_TRUE(events[2]["data"]["duration_ms"].is_number());
    EXPECT_EQ(get("/ojs/v1/events?types=job.started,job.completed")["events"].size(), 2U);
    EXPECT_EQ(get("/ojs/v1/events?types=job.*&queues=q")["events"].size(), 3U);
    EXPECT_EQ(get("/ojs/v1/events?types=worker.*")["events"].size(), 0U);
}

TEST_F(Views, EventsOfAFailureSayWhatWentWrongAndWhatComesNext) {
    const auto id = push("q", R"("retry":{"max_attempts":5})");
    fetch("q", "w-7");
    send("POST", "/ojs/v1/workers/nack",
         R"({"job_id":")" + id + R"(","error":{"code":"boom","message":"it broke"}})");
    dead_letter("d");
    const auto events = get("/ojs/v1/events?queues=q,d")["events"];
    std::map<std::string, json> latest;
    for (const auto& event : events) latest[event["type"]] = event["data"];
    EXPECT_EQ(events[1]["data"]["worker_id"], "w-7");
    EXPECT_EQ(latest["job.retrying"]["error"]["code"], "boom");
    EXPECT_EQ(latest["job.retrying"]["error"]["message"], "it broke");
    EXPECT_EQ(latest["job.retrying"]["max_attempts"], 5);
    EXPECT_TRUE(latest["job.retrying"]["next_retry_at"].is_string());
    EXPECT_EQ(latest["job.failed"]["error"]["code"], "c");
    EXPECT_TRUE(latest["job.failed"]["duration_ms"].is_number());
    EXPECT_EQ(latest["job.discarded"]["last_error"]["message"], "m");
    EXPECT_EQ(latest["job.discarded"]["total_attempts"], 1);
}

TEST_F(Views, EventsGoOnFromWhereAReaderWas) {
    push();
    const auto first = get("/ojs/v1/events");
    EXPECT_EQ(first["gap"], false);
    for (const auto& after :
         std::vector<std::string>{first["cursor"].get<std::string>(), first["last_id"].dump(),
                                  first["events"].back()["id"].get<std::string>()}) {
        EXPECT_EQ(get("/ojs/v1/events?after=" + after)["events"].size(), 0U) << after;
    }
    const auto waiting =
        start("GET", "/ojs/v1/events?wait_ms=30000&after=" + first["last_id"].dump());
    EXPECT_FALSE(waiting->has_value());
    const auto id = push();
    const auto next = json_of(finish(waiting))["events"];
    ASSERT_EQ(next.size(), 1U);
    EXPECT_EQ(next[0]["subject"], id);
}

TEST_F(Views, ACursorOfAnEarlierLifeStartsOverAndSaysSo) {
    push();
    const auto page = get("/ojs/v1/events?after=evt_00000000-0001-7000-8000-1a2b00000000");
    EXPECT_EQ(page["events"].size(), 1U);
    EXPECT_EQ(page["gap"], true);
}

TEST_F(Views, QueuesAreListedWithWhatTheyHold) {
    push("b");
    push("a");
    push("a");
    fetch("a");
    const auto queues = get("/ojs/v1/queues");
    ASSERT_EQ(queues["queues"].size(), 2U);
    EXPECT_EQ(queues["queues"][0]["name"], "a");
    EXPECT_EQ(queues["queues"][0]["active"], 1);
    EXPECT_EQ(queues["pagination"]["total"], 2);
    const auto stats = get("/ojs/v1/queues/a/stats");
    EXPECT_EQ(stats["queue"]["available"], 1);
    EXPECT_EQ(stats["stats"]["depth"], 2);
    EXPECT_EQ(get("/ojs/v1/queues/c/stats", 404)["error"]["code"], "not_found");
    for (const std::string name : {"A", "a b", "-a", "<svg>"}) {
        const auto error = get("/ojs/v1/queues/" + name + "/stats", 400)["error"];
        EXPECT_EQ(error["code"], "invalid_request") << name;
    }
    queue_patterns = {"b"};
    EXPECT_EQ(get("/ojs/v1/queues")["queues"].size(), 1U);
    get("/ojs/v1/queues/a/stats", 404);
}

TEST_F(Views, TheManifestNamesTheVersionAndTheLevel) {
    const auto manifest = get("/ojs/manifest");
    EXPECT_EQ(manifest["specversion"], "1.0");
    EXPECT_EQ(manifest["ojs_version"], "1.0");
    EXPECT_EQ(manifest["implementation"]["name"], "sluice");
    EXPECT_EQ(manifest["implementation"]["version"], "1.2.3");
    EXPECT_EQ(manifest["conformance_level"], 4);
    EXPECT_EQ(manifest["capabilities"]["cron_jobs"], true);
    EXPECT_EQ(manifest["capabilities"]["pause_resume"], true);
    EXPECT_EQ(manifest["capabilities"]["workflows"], true);
    EXPECT_EQ(manifest["capabilities"]["unique_jobs"]["strength"], "strong");
    EXPECT_EQ(manifest["protocols"], json::array({"http"}));
    EXPECT_TRUE(get("/openapi.json").contains("openapi"));
}

TEST_F(Views, ADrainingServerIsNotReadyButAlive) {
    EXPECT_EQ(get("/readyz")["status"], "ready");
    EXPECT_EQ(get("/ojs/v1/health")["status"], "ok");
    EXPECT_EQ(get("/ojs/v1/health")["backend"]["status"], "ok");
    draining = true;
    EXPECT_EQ(get("/readyz", 503)["status"], "draining");
    EXPECT_EQ(get("/ojs/v1/health")["status"], "degraded");
    EXPECT_EQ(send("GET", "/healthz").body, "ok\n");
}

TEST_F(Views, HealthIsToldByTheThreadOfTheQueues) {
    for (const auto* path : {"/healthz", "/readyz", "/ojs/v1/health"}) {
        const auto answer = start_alone("GET", path);
        EXPECT_EQ(answer->has_value(), !across()) << path << " answers for a thread that does not";
        EXPECT_EQ(finish(answer).status, 200);
    }
}

TEST_F(Views, MetricsCountJobsByQueue) {
    push("a");
    const auto answer = send("GET", "/metrics");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.content_type, "text/plain");
    EXPECT_NE(answer.body.find("\nojs_queue_depth{queue=\"a\"} 1\n"), std::string::npos);
    EXPECT_NE(answer.body.find("\nsluice_jobs_pushed_total 1\n"), std::string::npos);
    EXPECT_NE(answer.body.find("\nsluice_up 1\n"), std::string::npos);
}

TEST_F(Views, AResetEmptiesEverythingWhereItIsAllowed) {
    const auto id = push();
    dead_letter("other");
    EXPECT_EQ(send("POST", "/ojs/v1/admin/reset").status, 200);
    EXPECT_EQ(send("GET", "/ojs/v1/jobs/" + id).status, 404);
    EXPECT_EQ(get("/ojs/v1/dead-letter")["jobs"].size(), 0U);

    router without;
    api_services services;
    services.queue = queue.get();
    add_api_routes(without, std::move(services));
    EXPECT_EQ(without.find("POST", "/ojs/v1/admin/reset").handle, nullptr);
    EXPECT_NE(without.find("POST", "/ojs/v1/jobs").handle, nullptr);
}

TEST_F(Views, ExplainSaysWhyAJobDoesNotRun) {
    const auto first = push("q");
    const auto id = push("q");
    const auto told = get("/ojs/v1/jobs/" + id + "/explain");
    EXPECT_EQ(told["job_id"], id);
    EXPECT_EQ(told["state"], "available");
    EXPECT_EQ(told["position"], 1);
    ASSERT_EQ(told["reasons"].size(), 2U) << told;
    EXPECT_EQ(told["reasons"][0]["code"], "no_worker");
    EXPECT_EQ(told["reasons"][1]["code"], "in_line");
    EXPECT_NE(told["reasons"][1]["detail"], "");
    fetch("q");
    const auto running = get("/ojs/v1/jobs/" + first + "/explain");
    EXPECT_EQ(running["reasons"][0]["code"], "running");
    EXPECT_TRUE(running["reasons"][0].contains("until"));
    EXPECT_FALSE(running.contains("position"));
    get("/ojs/v1/jobs/nonsense/explain", 404);
    queue_patterns = {"other"};
    get("/ojs/v1/jobs/" + id + "/explain", 404);
}

}  // namespace
}  // namespace sluice::http
