#include "tests/http/api_fixture.hpp"

#include <set>

namespace sluice::http {
namespace {

using nlohmann::json;

const std::string base = "/ojs/v1/admin/dead-letter";

class DeadLetterAdmin : public api_fixture {};

TEST_F(DeadLetterAdmin, AreListedInPagesAndCounted) {
    std::set<std::string> dead;
    for (int i = 0; i < 5; ++i) dead.insert(dead_letter("q"));
    push("q");
    std::set<std::string> seen;
    for (int page = 1; page <= 3; ++page) {
        const auto got = get(base + "?per_page=2&page=" + std::to_string(page));
        EXPECT_EQ(got["pagination"]["total"], 5);
        EXPECT_EQ(got["pagination"]["page"], page);
        EXPECT_LE(got["items"].size(), 2U);
        for (const auto& job : got["items"]) seen.insert(job["id"]);
    }
    EXPECT_EQ(seen, dead);
    const auto first = get(base + "?per_page=3");
    EXPECT_EQ(first["pagination"]["has_more"], true);
    const std::string cursor = first["pagination"]["next_cursor"];
    const auto rest = get(base + "?per_page=3&cursor=" + cursor);
    ASSERT_EQ(rest["items"].size(), 2U);
    EXPECT_EQ(rest["pagination"]["has_more"], false);
    EXPECT_EQ(rest["items"][0]["errors"].size(), 1U);
    EXPECT_EQ(get(base + "?page=1001&per_page=1", 400)["error"]["details"]["parameter"], "page");
    get(base + "?cursor=x", 400);
}

TEST_F(DeadLetterAdmin, AreNarrowedByQueueAndType) {
    dead_letter("a");
    dead_letter("a");
    dead_letter("b");
    EXPECT_EQ(get(base + "?queue=a")["pagination"]["total"], 2);
    EXPECT_EQ(get(base + "?queue=a")["items"].size(), 2U);
    EXPECT_EQ(get(base + "?type=test.echo")["pagination"]["total"], 3);
    EXPECT_EQ(get(base + "?type=test.echo&queue=b")["pagination"]["total"], 1);
    EXPECT_EQ(get(base + "?type=test.other")["pagination"]["total"], 0);
    EXPECT_EQ(get(base + "?type=test.other")["items"].size(), 0U);
}

TEST_F(DeadLetterAdmin, StatisticsCountByQueueAndType) {
    const auto none = get(base + "/stats");
    EXPECT_EQ(none["total"], 0);
    EXPECT_FALSE(none.contains("oldest_at"));
    const auto oldest = dead_letter("a");
    dead_letter("a");
    const auto newest = dead_letter("b");
    const auto stats = get(base + "/stats");
    EXPECT_EQ(stats["total"], 3);
    EXPECT_EQ(stats["by_queue"], json({{"a", 2}, {"b", 1}}));
    EXPECT_EQ(stats["by_type"], json({{"test.echo", 3}}));
    EXPECT_LT(stats["oldest_at"].get<std::string>(), stats["newest_at"].get<std::string>());
    EXPECT_EQ(stats["complete"], true);
}

TEST_F(DeadLetterAdmin, OneIsShownRetriedAndDeleted) {
    const auto first = dead_letter("q");
    const auto second = dead_letter("q");
    const auto shown = get(base + "/" + first);
    EXPECT_EQ(shown["id"], first);
    EXPECT_EQ(shown["state"], "discarded");
    EXPECT_EQ(post(base + "/" + first + "/retry")["state"], "available");
    post(base + "/" + first + "/retry", {}, 404);
    get(base + "/" + first, 404);
    EXPECT_EQ(state_of(first), "available");
    const auto deleted = send("DELETE", base + "/" + second);
    EXPECT_EQ(deleted.status, 204);
    EXPECT_TRUE(deleted.body.empty());
    EXPECT_EQ(send("DELETE", base + "/" + second).status, 404);
    EXPECT_EQ(send("GET", "/ojs/v1/jobs/" + second).status, 404);
    EXPECT_EQ(send("DELETE", base + "/x").status, 404);
}

TEST_F(DeadLetterAdmin, OtherJobsAreNone) {
    const auto id = push("q");
    get(base + "/" + id, 404);
    post(base + "/" + id + "/retry", {}, 404);
    EXPECT_EQ(send("DELETE", base + "/" + id).status, 404);
    EXPECT_EQ(state_of(id), "available");
}

TEST_F(DeadLetterAdmin, ATokenBoundToQueuesSeesAndTouchesItsOwnOnly) {
    const auto mine = dead_letter("mine");
    const auto theirs = dead_letter("theirs");
    queue_patterns = {"mine"};
    const auto page = get(base);
    ASSERT_EQ(page["items"].size(), 1U);
    EXPECT_EQ(page["items"][0]["id"], mine);
    EXPECT_EQ(page["pagination"]["total"], 1);
    EXPECT_EQ(get(base + "?queue=theirs")["pagination"]["total"], 0);
    EXPECT_EQ(get(base + "?type=test.echo")["pagination"]["total"], 1);
    const auto stats = get(base + "/stats");
    EXPECT_EQ(stats["total"], 1);
    EXPECT_EQ(stats["by_queue"], json({{"mine", 1}}));
    EXPECT_EQ(stats["by_type"], json({{"test.echo", 1}}));
    EXPECT_EQ(stats["oldest_at"], stats["newest_at"]);
    get(base + "/" + theirs, 404);
    post(base + "/" + theirs + "/retry", {}, 404);
    EXPECT_EQ(send("DELETE", base + "/" + theirs).status, 404);
    queue_patterns.clear();
    EXPECT_EQ(get(base + "/stats")["total"], 2);
}

}  // namespace
}  // namespace sluice::http
