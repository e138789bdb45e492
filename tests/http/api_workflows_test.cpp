#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

class Workflows : public api_fixture {
public:
    static json job(const std::string& type, const std::string& in = "q") {
        return {{"type", type}, {"args", json::array()}, {"options", {{"queue", in}}}};
    }
    static json chain() {
        return {{"type", "chain"}, {"name", "orders"}, {"steps", {job("test.a"), job("test.b")}}};
    }
    json send_json(const std::string& method, const std::string& target, const std::string& body,
                   int status) {
        const auto answer = send(method, target, body);
        EXPECT_EQ(answer.status, status) << target << ' ' << answer.body;
        return json_of(answer);
    }
    json post(const json& body, int status = 201) {
        return send_json("POST", "/ojs/v1/workflows", body.dump(), status);
    }
    json get(const json& workflow) {
        return send_json("GET", "/ojs/v1/workflows/" + workflow["id"].get<std::string>(), {},
                         200)["workflow"];
    }
    void ack(const json& job, const json& result) {
        send_json("POST", "/ojs/v1/workers/ack",
                  json{{"job_id", job["id"]}, {"lease", job["lease"]}, {"result", result}}.dump(),
                  200);
    }
};

TEST_F(Workflows, AChainIsMadeFollowedAndShown) {
    const auto answer = send("POST", "/ojs/v1/workflows", chain().dump());
    EXPECT_EQ(answer.status, 201) << answer.body;
    const auto made = json_of(answer)["workflow"];
    EXPECT_EQ(field_of(answer, "Location"), "/ojs/v1/workflows/" + made["id"].get<std::string>());
    EXPECT_EQ(made["state"], "running");
    EXPECT_EQ(made["name"], "orders");
    EXPECT_EQ(made["steps_total"], 2);
    EXPECT_EQ(made["steps"][1]["state"], "waiting");
    const auto first = fetch("q");
    EXPECT_EQ(first["workflow_id"], made["id"]);
    EXPECT_EQ(first["id"], made["steps"][0]["job_id"]);
    EXPECT_FALSE(first.contains("parent_results"));
    EXPECT_EQ(get(made)["steps"][0]["state"], "active");
    ack(first, {{"x", 1}});
    // The second step may have to be read first.
    const auto second = send_json("POST", "/ojs/v1/workers/fetch",
                                  R"({"queues":["q"],"worker_id":"w","wait_ms":10000})", 200)
                            .at("jobs")
                            .at(0);
    EXPECT_EQ(second["parent_results"], json::array({{{"x", 1}}}));
    ack(second, nullptr);
    const auto ended = get(made);
    EXPECT_EQ(ended["state"], "completed");
    EXPECT_EQ(ended["steps_completed"], 2);
    EXPECT_TRUE(ended.contains("completed_at"));
}

TEST_F(Workflows, ACancelledOneIsOverAndCannotBeCancelledAgain) {
    const auto made = post(chain())["workflow"];
    const auto target = "/ojs/v1/workflows/" + made["id"].get<std::string>();
    const auto cancelled = send_json("DELETE", target, {}, 200)["workflow"];
    EXPECT_EQ(cancelled["state"], "cancelled");
    EXPECT_EQ(cancelled["id"], made["id"]);
    EXPECT_TRUE(fetch("q").is_null());
    const auto error = send_json("DELETE", target, {}, 409)["error"];
    EXPECT_EQ(error["code"], "conflict");
    EXPECT_EQ(error["details"]["current_state"], "cancelled");
}

TEST_F(Workflows, ThatMakeNoSenseAreRefusedAndNothingIsStored) {
    const std::pair<json, std::string> mistakes[] = {
        {{{"type", "chain"}, {"steps", json::array()}}, "steps"},
        {{{"type", "tree"}, {"jobs", {job("a")}}}, "type"},
        {{{"type", "group"}, {"jobs", {{{"type", "a"}}}}}, "jobs[0].args"},
        {{{"type", "dag"},
          {"jobs",
           {{{"type", "a"}, {"args", json::array()}, {"ref", "x"}, {"depends_on", {"y"}}}}}},
         "jobs[0].depends_on[0]"},
    };
    for (const auto& [body, field] : mistakes) {
        const auto error = post(body, 400)["error"];
        EXPECT_EQ(error["details"]["field"], field) << error.dump();
    }
    EXPECT_EQ(json_of(send("GET", "/ojs/v1/jobs"))["jobs"].size(), 0U);
}

TEST_F(Workflows, AHandlerMayRefuseAJobOfOne) {
    check_job = [](const job_spec& job) -> std::optional<error> {
        if (job.type != "test.b") return std::nullopt;
        return error(errc::validation_failed, "not like this");
    };
    const auto error = post(chain(), 422)["error"];
    EXPECT_EQ(error["message"], "steps[1]: not like this");
    EXPECT_EQ(json_of(send("GET", "/ojs/v1/jobs"))["jobs"].size(), 0U);
}

TEST_F(Workflows, ATokenForSomeQueuesHasOnlyThoseThatAreAllItsOwn) {
    const auto mixed = json{{"type", "group"}, {"jobs", {job("a", "ours"), job("b", "theirs")}}};
    const auto theirs = post(mixed)["workflow"];
    queue_patterns = {"ours"};
    EXPECT_EQ(post(mixed, 403)["error"]["code"], "forbidden");
    const auto target = "/ojs/v1/workflows/" + theirs["id"].get<std::string>();
    send_json("GET", target, {}, 404);
    send_json("DELETE", target, {}, 404);
    const auto own = post({{"type", "group"}, {"jobs", {job("a", "ours")}}})["workflow"];
    const auto list = send_json("GET", "/ojs/v1/workflows", {}, 200)["workflows"];
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0]["id"], own["id"]);
}

TEST_F(Workflows, AreListedInPages) {
    for (int i = 0; i < 3; ++i) post(chain());
    const auto page = send_json("GET", "/ojs/v1/workflows?limit=2&state=running", {}, 200);
    EXPECT_EQ(page["workflows"].size(), 2U);
    EXPECT_EQ(page["workflows"][0]["steps_total"], 2);
    EXPECT_FALSE(page["workflows"][0].contains("steps"));
    const auto next = page["next_cursor"].get<std::string>();
    const auto rest = send_json("GET", "/ojs/v1/workflows?limit=2&cursor=" + next, {}, 200);
    EXPECT_EQ(rest["workflows"].size(), 1U);
    EXPECT_FALSE(rest.contains("next_cursor"));
    send_json("GET", "/ojs/v1/workflows?state=pending", {}, 400);
}

TEST_F(Workflows, ThatDoNotExistAreNotFound) {
    for (const std::string id : {"x", "019539a4-b68c-7def-8000-1a2b3c4d5e6f"}) {
        const auto error = send_json("GET", "/ojs/v1/workflows/" + id, {}, 404)["error"];
        EXPECT_EQ(error["code"], "not_found");
        EXPECT_EQ(error["details"]["resource_type"], "workflow");
    }
}

}  // namespace
}  // namespace sluice::http
