#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

class Purge : public api_fixture {
public:
    json purge(const std::string& query, int status = 200, const std::string& name = "q") {
        const auto answer = send("DELETE", "/ojs/v1/admin/queues/" + name + "/jobs?" + query);
        EXPECT_EQ(answer.status, status) << answer.body;
        return json_of(answer);
    }
    std::string completed(const std::string& name = "q") {
        const auto id = push(name);
        const auto held = fetch(name);
        post("/ojs/v1/workers/ack", {{"job_id", held["id"]}, {"lease", held["lease"]}});
        return id;
    }
};

TEST_F(Purge, DeletesWhatHasEndedAndCancelsWhatHasNot) {
    const auto done = completed();
    const auto dead = dead_letter("q");
    const auto waiting = push("q");
    const auto elsewhere = push("other");
    const auto told = purge("states=completed,discarded,available&confirm=true");
    EXPECT_EQ(told["purged_count"], 3);
    EXPECT_EQ(told["states"], (json{"completed", "discarded", "available"}));
    EXPECT_EQ(told["has_more"], false);
    get("/ojs/v1/jobs/" + done, 404);
    get("/ojs/v1/jobs/" + dead, 404);
    EXPECT_EQ(state_of(waiting), "cancelled");
    EXPECT_EQ(state_of(elsewhere), "available");
}

TEST_F(Purge, LeavesOtherStatesAlone) {
    const auto waiting = push("q");
    const auto done = completed("other");
    EXPECT_EQ(purge("states=completed&confirm=true")["purged_count"], 0);
    EXPECT_EQ(state_of(waiting), "available");
    EXPECT_EQ(state_of(done), "completed");
}

TEST_F(Purge, OfOldJobsLeavesTheNewOnes) {
    const auto done = completed();
    const std::string some = "states=completed&confirm=true&older_than=";
    EXPECT_EQ(purge(some + "2020-01-01T00:00:00Z")["purged_count"], 0);
    EXPECT_EQ(purge(some + "2999-01-01T00:00:00Z")["purged_count"], 1);
    get("/ojs/v1/jobs/" + done, 404);
}

TEST_F(Purge, GoesOnWhereItsCursorSays) {
    const auto done = completed();
    const auto dead = dead_letter("q");
    const std::string both = "states=completed,discarded&confirm=true&cursor=";
    EXPECT_EQ(purge(both + "discarded:0")["purged_count"], 0);
    const auto told = purge(both + "discarded:9000000");
    EXPECT_EQ(told["purged_count"], 1);
    EXPECT_EQ(told["states"], json{"discarded"});
    get("/ojs/v1/jobs/" + dead, 404);
    EXPECT_EQ(state_of(done), "completed");
    EXPECT_EQ(purge(both + "completed:9000000")["purged_count"], 1);
    for (const auto* wrong : {"", "7", "completed", "completed:", "completed:x", "completed:-1",
                              "available:7", "gone:7"})
        EXPECT_EQ(purge(both + wrong, 400)["error"]["code"], "invalid_request") << wrong;
}

TEST_F(Purge, WithoutConfirmationOrStatesDoesNothing) {
    const auto done = completed();
    for (const auto* query : {"states=completed", "states=completed&confirm=false", "confirm=true",
                              "states=&confirm=true", "states=gone&confirm=true",
                              "states=completed&confirm=true&olderthan=2020-01-01T00:00:00Z",
                              "states=completed&confirm=true&older_than=soon",
                              "states=available&confirm=true&older_than=2999-01-01T00:00:00Z"})
        EXPECT_EQ(purge(query, 400)["error"]["code"], "invalid_request") << query;
    EXPECT_EQ(state_of(done), "completed");
}

TEST_F(Purge, OfAForeignQueueIsRefused) {
    completed();
    queue_patterns = {"mail.*"};
    purge("states=completed&confirm=true", 403);
    purge("states=completed&confirm=true", 400, "Q!");
}

TEST_F(Purge, KeepsWhatAnUnfinishedWorkflowNeeds) {
    const json job{{"type", "t"}, {"args", json::array()}, {"options", {{"queue", "q"}}}};
    const auto made = post("/ojs/v1/workflows", {{"type", "chain"}, {"steps", {job, job}}}, 201);
    const auto held = fetch("q");
    post("/ojs/v1/workers/ack", {{"job_id", held["id"]}, {"lease", held["lease"]}});
    const auto told = purge("states=completed&confirm=true");
    EXPECT_EQ(told["purged_count"], 0);
    EXPECT_EQ(told["failed"], 1);
    EXPECT_EQ(state_of(held["id"]), "completed");
}

TEST_F(Purge, ABulkDeleteMayNameTheState) {
    const auto done = completed();
    const auto told =
        post("/ojs/v1/admin/jobs/bulk/delete",
             {{"filter", {{"queue", "q"}, {"state", "completed"}}}, {"confirm", true}});
    EXPECT_EQ(told["succeeded"], 1);
    get("/ojs/v1/jobs/" + done, 404);
}

}  // namespace
}  // namespace sluice::http
