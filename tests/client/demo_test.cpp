#include "client/cli/demo/demo_settings.hpp"
#include "client/cli/demo/lesson_report.hpp"
#include "client/cli/demo/own_server.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;

set_job ended_job(std::string id, std::string state, raw_json result) {
    set_job job;
    job.name = "the one called " + id;
    job.id = std::move(id);
    job.what.type = "t";
    job.pause = 2s;
    job.ended_at = 1500ms;
    job.job.state = std::move(state);
    job.job.result = std::move(result);
    return job;
}

set_outcome outcome_of(std::vector<set_job> jobs) {
    set_outcome set;
    for (std::size_t i = 0; i < jobs.size(); ++i) set.order.insert(set.order.begin(), i);
    set.jobs = std::move(jobs);
    set.elapsed = 1500ms;
    return set;
}

TEST(DemoSettings, ShortenPausesByTheFactor) {
    demo_settings with;
    with.time_scale = 0.25;
    EXPECT_EQ(with.scaled(nanoseconds{2s}), 500ms);
    EXPECT_EQ(with.scaled(span{1s, 4s}), (span{250ms, 1s}));
}

TEST(OwnServer, ConfiguresALoopbackPortATokenAndADirectory) {
    const auto text = config_of({.workers = 3, .commands = {}, .allow = {}}, "/tmp/d");
    EXPECT_NE(text.find("listen = \"127.0.0.1:0\""), std::string::npos) << text;
    EXPECT_NE(text.find("directory = \"/tmp/d/data\""), std::string::npos);
    EXPECT_NE(text.find("token_file = \"/tmp/d/token\""), std::string::npos);
    EXPECT_NE(text.find("concurrency = 3"), std::string::npos);
    EXPECT_EQ(text.find("[push]"), std::string::npos);
    EXPECT_EQ(text.find("exec"), std::string::npos);
}

TEST(OwnServer, QuotesWhatItPutsIntoTheConfiguration) {
    own_server_settings settings;
    settings.commands.push_back({"c", {"/bin/echo", "a \"b\"\n[push]"}, {"A=1=2"}});
    settings.allow = {"::1", "a.example"};
    const auto text = config_of(settings, "/tmp/d");
    EXPECT_NE(text.find(R"(argv = ["/bin/echo", "a \"b\"\n[push]"])"), std::string::npos) << text;
    EXPECT_NE(text.find(R"(env = { "A" = "1=2" })"), std::string::npos);
    EXPECT_NE(text.find(R"(allow = ["::1", "a.example"])"), std::string::npos);
}

TEST(OwnServer, AllowsTheHostsOfUrlsAndNothingElse) {
    EXPECT_EQ(host_to_allow("http://127.0.0.1:80/a"), "127.0.0.1");
    EXPECT_EQ(host_to_allow("https://[::1]:8443/"), "::1");
    EXPECT_EQ(host_to_allow("http://Example.org?x"), "Example.org");
    for (const auto* odd : {"nonsense", "http://", "http://127.1/", "http://*/", "http://a b/",
                            "http://.a/", "http://[a]/", "http://10.0.0.0%2f8/"}) {
        EXPECT_EQ(host_to_allow(odd), "") << odd;
    }
}

TEST(SetJob, ShowsAResultAndAProblemAsWords) {
    EXPECT_EQ(ended_job("a", "completed", R"("x\ny")").result_text(), "x\ny");
    EXPECT_EQ(ended_job("a", "completed", "49").result_text(), "49");
    auto bad = ended_job("a", "discarded", "");
    bad.job.error_message = "no";
    bad.job.text = R"({"id":"a","error":{"type":"http.404","message":"no"}})";
    EXPECT_EQ(bad.problem(), "no");
    EXPECT_EQ(bad.problem_type(), "http.404");
    EXPECT_EQ(set_job{}.state(), "not submitted");
    EXPECT_EQ(ended_job("a", "", "").state(), "unknown");
}

TEST(SetOutcome, EndsByHowTheJobsWent) {
    const context ctx;
    const auto good = ended_job("a", "completed", "1");
    const auto bad = ended_job("b", "discarded", "");
    EXPECT_EQ(outcome_of({good, good}).conclude(ctx), exit_code::ok);
    EXPECT_EQ(outcome_of({good, bad}).conclude(ctx), exit_code::partial);
    EXPECT_EQ(outcome_of({bad, bad}).conclude(ctx), exit_code::failed);
    auto stopped = outcome_of({good, good});
    stopped.interrupted = true;
    EXPECT_EQ(stopped.conclude(ctx), exit_code::interrupted);
    EXPECT_EQ(stopped.sum_of_pauses(), 4s);
}

TEST(LessonReport, IsOneDocumentInTheOrderOfSubmission) {
    auto cancelled = ended_job("b", "cancelled", "");
    cancelled.cancelled = true;
    auto set = outcome_of({ended_job("a", "completed", R"({"n":1})"), cancelled});
    set.interrupted = true;
    auto document = begin_document("gather");
    add_set(document, set);
    const auto text = text_of(document);
    const auto read = nlohmann::json::parse(text);
    EXPECT_EQ(read["schema"], demo_schema);
    EXPECT_EQ(read["lesson"], "gather");
    EXPECT_EQ(read["jobs"][0]["result"]["n"], 1);
    EXPECT_EQ(read["jobs"][1]["error"], "cancelled");
    EXPECT_EQ(read["order"], nlohmann::json({1, 0}));
    EXPECT_EQ(read["cancelled"], nlohmann::json::array({1}));
    EXPECT_EQ(text.find('\n'), text.size() - 1);
}

TEST(LessonReport, SaysWhatWasCancelledAfterAnInterruptionOnly) {
    auto cancelled = ended_job("b", "cancelled", "");
    cancelled.cancelled = true;
    auto set = outcome_of({ended_job("a", "completed", "1"), cancelled, set_job{}});
    EXPECT_EQ(render_cancelled(set, {}), "");
    set.interrupted = true;
    EXPECT_EQ(render_cancelled(set, {}),
              "  cancelled #2    the one called b  b\n  1 were not submitted\n");
}

TEST(LessonReport, GivesProgramsARowForEachJob) {
    const auto rows = render_plain_set(outcome_of({ended_job("a", "completed", "\"x\\ty\"")}));
    EXPECT_EQ(rows, "1\ta\tcompleted\t1500.000\tthe one called a\tx?y\n");
}

}  // namespace
}  // namespace sluice::cli
