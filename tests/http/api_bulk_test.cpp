#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

class Bulk : public api_fixture {
public:
    static json with(const json& filter, json more = {{"confirm", true}}) {
        more["filter"] = filter;
        return more;
    }
    json retry(const json& body, int status = 200) {
        return post("/ojs/v1/admin/jobs/bulk/retry", body, status);
    }
    json cancel(const json& body, int status = 200) {
        return post("/ojs/v1/admin/jobs/bulk/cancel", body, status);
    }
    json remove(const json& body, int status = 200) {
        return post("/ojs/v1/admin/jobs/bulk/delete", body, status);
    }

    void push_many(const std::string& name, int count) {
        json jobs = json::array();
        for (int i = 0; i < count; ++i)
            jobs.push_back(
                {{"type", "test.echo"}, {"args", json::array()}, {"options", {{"queue", name}}}});
        post("/ojs/v1/jobs/batch", {{"jobs", jobs}}, 201);
    }
    json counts(const std::string& name) { return get("/ojs/v1/admin/queues/" + name)["counts"]; }
    std::uint64_t dead_letters() { return get("/ojs/v1/admin/dead-letter/stats")["total"]; }
};

TEST_F(Bulk, ChangesNothingWithoutConfirmation) {
    const auto id = push("q");
    dead_letter("d");
    for (const auto& more : {json::object(), json{{"confirm", false}}, json{{"dry_run", false}}}) {
        EXPECT_EQ(cancel(with({{"queue", "q"}}, more), 400)["error"]["details"]["field"],
                  "confirm");
        remove(with({{"state", "discarded"}}, more), 400);
        retry(with({{"state", "discarded"}}, more), 400);
    }
    EXPECT_EQ(state_of(id), "available");
    EXPECT_EQ(dead_letters(), 1U);
}

TEST_F(Bulk, AnEmptyFilterIsRefused) {
    const auto id = push();
    dead_letter("d");
    for (const auto& filter : {json::object(), json(nullptr), json{{"dead_letter", false}}}) {
        const auto error = cancel(with(filter), 400)["error"];
        EXPECT_EQ(error["code"], "invalid_request");
        EXPECT_EQ(error["details"]["field"], "filter");
        retry(with(filter), 400);
        remove(with(filter), 400);
        post("/ojs/v1/admin/dead-letter/retry", with(filter), 400);
    }
    cancel({{"confirm", true}}, 400);
    cancel(nullptr, 400);
    EXPECT_EQ(state_of(id), "available");
    EXPECT_EQ(dead_letters(), 1U);
}

TEST_F(Bulk, ADryRunCountsAndChangesNothing) {
    const auto dead = dead_letter("q");
    push("q");
    push("q");
    for (const auto& more : {json{{"dry_run", true}}, json{{"dry_run", true}, {"confirm", true}}}) {
        const auto answer = cancel(with({{"queue", "q"}}, more));
        EXPECT_EQ(answer["action"], "cancel");
        EXPECT_EQ(answer["dry_run"], true);
        EXPECT_EQ(answer["matched"], 2);
        EXPECT_EQ(answer["succeeded"], 0);
        EXPECT_EQ(answer["has_more"], false);
        EXPECT_EQ(retry(with({{"queue", "q"}}, more))["matched"], 1);
        EXPECT_EQ(remove(with({{"queue", "q"}}, more))["matched"], 1);
        EXPECT_EQ(remove(with({{"ids", {dead}}}, more))["matched"], 1);
    }
    EXPECT_EQ(counts("q")["available"], 2);
    EXPECT_EQ(dead_letters(), 1U);
}

TEST_F(Bulk, CancelsAllThatHaveNotEndedOverManyPages) {
    push_many("q", 250);
    push_many("other", 3);
    const auto held = fetch("q")["id"];
    const auto answer = cancel(with({{"queue", "q"}}));
    EXPECT_EQ(answer["matched"], 250);
    EXPECT_EQ(answer["succeeded"], 250);
    EXPECT_EQ(answer["failed"], 0);
    EXPECT_EQ(answer["skipped"], 0);
    EXPECT_EQ(answer["has_more"], false);
    EXPECT_EQ(answer["errors"], json::array());
    EXPECT_EQ(counts("q")["cancelled"], 250);
    EXPECT_EQ(counts("other")["available"], 3);
    EXPECT_EQ(state_of(held), "cancelled");
    EXPECT_EQ(cancel(with({{"queue", "q"}}))["matched"], 0);
}

TEST_F(Bulk, StopsAtItsLimitAndSaysWhereToGoOn) {
    push_many("q", 130);
    json more = {{"confirm", true}, {"limit", 50}};
    int calls = 0;
    int changed = 0;
    for (bool again = true; again && calls < 10; ++calls) {
        const auto answer = cancel(with({{"queue", "q"}}, more));
        EXPECT_LE(answer["succeeded"], 50);
        changed += answer["succeeded"].get<int>();
        again = answer["has_more"];
        EXPECT_EQ(again, answer.contains("next_cursor"));
        if (again) more["cursor"] = answer["next_cursor"];
    }
    EXPECT_EQ(calls, 3);
    EXPECT_EQ(changed, 130);
    EXPECT_EQ(counts("q")["cancelled"], 130);
}

TEST_F(Bulk, RetriesDeadLettersByTheirError) {
    const auto down = dead_letter("q", "db_down");
    const auto wrong = dead_letter("q", "bad_args");
    const auto elsewhere = dead_letter("other", "db_down");
    const auto answer = retry(with({{"queue", "q"}, {"error_type", "db_down"}}));
    EXPECT_EQ(answer["action"], "retry");
    EXPECT_EQ(answer["matched"], 1);
    EXPECT_EQ(answer["succeeded"], 1);
    EXPECT_EQ(state_of(down), "available");
    EXPECT_EQ(state_of(wrong), "discarded");
    EXPECT_EQ(state_of(elsewhere), "discarded");
    const auto rest = post("/ojs/v1/admin/dead-letter/retry", with({{"type", "test.*"}}));
    EXPECT_EQ(rest["succeeded"], 2);
    EXPECT_EQ(dead_letters(), 0U);
}

TEST_F(Bulk, SkipsJobsThatTheActionIsNotFor) {
    const auto dead = dead_letter("q");
    const auto discarded = push("q", R"("retry":{"max_attempts":1})");
    fetch("q");
    post("/ojs/v1/workers/nack",
         {{"job_id", discarded}, {"error", {{"code", "c"}, {"message", "m"}}}});
    const auto answer = retry(with({{"queue", "q"}, {"state", "discarded"}}));
    EXPECT_EQ(answer["matched"], 2);
    EXPECT_EQ(answer["succeeded"], 1);
    EXPECT_EQ(answer["skipped"], 1);
    EXPECT_EQ(answer["failed"], 0);
    EXPECT_EQ(state_of(dead), "available");
    EXPECT_EQ(state_of(discarded), "discarded");
    const auto ended = cancel(with({{"ids", {discarded}}}));
    EXPECT_EQ(ended["matched"], 1);
    EXPECT_EQ(ended["skipped"], 1);
}

TEST_F(Bulk, DeletesDeadLettersForGood) {
    const auto dead = dead_letter("q");
    const auto waiting = push("q");
    const auto answer = remove(with({{"queue", "q"}}));
    EXPECT_EQ(answer["action"], "delete");
    EXPECT_EQ(answer["succeeded"], 1);
    EXPECT_EQ(send("GET", "/ojs/v1/jobs/" + dead).status, 404);
    EXPECT_EQ(state_of(waiting), "available");
}

TEST_F(Bulk, TakesJobsByNameOnceEachAndTellsOfUnknownOnes) {
    const auto first = push("q");
    const auto second = push("q");
    const auto third = push("q");
    const std::string unknown = "019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f";
    const auto answer = cancel(with({{"ids", {first, unknown, first, second}}}));
    EXPECT_EQ(answer["matched"], 2);
    EXPECT_EQ(answer["succeeded"], 2);
    EXPECT_EQ(answer["failed"], 1);
    ASSERT_EQ(answer["errors"].size(), 1U);
    EXPECT_EQ(answer["errors"][0]["job_id"], unknown);
    EXPECT_EQ(answer["errors"][0]["code"], "not_found");
    EXPECT_EQ(state_of(third), "available");
    const auto narrowed = cancel(with({{"ids", {third}}, {"queue", "other"}}));
    EXPECT_EQ(narrowed["matched"], 0);
    EXPECT_EQ(state_of(third), "available");
    const auto limited =
        cancel(with({{"ids", {push("q"), push("q")}}}, {{"confirm", true}, {"limit", 1}}));
    EXPECT_EQ(limited["succeeded"], 1);
    EXPECT_EQ(limited["has_more"], true);
}

TEST_F(Bulk, ATokenBoundToQueuesTouchesItsOwnOnly) {
    const auto mine = push("mine");
    const auto theirs = push("theirs");
    queue_patterns = {"mine"};
    EXPECT_EQ(cancel(with({{"queue", "theirs"}}), 403)["error"]["code"], "forbidden");
    const auto by_name = cancel(with({{"ids", {theirs}}}));
    EXPECT_EQ(by_name["matched"], 0);
    ASSERT_EQ(by_name["errors"].size(), 1U);
    EXPECT_EQ(by_name["errors"][0]["code"], "not_found");
    const auto answer = cancel(with({{"type", "test.echo"}}));
    EXPECT_EQ(answer["matched"], 1);
    EXPECT_EQ(answer["succeeded"], 1);
    EXPECT_EQ(state_of(mine), "cancelled");
    queue_patterns.clear();
    EXPECT_EQ(state_of(theirs), "available");
}

TEST_F(Bulk, EndsEarlyWhenNobodyWaitsForTheAnswer) {
    push_many("q", 3);
    stop.request_stop();
    const auto answer = cancel(with({{"queue", "q"}}));
    EXPECT_EQ(answer["succeeded"], 0);
    EXPECT_EQ(answer["has_more"], true);
}

}  // namespace
}  // namespace sluice::http
