#include "client/cli/command_line.hpp"
#include "client/cli/commands.hpp"
#include "tests/client/command_runner.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::cli {
namespace {

using test::run;

TEST(QueueCommands, PauseAndResume) {
    const auto paused = R"({"queue":{"name":"mail","status":"paused","paused":true,"available":2},)"
                        R"("name":"mail","paused":true,"status":"paused"})";
    const auto pause = [](const context& ctx) { return pause_queue(ctx, "mail"); };
    const auto r = run(pause, 200, paused);
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    EXPECT_EQ(r.asked, "POST /ojs/v1/queues/mail/pause");
    EXPECT_EQ(r.data, "mail  paused\n");
    EXPECT_EQ(run(pause, 200, paused, output_format::json).data,
              "{\"name\":\"mail\",\"status\":\"paused\",\"paused\":true,\"available\":2}\n");
    EXPECT_EQ(run(pause, 200, paused, output_format::plain).data,
              "mail\t2\t0\t0\t0\t0\t0\tpaused\n");
    const auto resumed = run([](const context& ctx) { return resume_queue(ctx, "mail"); }, 200,
                             R"({"queue":{"name":"mail","paused":false}})");
    EXPECT_EQ(resumed.asked, "POST /ojs/v1/queues/mail/resume");
    EXPECT_EQ(resumed.data, "mail  active\n");
    const auto denied =
        run(pause, 403, R"({"error":{"code":"forbidden","message":"Needs the scope admin."}})");
    EXPECT_EQ(denied.code, exit_code::denied);
    EXPECT_EQ(denied.data, "");
}

TEST(QueueCommands, StatsShowHowAnObjectiveIsKept) {
    const auto show = [](const context& ctx) { return show_queues(ctx, {"mail"}); };
    const std::string window = R"({"good":985,"bad":15,"compliance":0.985,"burn_rate":1.5})";
    const auto r = run(show, 200,
                       R"({"queue":{"name":"mail","paused":false,"available":3,"start_latency":)"
                       R"({"objective":0.99,"within":"250ms","burning":true,"windows":{"5m":)" +
                           window + R"(,"1h":)" + window + R"(}}},"stats":{"depth":3}})");
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    EXPECT_EQ(r.asked, "GET /ojs/v1/queues/mail/stats");
    EXPECT_NE(r.data.find("99 % are to start within 250ms  burning\n"), std::string::npos)
        << r.data;
    EXPECT_NE(r.data.find("  1h  98.5 % did of 1,000, burn rate 1.5\n"), std::string::npos)
        << r.data;
    const auto none = run(show, 200, R"({"queue":{"name":"mail","paused":false,"available":3}})");
    EXPECT_EQ(none.data.find("within"), std::string::npos);
}

TEST(QueueCommands, SetABound) {
    const auto set = [](const context& ctx) {
        return set_queue(ctx, "mail",
                         {.bound = client::queue_bound{.max_depth = 100, .strategy = "block"}});
    };
    const std::string answer = R"({"name":"mail","depth":7,"configuration":{"backpressure":)"
                               R"({"max_depth":100,"strategy":"block","warning_threshold":0.8}}})";
    const auto r = run(set, 200, answer);
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    EXPECT_EQ(r.asked,
              "PATCH /ojs/v1/admin/queues/mail/config "
              R"({"backpressure":{"max_depth":100,"strategy":"block","warning_threshold":0.8}})");
    EXPECT_EQ(r.data, "mail  holds 7 jobs of at most 100, then: block\n");
    EXPECT_EQ(run(set, 200, answer, output_format::json).data, answer + "\n");
    EXPECT_EQ(run(set, 200, answer, output_format::plain).data, "mail\t7\t100\tblock\tany\tnone\n");
    const auto lifted = run(set, 200,
                            R"({"name":"mail","depth":7,"configuration":{"backpressure":)"
                            R"({"max_depth":0,"strategy":"reject"}}})");
    EXPECT_EQ(lifted.data, "mail  holds 7 jobs, any number may come\n");
    const auto denied = run(set, 403, R"({"error":{"code":"forbidden","message":"No."}})");
    EXPECT_EQ(denied.code, exit_code::denied);
}

TEST(QueueCommands, SetHowManyRunAtATime) {
    const auto set = [](const context& ctx) {
        return set_queue(ctx, "mail", {.concurrency = "20"});
    };
    const std::string answer = R"({"name":"mail","depth":7,"configuration":{"backpressure":)"
                               R"({"max_depth":0,"strategy":"reject"},"concurrency":20}})";
    const auto r = run(set, 200, answer);
    EXPECT_EQ(r.asked, R"(PATCH /ojs/v1/admin/queues/mail/config {"concurrency":20})");
    EXPECT_EQ(r.data, "mail  holds 7 jobs, any number may come; 20 may run at a time\n");
    EXPECT_EQ(run(set, 200, answer, output_format::plain).data, "mail\t7\t0\treject\t20\tnone\n");
    const auto lifted =
        run([](const context& ctx) { return set_queue(ctx, "mail", {.concurrency = "any"}); }, 200,
            answer);
    EXPECT_EQ(lifted.asked, R"(PATCH /ojs/v1/admin/queues/mail/config {"concurrency":null})");
}

TEST(QueueCommands, SetAnObjective) {
    const std::string answer =
        R"({"name":"mail","depth":7,"configuration":{"backpressure":{"max_depth":0,)"
        R"("strategy":"reject"},"start_latency":{"objective":0.999,"within":"250ms"}}})";
    const auto set = [&](const std::string& slo, output_format output = output_format::table) {
        command_line line;
        EXPECT_EQ(line.read({"queue", "set", "mail", "--slo", slo}), exit_code::ok) << slo;
        return run(line.chosen, 200, answer, output);
    };
    const std::string request = "PATCH /ojs/v1/admin/queues/mail/config ";
    const auto r = set("p99.9<250ms");
    EXPECT_EQ(r.asked, request + R"({"start_latency":{"objective":0.999,"within":"250ms"}})");
    EXPECT_EQ(r.data,
              "mail  holds 7 jobs, any number may come; 99.9 % are to start within 250ms\n");
    EXPECT_EQ(set("waiting.p50 < 2s").asked,
              request + R"({"start_latency":{"objective":0.5,"within":"2s"}})");
    EXPECT_EQ(set("none").asked, request + R"({"start_latency":null})");
    EXPECT_EQ(set("none", output_format::plain).data, "mail\t7\t0\treject\tany\tp99.9<250ms\n");
}

TEST(QueueCommands, RefuseAnObjectiveThatAQueueCannotHave) {
    for (const auto* slo : {"p99<250", "p49<1s", "p99.9999<1s", "max<1s", "running.p99<1s",
                            "overall.p99<1s", "p99<0.5ms", "p99<1.5ms", "p99<25h", "250ms", ""}) {
        command_line line;
        testing::internal::CaptureStderr();
        EXPECT_EQ(line.read({"queue", "set", "mail", "--slo", slo}), exit_code::usage) << slo;
        EXPECT_NE(testing::internal::GetCapturedStderr().find("p99<250ms"), std::string::npos);
    }
}

TEST(QueueCommands, PurgeUntilNothingIsLeft) {
    const client::purge_order order{"mail", "completed,cancelled", "2026-01-01T00:00:00Z", {}};
    const auto purge = [&](const context& ctx) { return purge_queue(ctx, order, true); };
    const auto request =
        "DELETE /ojs/v1/admin/queues/mail/jobs?states=completed%2Ccancelled&"
        "older_than=2026-01-01T00%3A00%3A00Z";
    const auto r =
        run(purge, {{200, R"({"purged_count":0,"failed":0,"next_cursor":"completed:7"})"},
                    {200, R"({"purged_count":5,"failed":0,"has_more":false})"}});
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    EXPECT_EQ(r.asked, std::string(request) + "&confirm=true" + request +
                           "&cursor=completed%3A7&confirm=true");
    EXPECT_EQ(r.data, "mail  5 jobs purged\n");
    const auto partly = run(purge, 200, R"({"purged_count":1,"failed":2,"has_more":false})");
    EXPECT_EQ(partly.code, exit_code::partial);
    EXPECT_EQ(partly.data, "mail  1 job purged, 2 are still needed\n");
    EXPECT_EQ(run(purge, 200, R"({"purged_count":1,"failed":0})", output_format::json).data,
              "{\"purged_count\":1,\"failed\":0}\n");
    const auto refused =
        run(purge, 400, R"({"error":{"code":"invalid_request","message":"No such state."}})");
    EXPECT_NE(refused.code, exit_code::ok);
}

}  // namespace
}  // namespace sluice::cli
