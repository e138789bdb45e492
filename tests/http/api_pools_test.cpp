#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

class Pools : public api_fixture {
public:
    json put(const std::string& name, const json& body, int status = 200) {
        const auto answer = send("PUT", "/ojs/v1/admin/pools/" + name, body.dump());
        EXPECT_EQ(answer.status, status) << answer.body;
        return json_of(answer);
    }
    json from_pool(const std::string& name, std::size_t count, int status = 200) {
        return post("/ojs/v1/workers/fetch", {{"pool", name}, {"worker_id", "w"}, {"count", count}},
                    status);
    }
};

TEST_F(Pools, AreMadeShownChangedAndRemoved) {
    const json body{{"name", "p"},
                    {"strategy", "weighted"},
                    {"queues", {{"a", {{"weight", 70}}}, {"b", {{"weight", 30}}}}}};
    const auto made = put("p", body, 201);
    EXPECT_EQ(made["pool"]["name"], "p");
    EXPECT_EQ(made["pool"]["strategy"], "weighted");
    EXPECT_EQ(made["pool"]["queues"], json::array({"a", "b"}));
    EXPECT_EQ(made["pool"]["weights"], (json{{"a", 70}, {"b", 30}}));
    EXPECT_EQ(get("/ojs/v1/admin/pools/p"), made);
    const auto changed = put("p", {{"queues", {"a"}}}, 200);
    EXPECT_EQ(changed["pool"]["strategy"], "round-robin");
    push("a");
    ASSERT_FALSE(from_pool("p", 1)["jobs"].empty());
    const auto items = get("/ojs/v1/admin/pools")["items"];
    ASSERT_EQ(items.size(), 1U);
    EXPECT_EQ(items[0]["active_jobs"], 1);
    EXPECT_EQ(send("DELETE", "/ojs/v1/admin/pools/p").status, 200);
    EXPECT_EQ(send("DELETE", "/ojs/v1/admin/pools/p").status, 404);
    get("/ojs/v1/admin/pools/p", 404);
    put("P!", {{"queues", {"a"}}}, 400);
    put("p", {{"queues", {"a"}}, {"concurrency", 1}}, 422);
}

TEST_F(Pools, AFetchThatNamesOneIsServedByItsRule) {
    put("p", {{"strategy", "weighted"}, {"queues", {"a", "b"}}, {"weights", {{"a", 3}}}}, 201);
    for (int i = 0; i < 8; ++i) {
        push("a");
        push("b");
    }
    int from_a = 0;
    const auto given = from_pool("p", 8);
    for (const auto& job : given["jobs"]) from_a += job["queue"] == "a" ? 1 : 0;
    EXPECT_EQ(from_a, 6);
    from_pool("unknown", 1, 404);
    post("/ojs/v1/workers/fetch", {{"pool", "p"}, {"queues", {"a"}}}, 400);
}

TEST_F(Pools, AnAckMayGoOnInAPool) {
    put("p", {{"queues", {"a", "b"}}}, 201);
    push("a");
    push("b");
    const auto first = from_pool("p", 1)["jobs"][0];
    const json ack{{"job_id", first["id"]}, {"lease", first["lease"]}};
    auto next = ack;
    next["fetch"] = {{"pool", "p"}, {"count", 1}};
    EXPECT_EQ(post("/ojs/v1/workers/ack", next)["jobs"][0]["queue"], "b");
}

TEST_F(Pools, AnAnswerCountsAlsoWhenItsPoolIsGone) {
    put("foreign", {{"queues", {"a", "other"}}}, 201);
    for (const auto* pool : {"unknown", "foreign"}) {
        queue_patterns = {"a"};
        for (const auto* how : {"ack", "nack"}) {
            push("a");
            const auto held = fetch("a");
            json answer{{"job_id", held["id"]}, {"lease", held["lease"]}};
            if (how == std::string_view("nack"))
                answer["error"] = {{"code", "c"}, {"message", "m"}};
            answer["fetch"] = {{"pool", pool}};
            EXPECT_EQ(post(std::string("/ojs/v1/workers/") + how, answer)["jobs"], json::array());
            EXPECT_NE(state_of(held["id"]), "active");
        }
    }
}

TEST_F(Pools, ATokenForSomeQueuesUsesThoseOfTheseAlone) {
    put("foreign", {{"queues", {"mine", "other"}}}, 201);
    put("own", {{"queues", {"mine"}}}, 201);
    queue_patterns = {"mine"};
    EXPECT_EQ(get("/ojs/v1/admin/pools")["items"].size(), 1U);
    get("/ojs/v1/admin/pools/foreign", 404);
    EXPECT_EQ(send("DELETE", "/ojs/v1/admin/pools/foreign").status, 404);
    put("foreign", {{"queues", {"mine"}}}, 403);
    put("new", {{"queues", {"other"}}}, 403);
    from_pool("foreign", 1, 404);
    from_pool("own", 1);
}

TEST_F(Pools, StatisticsTellWhatWasHandedOut) {
    push("a");
    push("a");
    push("b");
    ASSERT_FALSE(fetch("a").is_null());
    const auto told = get("/ojs/v1/admin/scheduling/stats");
    EXPECT_EQ(told["window"], "PT1M");
    EXPECT_EQ(told["stats"]["queues"], told["queues"]);
    const auto& a = told["queues"][0];
    EXPECT_EQ(a["name"], "a");
    EXPECT_EQ(a["dispatch_count_1m"], 1);
    EXPECT_EQ(a["dispatch_ratio_1m"], 1.0);
    EXPECT_EQ(a["active_jobs"], 1);
    EXPECT_EQ(a["available_jobs"], 1);
    EXPECT_EQ(told["queues"][1]["dispatch_count_1m"], 0);
}

}  // namespace
}  // namespace sluice::http
