#include "proto/workflow.hpp"

#include "proto/json_text.hpp"
#include "proto/limits.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

constexpr timestamp now{std::chrono::microseconds{1'771'000'000'000'000}};

const std::string job = R"({"type":"a.b","args":[1]})";
const std::string id = "019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f";

std::string body(const std::string& type, const std::string& members) {
    return R"({"type":")" + type + R"(","name":"n",)" + members + "}";
}

std::string dag(const std::string& jobs) {
    return body("dag", "\"jobs\":[" + jobs + "]");
}

/// A node of a dag. `parents` is what stands in its `depends_on`.
std::string node(const std::string& ref, const std::string& parents = {}) {
    return R"({"ref":")" + ref + R"(","type":"t","args":[],"depends_on":[)" + parents + "]}";
}

void expect_refused(const std::string& text, errc code, std::string_view words) {
    const auto made = decode_workflow(text, now);
    ASSERT_FALSE(made) << text;
    EXPECT_EQ(made.error().code, code) << text << '\n' << made.error().message;
    EXPECT_NE((made.error().message + made.error().details).find(words), std::string::npos)
        << made.error().message << ' ' << made.error().details;
}

void expect_refused(const std::string& text, std::string_view words) {
    expect_refused(text, errc::invalid_request, words);
}

TEST(DecodeWorkflow, ReadsAChainWhoseStepsFollowOneAnother) {
    const auto made = decode_workflow(
        body("chain",
             R"("meta":{"k":1},"steps":[{"type":"a","args":[1, 2]},)"
             R"({"type":"b","args":[],"options":{"queue":"q","retry":{"max_attempts":1}}},)"
             R"({"type":"c","args":[],"ref":"last"}])"),
        now);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->type, workflow_type::chain);
    EXPECT_EQ(made->name, "n");
    EXPECT_EQ(made->meta, R"({"k":1})");
    ASSERT_EQ(made->nodes.size(), 3U);
    EXPECT_EQ(made->nodes[0].ref, "0");
    EXPECT_EQ(made->nodes[1].ref, "1");
    EXPECT_EQ(made->nodes[2].ref, "last");
    EXPECT_EQ(made->nodes[0].spec.args, "[1, 2]");
    EXPECT_EQ(made->nodes[1].spec.queue, "q");
    EXPECT_EQ(made->nodes[1].spec.retry.max_attempts, 1U);
    EXPECT_TRUE(made->nodes[0].depends_on.empty());
    EXPECT_EQ(made->nodes[1].depends_on, (std::vector<workflow_edge>{{0, {}}}));
    EXPECT_EQ(made->nodes[2].depends_on, (std::vector<workflow_edge>{{1, {}}}));
}

TEST(DecodeWorkflow, ReadsGroupsAndBatches) {
    const auto group = decode_workflow(body("group", "\"jobs\":[" + job + "," + job + "]"), now);
    ASSERT_TRUE(group) << group.error().message;
    EXPECT_EQ(group->type, workflow_type::group);
    EXPECT_EQ(group->nodes.size(), 2U);
    EXPECT_TRUE(group->nodes[1].depends_on.empty());
    EXPECT_FALSE(group->callbacks.on_complete);

    const auto batch = decode_workflow(
        body("batch",
             "\"jobs\":[" + job +
                 R"(],"callbacks":{"on_complete":null,"on_success":{"type":"s","args":[]},)"
                 R"("on_failure":{"type":"f","args":[7],"x_a":1}})"),
        now);
    ASSERT_TRUE(batch) << batch.error().message;
    EXPECT_EQ(batch->type, workflow_type::batch);
    EXPECT_FALSE(batch->callbacks.on_complete);
    ASSERT_TRUE(batch->callbacks.on_success);
    EXPECT_EQ(batch->callbacks.on_success->type, "s");
    ASSERT_TRUE(batch->callbacks.on_failure);
    EXPECT_EQ(batch->callbacks.on_failure->args, "[7]");
    EXPECT_EQ(batch->callbacks.on_failure->extra, "\"x_a\":1");
}

TEST(DecodeWorkflow, ReadsTheEdgesOfADag) {
    const auto made = decode_workflow(
        dag(node("b", R"("a",{"ref":"c","on_failure":"skip"})") + "," + node("a") + "," +
            node("c", R"({"ref":"a","on_failure":"run"})") + "," +
            node("d",
                 R"({"ref":"a"},{"ref":"b","on_failure":"wait"},{"ref":"c","on_failure":null})")),
        now);
    ASSERT_TRUE(made) << made.error().message;
    using policy = failed_parent_policy;
    using edges = std::vector<workflow_edge>;
    EXPECT_EQ(made->nodes[0].depends_on, (edges{{1, policy::fail}, {2, policy::skip}}));
    EXPECT_EQ(made->nodes[1].depends_on, edges{});
    EXPECT_EQ(made->nodes[2].depends_on, (edges{{1, policy::run}}));
    EXPECT_EQ(made->nodes[3].depends_on,
              (edges{{1, policy::fail}, {0, policy::wait}, {2, policy::fail}}));
}

TEST(DecodeWorkflow, LetsADagHaveCallbacksAndJobsWithoutRef) {
    const auto made = decode_workflow(
        body("dag", R"("jobs":[{"type":"a","args":[]},{"type":"b","args":[],"depends_on":["0"]}],)"
                    R"("callbacks":{"on_failure":{"type":"f","args":[]}})"),
        now);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->nodes[1].depends_on, (std::vector<workflow_edge>{{0, {}}}));
    EXPECT_TRUE(made->callbacks.on_failure);
}

TEST(DecodeWorkflow, KeepsUnknownMembersOfAJobButNotThoseOfTheNode) {
    const auto made = decode_workflow(
        dag(R"({"x_a":"}","ref":"a","type":"t","args":[],"depends_on":[],"x\u005fb":[2]},)"
            R"({"type":"t","args":[],"ref":null,"depends_on":null})"),
        now);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->nodes[0].spec.extra, R"("x_a":"}","x\u005fb":[2])");
    EXPECT_EQ(made->nodes[1].spec.extra, "");
    EXPECT_EQ(made->nodes[1].ref, "1");
}

TEST(DecodeWorkflow, IgnoresWhatTheServerSets) {
    EXPECT_TRUE(decode_workflow(body("chain", R"("id":"wf_1","state":"failed","metadata":{"a":1},)"
                                              "\"steps\":[" +
                                                  job + "]"),
                                now));
}

TEST(DecodeWorkflow, NamesThePlaceOfABadJob) {
    expect_refused(body("chain", "\"steps\":[" + job + R"(,{"args":[]}])"),
                   R"('steps[1].type' is missing.)");
    expect_refused(body("chain", "\"steps\":[" + job + R"(,{"args":[]}])"),
                   R"("field":"steps[1].type")");
    expect_refused(body("group", R"("jobs":[{"type":"a","args":[],"options":{"priority":101}}])"),
                   R"("field":"jobs[0].options.priority")");
    expect_refused(body("group", R"("jobs":[{"type":"a","args":[],"options":{"retry":)"
                                 R"({"max_attempts":-1}}}])"),
                   errc::validation_failed, R"('jobs[0].options.retry.max_attempts')");
    expect_refused(body("group", R"("jobs":[{"type":"a","args":[],"specversion":"2"}])"),
                   errc::unsupported, "jobs[0]: This server");
    expect_refused(body("group", "\"jobs\":[" + job + ",5]"), "'jobs[1]' must be an object");
    expect_refused(body("batch", "\"jobs\":[" + job +
                                     R"(],"callbacks":{"on_success":{"type":"A",)"
                                     R"("args":[]}})"),
                   R"("field":"callbacks.on_success.type")");
    expect_refused(body("batch", "\"jobs\":[" + job + R"(],"callbacks":{"on_success":[]})"),
                   "'callbacks.on_success' must be an object");
}

TEST(DecodeWorkflow, RefusesWhatIsNotAWorkflow) {
    expect_refused("[]", errc::invalid_payload, "object");
    expect_refused("", errc::invalid_payload, "JSON");
    expect_refused("{\"steps\":[" + job + "]}", "'type' is missing");
    expect_refused(body("tree", "\"jobs\":[" + job + "]"), "chain, group, batch or dag");
    expect_refused(body("chain", "\"steps\":[]"), "'steps' must not be empty");
    expect_refused(body("group", "\"jobs\":[]"), "'jobs' must not be empty");
    expect_refused(body("group", "\"meta\":{}"), "'jobs' is missing");
    expect_refused(body("group", "\"jobs\":{}"), "'jobs' must be an array");
    expect_refused(body("chain", "\"jobs\":[" + job + "]"), "'steps', not 'jobs'");
    expect_refused(body("dag", "\"steps\":[" + job + "]"), "Only a chain");
    expect_refused(body("group", "\"meta\":[],\"jobs\":[" + job + "]"), "'meta'");
    expect_refused(body("group", "\"name\":\"m\",\"jobs\":[" + job + "]"), "twice");
}

TEST(DecodeWorkflow, HoldsCallbacksToTheTypesThatHaveThem) {
    const auto with = [](const std::string& type, const std::string& list,
                         const std::string& callbacks) {
        return body(type, "\"" + list + "\":[" + job + "],\"callbacks\":" + callbacks);
    };
    const std::string one = "{\"on_complete\":" + job + "}";
    expect_refused(with("chain", "steps", one), "A chain has no 'callbacks'");
    expect_refused(with("group", "jobs", one), "A group has no 'callbacks'");
    expect_refused(with("batch", "jobs", "{}"), "at least one");
    expect_refused(with("batch", "jobs", "{\"on_complete\":null,\"other\":1}"), "at least one");
    expect_refused(body("batch", "\"jobs\":[" + job + "]"), "at least one");
    expect_refused(with("batch", "jobs", "[]"), "'callbacks' must be an object");
    expect_refused(with("batch", "jobs", "{\"on_success\":" + node("a") + "}"), "neither 'ref'");
    EXPECT_TRUE(decode_workflow(with("batch", "jobs", one), now));
    EXPECT_TRUE(decode_workflow(with("dag", "jobs", "{}"), now));
}

TEST(DecodeWorkflow, RefusesRefsThatDoNotName) {
    for (const std::string bad : {"", "a b", "a/b", "ä", "a\\n"})
        expect_refused(dag(node(bad)), "jobs[0].ref");
    expect_refused(dag(node(std::string(129, 'a'))), "128 bytes");
    EXPECT_TRUE(decode_workflow(dag(node(std::string(128, 'a'))), now));
    expect_refused(dag(node("a") + "," + node("a")), R"('jobs[1].ref' is "a")");
    expect_refused(dag(R"({"type":"t","args":[]},)" + node("0")), "'jobs[1].ref'");
    expect_refused(body("chain", R"("steps":[{"type":"t","args":[],"ref":"1"},)" + job + "]"),
                   "'steps[1].ref'");
    expect_refused(dag(R"({"type":"t","args":[],"ref":5})"), "'jobs[0].ref' must be a string");
}

TEST(DecodeWorkflow, RefusesEdgesThatLeadNowhere) {
    expect_refused(
        dag(node("a") + "," + node("b", R"("a","x\"")")),
        R"('jobs[1].depends_on[1]' must name a job of this workflow; none is called "x\"")");
    expect_refused(dag(node("a", R"("a")")), "not name the job itself");
    expect_refused(dag(node("a") + "," + node("b", R"("a",{"ref":"a","on_failure":"run"})")),
                   "second time");
    expect_refused(dag(node("a") + "," + node("b", R"({"ref":"a","on_failure":"stop"})")),
                   "'jobs[1].depends_on[0].on_failure' must be fail, skip, run or wait");
    expect_refused(dag(node("a") + "," + node("b", R"({"on_failure":"run"})")),
                   "'jobs[1].depends_on[0].ref' is missing");
    expect_refused(dag(node("a", "5")), "'jobs[0].depends_on[0]' must be a string");
    expect_refused(dag(R"({"type":"t","args":[],"depends_on":"a"})"), "must be an array");
    for (const std::string type : {"group", "batch"})
        expect_refused(body(type, "\"jobs\":[" + node("a") + "]"), "of type 'dag' only");
    expect_refused(body("chain", "\"steps\":[" + node("a") + "]"), "of type 'dag' only");
}

TEST(DecodeWorkflow, NamesTheJobsOfACircle) {
    expect_refused(dag(node("x") + "," + node("a", R"("x","c")") + "," + node("b", R"("a")") + "," +
                       node("c", R"("b")") + "," + node("y", R"("c")")),
                   R"("a" on "c" on "b" on "a".)");
    expect_refused(dag(node("x") + "," + node("a", R"("x","c")") + "," + node("b", R"("a")") + "," +
                       node("c", R"("b")")),
                   R"("cycle":["a","c","b"])");
    // A diamond is none.
    EXPECT_TRUE(decode_workflow(dag(node("a") + "," + node("b", R"("a")") + "," +
                                    node("c", R"("a")") + "," + node("d", R"("b","c")")),
                                now));
}

TEST(DecodeWorkflow, NamesOnlySomeJobsOfALongCircle) {
    std::string jobs;
    for (int i = 0; i < 5000; ++i)
        jobs += (i == 0 ? "" : ",") +
                node("r" + std::to_string(i), "\"r" + std::to_string((i + 1) % 5000) + "\"");
    const auto made = decode_workflow(dag(jobs), now);
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().message.find("5000 in all"), std::string::npos) << made.error().message;
    EXPECT_LT(made.error().message.size(), 1000U);
}

TEST(DecodeWorkflow, RefusesJobsThatCannotBePartOfOne) {
    const auto with = [](const std::string& members) {
        return body("chain", R"("steps":[{"type":"a","args":[],)" + members + "}]");
    };
    expect_refused(with(R"("options":{"pending":true})"), errc::unsupported, "pending");
    EXPECT_TRUE(decode_workflow(with(R"("options":{"pending":false,"unique":null})"), now));
    expect_refused(with(R"("options":{"unique":{"period":"PT1H"}})"), errc::unsupported, "unique");
    expect_refused(with(R"("unique":{"period":"PT1H"})"), errc::unsupported, "unique");
    expect_refused(body("chain", R"("steps":[{"type":"group","jobs":[)" + job + "]}]"),
                   errc::unsupported, "'steps[0]' is a workflow itself");
    expect_refused(body("batch", "\"jobs\":[" + job +
                                     R"(],"callbacks":{"on_success":{"type":"a",)"
                                     R"("args":[],"unique":{}}})"),
                   errc::unsupported, "callbacks.on_success");
}

TEST(DecodeWorkflow, GivesIdsItself) {
    const auto own = R"({"type":"a","args":[],"id":")" + id + "\"}";
    expect_refused(body("group", "\"jobs\":[" + job + "," + own + "]"), errc::unsupported,
                   "jobs[1].id");
}

TEST(DecodeWorkflow, BoundsJobsAndEdges) {
    std::string jobs = R"({"type":"a","args":[]})";
    for (std::size_t i = 1; i < limits::workflow_nodes_max; ++i)
        jobs += R"(,{"type":"a","args":[]})";
    const auto most = decode_workflow(body("chain", "\"steps\":[" + jobs + "]"), now);
    ASSERT_TRUE(most) << most.error().message;
    EXPECT_EQ(most->nodes.size(), 10'000U);
    expect_refused(body("chain", "\"steps\":[" + jobs + "," + job + "]"), errc::validation_failed,
                   "10000");

    // 1000 parents for each of a hundred children, and one edge more.
    std::string parents;
    for (int i = 0; i < 1000; ++i) parents += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\"";
    std::string wide = R"({"type":"a","args":[]})";
    for (int i = 1; i < 1000; ++i) wide += R"(,{"type":"a","args":[]})";
    for (int i = 0; i < 100; ++i) wide += "," + node("c" + std::to_string(i), parents);
    EXPECT_TRUE(decode_workflow(dag(wide), now));
    expect_refused(dag(wide + "," + node("d", "\"0\"")), errc::validation_failed, "100000");
}

std::string shown(const workflow_view& view) {
    std::string text;
    append_workflow(text, view);
    EXPECT_FALSE(check_json(text, limits::json_depth_max)) << text;
    return text;
}

TEST(EncodeWorkflow, ShowsAChain) {
    workflow_view view;
    view.id = *parse_uuid(id);
    view.created_at = now;
    view.total = 2;
    view.completed = 1;
    view.nodes = {{"0", "a.b", "q", "completed", view.id, {}},
                  {"1", "a.c", "q", "pending", view.id, {{0, {}}}}};
    EXPECT_EQ(
        shown(view),
        R"({"id":")" + id +
            R"(","type":"chain","state":"running","created_at":"2026-02-13T16:26:40.000000Z",)"
            R"("steps_total":2,"steps_completed":1,"steps_failed":0,)"
            R"("metadata":{"created_at":"2026-02-13T16:26:40.000000Z","job_count":2,)"
            R"("completed_count":1,"failed_count":0},)"
            R"("steps":[{"index":0,"type":"a.b","state":"completed","job_id":")" +
            id + R"("},{"index":1,"type":"a.c","state":"pending","job_id":")" + id + R"("}]})");
}

TEST(EncodeWorkflow, ShowsADagWithItsCallbacks) {
    workflow_view view;
    view.id = *parse_uuid(id);
    view.type = workflow_type::dag;
    view.name = "say \"when\"";
    view.meta = R"({"k": 1})";
    view.state = workflow_state::failed;
    view.created_at = now;
    view.ended_at = now + std::chrono::seconds{1};
    view.total = 2;
    view.completed = 1;
    view.failed = 1;
    view.nodes = {{"a", "t", "q", "completed", view.id, {}},
                  {"b", "t", "q", "failed", view.id, {{0, failed_parent_policy::wait}}}};
    view.callbacks = {{"on_failure", "f", "q", "active", view.id, {}}};
    const auto text = shown(view);
    for (const std::string part :
         {R"("name":"say \"when\"","meta":{"k": 1},"state":"failed",)",
          R"("completed_at":"2026-02-13T16:26:41.000000Z","jobs_total":2,"jobs_completed":1,)"
          R"("jobs_failed":1,)",
          R"("ref":"a","type":"t","state":"completed")", R"("depends_on":[]})",
          R"("depends_on":[{"ref":"a","on_failure":"wait"}]})",
          R"("callbacks":{"on_failure":{"type":"f","state":"active","job_id":")"})
        EXPECT_NE(text.find(part), std::string::npos) << part << '\n' << text;
    view.state = workflow_state::cancelled;
    EXPECT_NE(shown(view).find(R"("cancelled_at":"2026-02-13)"), std::string::npos);
}

}  // namespace
}  // namespace sluice
