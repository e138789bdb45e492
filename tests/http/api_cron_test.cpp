#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

class Crons : public api_fixture {
public:
    json send_json(const std::string& method, const std::string& target, const std::string& body,
                   int status) {
        const auto answer = send(method, target, body);
        EXPECT_EQ(answer.status, status) << target << ' ' << answer.body;
        return json_of(answer);
    }
    json set(const std::string& name, const std::string& expression = "0 9 * * *",
             const std::string& name_of_queue = "q", const std::string& more = {},
             int status = 201) {
        const json body{
            {"name", name},
            {"expression", expression},
            {"job_template",
             {{"type", "test.echo"}, {"args", {1}}, {"options", {{"queue", name_of_queue}}}}}};
        auto text = body.dump();
        text.insert(text.size() - 1, more);
        return send_json("POST", "/ojs/v1/cron", text, status);
    }
};

TEST_F(Crons, AreRegisteredShownSwitchedAndRemoved) {
    const auto made = set("report", "0 9 * * MON-FRI", "q", R"(,"timezone":"America/New_York")");
    EXPECT_EQ(made["cron"]["name"], "report");
    EXPECT_EQ(made["cron"]["timezone"], "America/New_York");
    EXPECT_EQ(made["cron"]["job_template"]["args"], json({1}));
    EXPECT_FALSE(made["cron"]["next_run_at"].is_null());
    EXPECT_EQ(send_json("GET", "/ojs/v1/cron/report", {}, 200), made);
    const auto off = send_json("PATCH", "/ojs/v1/cron/report", R"({"enabled":false})", 200);
    EXPECT_EQ(off["cron"]["enabled"], false);
    EXPECT_TRUE(off["cron"]["next_run_at"].is_null());
    const auto gone = send_json("DELETE", "/ojs/v1/cron/report", {}, 200);
    EXPECT_EQ(gone["deleted"], true);
    EXPECT_EQ(gone["name"], "report");
    EXPECT_EQ(gone["cron"]["name"], "report");
    send_json("DELETE", "/ojs/v1/cron/report", {}, 404);
    const auto none = send_json("GET", "/ojs/v1/cron/report", {}, 404);
    EXPECT_EQ(none["error"]["code"], "not_found");
    EXPECT_EQ(none["error"]["details"]["resource_id"], "report");
}

TEST_F(Crons, AreListedByNameAndBySwitch) {
    set("b");
    set("a");
    set("c", "@hourly", "q", R"(,"enabled":false)");
    const auto names = [&](const std::string& query) {
        std::string all;
        const auto answer = send_json("GET", "/ojs/v1/cron" + query, {}, 200);
        for (const auto& each : answer["crons"]) all += each["name"].get<std::string>();
        return all;
    };
    EXPECT_EQ(names(""), "abc");
    EXPECT_EQ(names("?enabled=true"), "ab");
    EXPECT_EQ(names("?enabled=false"), "c");
    EXPECT_EQ(send_json("GET", "/ojs/v1/cron", {}, 200)["count"], 3);
    send_json("GET", "/ojs/v1/cron?enabled=maybe", {}, 400);
}

TEST_F(Crons, AreChangedWhenTheyAreRegisteredAgain) {
    const auto first = set("tick");
    const auto second = set("tick", "0 10 * * *");
    EXPECT_EQ(second["cron"]["created_at"], first["cron"]["created_at"]);
    EXPECT_EQ(second["cron"]["expression"], "0 10 * * *");
    EXPECT_EQ(send_json("GET", "/ojs/v1/cron", {}, 200)["count"], 1);
}

TEST_F(Crons, TellTheirNextTimes) {
    set("night", "30 2 * * *", "q", R"(,"timezone":"Europe/Berlin")");
    const auto preview = send_json("GET", "/ojs/v1/cron/night/preview?count=400", {}, 200);
    ASSERT_EQ(preview["occurrences"].size(), 400U);
    std::size_t skipped = 0;
    for (const auto& each : preview["occurrences"]) {
        EXPECT_EQ(each["runs"], !each.contains("skipped"));
        if (each.contains("skipped")) ++skipped;
    }
    EXPECT_GE(skipped, 1U);
    EXPECT_EQ(send_json("GET", "/ojs/v1/cron/night/preview", {}, 200)["occurrences"].size(), 10U);
    send_json("GET", "/ojs/v1/cron/none/preview", {}, 404);
    send_json("GET", "/ojs/v1/cron/night/preview?count=x", {}, 400);
}

TEST_F(Crons, MakeJobsThatSayWhereTheyComeFrom) {
    set("tick", "* * * * * *");
    json job;
    for (int i = 0; i < 40 && job.is_null(); ++i) {
        const auto answer =
            json_of(send("POST", "/ojs/v1/workers/fetch", R"({"queues":["q"],"wait_ms":500})"));
        if (!answer["jobs"].empty()) job = answer["jobs"][0];
    }
    ASSERT_FALSE(job.is_null());
    EXPECT_EQ(job["meta"]["cron_name"], "tick");
    const auto events = send_json("GET", "/ojs/v1/events?types=cron.*", {}, 200)["events"];
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events[0]["subject"], "tick");
    EXPECT_EQ(events[0]["data"]["job_id"], job["id"]);
    EXPECT_EQ(events[0]["data"]["scheduled_time"], job["meta"]["cron_triggered_at"]);
}

TEST_F(Crons, AreRefusedWithAReason) {
    const auto field = [](const json& answer) { return answer["error"]["details"]["field"]; };
    EXPECT_EQ(field(set("a", "61 * * * *", "q", {}, 400)), "expression");
    EXPECT_EQ(field(set("a", "0 0 30 2 *", "q", {}, 400)), "expression");
    EXPECT_EQ(field(set("a", "@daily", "q", R"(,"timezone":"+05:00")", 400)), "timezone");
    EXPECT_EQ(field(set("A", "@daily", "q", {}, 400)), "name");
    send_json("PATCH", "/ojs/v1/cron/a", R"({"enabled":1})", 400);
    send_json("PATCH", "/ojs/v1/cron/a", R"({"enabled":true})", 404);
    check_job = [](const job_spec&) { return error(errc::forbidden, "not this one"); };
    set("a", "@daily", "q", {}, 403);
    EXPECT_EQ(send_json("GET", "/ojs/v1/cron", {}, 200)["count"], 0);
}

TEST_F(Crons, AreHiddenFromTokensOfOtherQueues) {
    set("theirs", "@daily", "secret");
    queue_patterns = {"q*"};
    set("mine");
    set("other", "@daily", "secret", {}, 403);
    set("theirs", "@daily", "q", {}, 403);  // it would be theirs no longer
    EXPECT_EQ(send_json("GET", "/ojs/v1/cron", {}, 200)["count"], 1);
    for (const std::string method : {"GET", "DELETE"})
        send_json(method, "/ojs/v1/cron/theirs", {}, 404);
    send_json("PATCH", "/ojs/v1/cron/theirs", R"({"enabled":false})", 404);
    send_json("GET", "/ojs/v1/cron/theirs/preview", {}, 404);
}

TEST_F(Crons, ThatAreHiddenAndThatAreAbsentAreToldInTheSameWords) {
    set("theirs", "@daily", "secret");
    queue_patterns = {"q*"};
    for (const std::string rest : {"", "/preview"}) {
        auto hidden = send_json("GET", "/ojs/v1/cron/theirs" + rest, {}, 404)["error"];
        auto absent = send_json("GET", "/ojs/v1/cron/absent" + rest, {}, 404)["error"];
        hidden.erase("request_id");
        absent.erase("request_id");
        auto text = absent.dump();
        for (auto at = text.find("absent"); at != std::string::npos; at = text.find("absent"))
            text.replace(at, 6, "theirs");
        EXPECT_EQ(hidden.dump(), text);
    }
    // A name from a path is quoted.
    const auto odd = send_json("GET", "/ojs/v1/cron/a\",\"k\":\"v", {}, 404);
    EXPECT_EQ(odd["error"]["details"]["resource_id"], "a\",\"k\":\"v");
    EXPECT_FALSE(set("theirs", "@daily", "q", {}, 403).dump().find("secret") != std::string::npos);
}

TEST_F(Crons, QueuesArePausedAndResumed) {
    for (const std::string base : {"/ojs/v1/queues/", "/ojs/v1/admin/queues/"}) {
        const auto name = base == "/ojs/v1/queues/" ? std::string("a") : std::string("b");
        push(name);
        const auto paused = send_json("POST", base + name + "/pause", {}, 200);
        EXPECT_EQ(paused["paused"], true);
        EXPECT_EQ(paused["queue"]["paused"], true);
        EXPECT_EQ(paused["queue"]["name"], name);
        EXPECT_TRUE(fetch(name).is_null());
        EXPECT_FALSE(push(name).empty());
        EXPECT_EQ(send_json("GET", "/ojs/v1/queues/" + name + "/stats", {}, 200)["status"],
                  "paused");
        const auto resumed = send_json("POST", base + name + "/resume", {}, 200);
        EXPECT_EQ(resumed["paused"], false);
        EXPECT_FALSE(fetch(name).is_null());
    }
    send_json("POST", "/ojs/v1/queues/No/pause", {}, 400);
    queue_patterns = {"b"};
    send_json("POST", "/ojs/v1/queues/a/pause", {}, 403);
}

}  // namespace
}  // namespace sluice::http
