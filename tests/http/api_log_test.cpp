#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

class Log : public api_fixture {
public:
    response append(const std::string& id, const json& body) {
        return send("POST", "/ojs/v1/jobs/" + id + "/log", body.dump());
    }
    response read(const std::string& id, const std::string& query = {}, header_fields fields = {}) {
        return send("GET", "/ojs/v1/jobs/" + id + "/log" + query, {}, std::move(fields));
    }
    std::vector<std::string> texts(const std::string& id) {
        std::vector<std::string> all;
        const auto page = json_of(read(id));
        for (const auto& line : page["lines"]) all.push_back(line["text"]);
        return all;
    }
    static std::string code_of(const response& answer) { return json_of(answer)["error"]["code"]; }
    void ack(const json& job) {
        const json body{{"job_id", job["id"]}, {"lease", job["lease"]}};
        ASSERT_EQ(send("POST", "/ojs/v1/workers/ack", body.dump()).status, 200);
    }
};

using texts_list = std::vector<std::string>;

TEST_F(Log, IsAppendedByTheWorkerAndReadByAnybody) {
    const auto id = push();
    const auto job = fetch();
    auto answer =
        append(id, {{"lease", job["lease"]},
                    {"entries", {"one\ntwo", {{"text", "three"}, {"stream", "stderr"}}}}});
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(json_of(answer), json({{"job_id", id}, {"kept", 3}, {"dropped", 0}, {"last", 3}}));
    const auto page = json_of(read(id));
    EXPECT_EQ(page["job_id"], id);
    EXPECT_EQ(page["state"], "active");
    EXPECT_EQ(page["next"], 3);
    EXPECT_EQ(page["more"], false);
    EXPECT_EQ(page["ended"], false);
    ASSERT_EQ(page["lines"].size(), 3U);
    EXPECT_EQ(page["lines"][0]["text"], "one");
    EXPECT_EQ(page["lines"][0]["number"], 1);
    EXPECT_EQ(page["lines"][0]["stream"], "log");
    EXPECT_EQ(page["lines"][0]["attempt"], 1);
    EXPECT_TRUE(page["lines"][0]["time"].is_string());
    EXPECT_EQ(page["lines"][2]["stream"], "stderr");
    ack(job);
    EXPECT_EQ(json_of(read(id))["ended"], true);
}

TEST_F(Log, OfAJobThatSaidNothingIsEmpty) {
    const auto page = json_of(read(push()));
    EXPECT_TRUE(page["lines"].empty());
    EXPECT_EQ(page["next"], 0);
    EXPECT_EQ(page["ended"], false);
}

TEST_F(Log, IsReadFromACursorOn) {
    const auto id = push();
    fetch();
    append(id, {{"entries", {"a", "b", "c", "d"}}});
    auto page = json_of(read(id, "?limit=2"));
    EXPECT_EQ(page["lines"].size(), 2U);
    EXPECT_EQ(page["more"], true);
    EXPECT_EQ(page["next"], 2);
    page = json_of(read(id, "?after=2&limit=2"));
    EXPECT_EQ(page["lines"][0]["text"], "c");
    EXPECT_EQ(page["more"], false);
    page = json_of(read(id, "?after=99"));
    EXPECT_TRUE(page["lines"].empty());
    EXPECT_EQ(page["next"], 99);
}

TEST_F(Log, RefusesCursorsThatAreNone) {
    const auto id = push();
    for (const auto* query : {"?after=x", "?after=-1", "?after=", "?limit=0", "?limit=-1",
                              "?wait_ms=soon", "?after=1e3"}) {
        const auto answer = read(id, query);
        EXPECT_EQ(answer.status, 400) << query;
        EXPECT_EQ(code_of(answer), "invalid_request") << query;
    }
    EXPECT_EQ(read(id, "?after=9223372036854775807&limit=999999").status, 200);
}

TEST_F(Log, IsRefusedFromAnybodyButTheHolder) {
    const auto id = push();
    const json entries{"x"};
    EXPECT_EQ(append(id, {{"entries", entries}}).status, 409);  // nobody runs it
    const auto job = fetch();
    const auto stale = append(id, {{"entries", entries}, {"lease", "1.1.00000000"}});
    EXPECT_EQ(stale.status, 409);
    EXPECT_EQ(code_of(stale), "lease_lost");
    EXPECT_EQ(append(id, {{"entries", entries}, {"worker_id", "w-2"}}).status, 409);
    EXPECT_EQ(append(id, {{"entries", entries}, {"worker_id", "sluice.server"}}).status, 400);
    queue_patterns = {"others"};
    EXPECT_EQ(append(id, {{"entries", entries}}).status, 404);
    EXPECT_EQ(read(id).status, 404);
    queue_patterns.clear();
    ack(job);
    const auto late = append(id, {{"entries", entries}, {"lease", job["lease"]}});
    EXPECT_EQ(late.status, 409);
    EXPECT_EQ(code_of(late), "conflict");
    EXPECT_TRUE(texts(id).empty());
}

TEST_F(Log, OfAJobThatIsNotThereIsNotFound) {
    const std::string unknown = "019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f";
    for (const auto& id : {unknown, std::string("nothing")}) {
        EXPECT_EQ(read(id).status, 404) << id;
        EXPECT_EQ(code_of(read(id)), "not_found");
        EXPECT_EQ(append(id, {{"entries", {"x"}}}).status, 404) << id;
    }
}

TEST_F(Log, RefusesABodyThatIsNotOne) {
    const auto id = push();
    fetch();
    const auto code = [&](const std::string& body) {
        const auto answer = send("POST", "/ojs/v1/jobs/" + id + "/log", body);
        EXPECT_EQ(answer.status, 400) << body;
        return code_of(answer);
    };
    EXPECT_EQ(code(""), "invalid_payload");
    EXPECT_EQ(code("hello"), "invalid_payload");
    EXPECT_EQ(code("{\"entries\":[\"a\""), "invalid_payload");
    EXPECT_EQ(code("[\"a\"]"), "invalid_payload");
    EXPECT_EQ(code("{}"), "invalid_request");
    EXPECT_EQ(code("{\"entries\":[7]}"), "invalid_request");
    EXPECT_TRUE(texts(id).empty());
}

TEST_F(Log, TakesALineThatIsTooLongInPieces) {
    const auto id = push();
    fetch();
    const std::string text(50'000, 'x');
    EXPECT_EQ(append(id, {{"entries", {text}}}).status, 200);
    std::string all;
    for (const auto& piece : texts(id)) {
        EXPECT_LE(piece.size(), 16'384U);
        all += piece;
    }
    EXPECT_EQ(all, text);
}

TEST_F(Log, IsPlainTextForWhoeverAsksForThat) {
    const auto id = push();
    const auto job = fetch();
    append(id, {{"entries", {"one", "<b>\x1b[31mtwo"}}});
    const auto answer = read(id, "", {{"accept", "text/plain"}});
    EXPECT_EQ(answer.body, "one\n<b>\x1b[31mtwo\n");
    EXPECT_EQ(answer.content_type, "text/plain; charset=utf-8");
    EXPECT_EQ(field_of(answer, "Log-Next"), "2");
    EXPECT_EQ(field_of(answer, "Log-Ended"), "false");
    EXPECT_EQ(read(id, "", {{"accept", "*/*"}}).content_type, "application/openjobspec+json");
}

TEST_F(Log, CanBeWaitedFor) {
    const auto id = push();
    const auto job = fetch();
    auto waiting = start("GET", "/ojs/v1/jobs/" + id + "/log?wait_ms=60000");
    append(id, {{"entries", {"a"}}});
    auto page = json_of(finish(waiting));
    EXPECT_EQ(page["lines"].size(), 1U);
    waiting = start("GET", "/ojs/v1/jobs/" + id + "/log?wait_ms=60000&after=1");
    ack(job);
    page = json_of(finish(waiting));
    EXPECT_TRUE(page["lines"].empty());
    EXPECT_EQ(page["ended"], true);
}

TEST_F(Log, HasItsMethodsAndItsScopes) {
    const auto path = "/ojs/v1/jobs/" + push() + "/log";
    EXPECT_EQ(routes.find("PUT", path).allow, "GET, HEAD, POST");
    EXPECT_EQ(routes.find("DELETE", path).handle, nullptr);
    EXPECT_EQ(routes.find("GET", path).options.needs, scope::read);
    EXPECT_EQ(routes.find("HEAD", path).options.needs, scope::read);
    EXPECT_EQ(routes.find("POST", path).options.needs, scope::work);
}

}  // namespace
}  // namespace sluice::http
