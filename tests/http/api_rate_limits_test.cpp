#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

class RateLimits : public api_fixture {
public:
    response push_limited(const json& rule, const std::string& in = "q") {
        const json options{{"queue", in}, {"rate_limit", rule}};
        const json job{{"type", "t"}, {"args", json::array()}, {"options", options}};
        auto answer = send("POST", "/ojs/v1/jobs", job.dump());
        EXPECT_EQ(answer.status, 201) << answer.body;
        return answer;
    }
    json nack(const json& job, const std::string& until, int status) {
        const json error{{"message", "429"}, {"rate_limit_until", until}};
        return post("/ojs/v1/workers/nack",
                    {{"job_id", job["id"]}, {"lease", job["lease"]}, {"error", error}}, status);
    }
};

TEST_F(RateLimits, AreKnownAsSoonAsAJobHasOne) {
    get("/ojs/v1/rate-limits/api", 404);
    push_limited({{"key", "api"}, {"concurrency", 2}});
    push_limited({{"key", "api"}, {"concurrency", 2}});
    ASSERT_FALSE(fetch("q").is_null());
    const auto limit = get("/ojs/v1/rate-limits/api");
    EXPECT_EQ(limit["key"], "api");
    EXPECT_EQ(limit["concurrency"], (json{{"limit", 2}, {"active", 1}, {"available", 1}}));
    EXPECT_EQ(limit["waiting_count"], 1);
    EXPECT_EQ(limit["queues"], json::array({"q"}));
    EXPECT_EQ(limit["on_limit"], "wait");
    EXPECT_FALSE(limit.contains("rate"));
}

TEST_F(RateLimits, TellWhatIsLeftOfARate) {
    const json rule{{"key", "hour"}, {"rate", 2}, {"period", "hour"}, {"burst", 2}};
    const auto first = push_limited(rule);
    EXPECT_EQ(field_of(first, "X-RateLimit-Limit"), "2");
    EXPECT_EQ(field_of(first, "X-RateLimit-Remaining"), "2");
    EXPECT_NE(field_of(first, "X-RateLimit-Reset"), "");
    push_limited(rule);
    push_limited(rule);
    ASSERT_FALSE(fetch("q").is_null());
    ASSERT_FALSE(fetch("q").is_null());
    EXPECT_TRUE(fetch("q").is_null());
    const auto rate = get("/ojs/v1/rate-limits/hour")["rate"];
    EXPECT_EQ(rate["limit"], 2);
    EXPECT_EQ(rate["period"], "PT1H");
    EXPECT_EQ(rate["remaining"], 0);
    EXPECT_EQ(rate["current_count"], 2);
    EXPECT_LT(rate["next_allowed_at"], rate["window_resets_at"]);
    EXPECT_EQ(field_of(push_limited(rule), "X-RateLimit-Remaining"), "0");
}

TEST_F(RateLimits, AJobWithoutOneIsToldNothing) {
    const auto answer = send("POST", "/ojs/v1/jobs", R"({"type":"t","args":[]})");
    EXPECT_EQ(field_of(answer, "X-RateLimit-Limit"), "");
}

TEST_F(RateLimits, AreListedByKeyInPages) {
    for (const auto* key : {"b", "a", "c"}) push_limited({{"key", key}, {"concurrency", 1}});
    const auto first = get("/ojs/v1/rate-limits?per_page=2");
    ASSERT_EQ(first["items"].size(), 2U);
    EXPECT_EQ(first["items"][0]["key"], "a");
    EXPECT_EQ(first["pagination"]["total"], 3);
    EXPECT_EQ(first["pagination"]["has_more"], true);
    const auto second = get("/ojs/v1/rate-limits?per_page=2&page=2");
    ASSERT_EQ(second["items"].size(), 1U);
    EXPECT_EQ(second["items"][0]["key"], "c");
}

TEST_F(RateLimits, AreSeenByWhoMaySeeAllTheirQueues) {
    push_limited({{"key", "own"}, {"concurrency", 1}}, "mail.a");
    push_limited({{"key", "shared"}, {"concurrency", 1}}, "mail.a");
    push_limited({{"key", "shared"}, {"concurrency", 1}}, "bank");
    queue_patterns = {"mail.*"};
    const json rule{{"key", "shared"}, {"concurrency", 1}};
    EXPECT_EQ(field_of(push_limited(rule, "mail.a"), "X-RateLimit-Limit"), "");
    get("/ojs/v1/rate-limits/own");
    get("/ojs/v1/rate-limits/shared", 404);
    const auto list = get("/ojs/v1/rate-limits");
    ASSERT_EQ(list["items"].size(), 1U);
    EXPECT_EQ(list["items"][0]["key"], "own");
    EXPECT_EQ(list["pagination"]["total"], 1);
}

TEST_F(RateLimits, AreHeldWhileAWorkerWasToldToWait) {
    push_limited({{"key", "api"}, {"concurrency", 5}});
    push_limited({{"key", "api"}, {"concurrency", 5}});
    nack(fetch("q"), "2999-01-01T00:00:00Z", 200);
    EXPECT_TRUE(fetch("q").is_null());
    EXPECT_TRUE(get("/ojs/v1/rate-limits/api").contains("held_until"));
    const auto events = get("/ojs/v1/events?types=rate_limit.*")["events"];
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0]["type"], "rate_limit.dynamic_adjusted");
    EXPECT_EQ(events[0]["data"]["key"], "api");
    EXPECT_EQ(events[1]["type"], "rate_limit.exceeded");
    EXPECT_EQ(events[1]["data"]["strategy"], "hold");
    EXPECT_TRUE(events[1]["data"].contains("job_id"));
}

TEST_F(RateLimits, ABadTimeToWaitForIsRefused) {
    push_limited({{"key", "api"}, {"concurrency", 5}});
    const auto error = nack(fetch("q"), "tomorrow", 400)["error"];
    EXPECT_EQ(error["details"]["field"], "error.rate_limit_until");
}

TEST_F(RateLimits, AJobThatWouldRatherNotWaitIsRefused) {
    const json rule{{"key", "k"}, {"concurrency", 1}, {"on_limit", "reject"}};
    push_limited(rule);
    const json options{{"queue", "q"}, {"rate_limit", rule}};
    const json job{{"type", "t"}, {"args", json::array()}, {"options", options}};
    const auto refused = send("POST", "/ojs/v1/jobs", job.dump());
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(field_of(refused, "Retry-After"), "1");
    EXPECT_EQ(json_of(refused)["error"]["code"], "rate_limited");
    EXPECT_EQ(json_of(refused)["error"]["details"]["key"], "k");
}

}  // namespace
}  // namespace sluice::http
