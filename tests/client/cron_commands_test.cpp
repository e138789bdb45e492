#include "client/cli/commands.hpp"
#include "tests/client/command_runner.hpp"
#include "tests/client/holds.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace sluice::cli {
namespace {

using test::run;

constexpr auto one_cron =
    R"({"cron":{"name":"report","expression":"@daily","timezone":"UTC","enabled":true,)"
    R"("next_run_at":"2026-02-13T00:00:00.000000Z","run_count":0,"job_template":{"type":"t"}}})";

TEST(CronCommands, RegisterAndSayWhenItIsDue) {
    client::new_cron cron;
    cron.name = "report";
    cron.expression = "@daily";
    cron.job.type = "t";
    const auto r = run([&](const context& ctx) { return set_cron(ctx, cron); }, 201, one_cron);
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    EXPECT_EQ(r.asked, "POST /ojs/v1/cron " + encode(cron));
    EXPECT_EQ(r.data, "report  enabled  next 2026-02-13 00:00:00Z\n");
    EXPECT_EQ(r.said, "");
}

TEST(CronCommands, SayWhatTheServerRefuses) {
    const auto r = run([](const context& ctx) { return set_cron(ctx, {}); }, 400,
                       R"({"error":{"code":"invalid_request","message":"No such zone."}})");
    EXPECT_EQ(r.code, exit_code::usage) << r.said;
    EXPECT_EQ(r.data, "");
    EXPECT_TRUE(holds(r.said, "No such zone")) << r.said;
}

TEST(CronCommands, ListThoseThatAreWanted) {
    const auto body = R"({"crons":[],"count":0})";
    const auto list = [&](std::optional<bool> wanted, output_format format) {
        return run([&](const context& ctx) { return list_crons(ctx, wanted); }, 200, body, format);
    };
    EXPECT_EQ(list({}, output_format::table).asked, "GET /ojs/v1/cron");
    EXPECT_EQ(list(true, output_format::table).asked, "GET /ojs/v1/cron?enabled=true");
    EXPECT_EQ(list(false, output_format::table).asked, "GET /ojs/v1/cron?enabled=false");
    EXPECT_EQ(list({}, output_format::table).said, "No cron jobs.\n");
    EXPECT_EQ(list({}, output_format::table).data, "");
    EXPECT_EQ(list({}, output_format::json).data, std::string{body} + "\n");
    EXPECT_EQ(list({}, output_format::jsonl).data, "");
}

TEST(CronCommands, ShowOne) {
    const auto show = [](const context& ctx) { return show_cron(ctx, "report"); };
    const auto r = run(show, 200, one_cron);
    EXPECT_EQ(r.asked, "GET /ojs/v1/cron/report");
    EXPECT_TRUE(holds(r.data, "Cron job report  enabled\n")) << r.data;
    const auto json = run(show, 200, one_cron, output_format::json);
    EXPECT_TRUE(json.data.starts_with(R"({"name":"report")")) << json.data;
}

TEST(CronCommands, EndWithFourWhereThereIsNone) {
    const auto body = R"({"error":{"code":"not_found","message":"Cron job 'report' not found."}})";
    for (const auto& command : std::vector<std::function<exit_code(const context&)>>{
             [](const context& ctx) { return show_cron(ctx, "report"); },
             [](const context& ctx) { return enable_cron(ctx, "report", true); },
             [](const context& ctx) { return delete_cron(ctx, "report"); },
             [](const context& ctx) { return preview_cron(ctx, "report", 1); }}) {
        const auto r = run(command, 404, body);
        EXPECT_EQ(r.code, exit_code::not_found) << r.asked;
        EXPECT_EQ(r.data, "") << r.asked;
        EXPECT_TRUE(holds(r.said, "sluice cron list")) << r.said;
    }
}

TEST(CronCommands, SwitchAndDelete) {
    const auto on =
        run([](const context& ctx) { return enable_cron(ctx, "report", true); }, 200, one_cron);
    EXPECT_EQ(on.asked, R"(PATCH /ojs/v1/cron/report {"enabled":true})");
    EXPECT_EQ(on.data, "report  enabled  next 2026-02-13 00:00:00Z\n");
    const auto off = run([](const context& ctx) { return enable_cron(ctx, "report", false); }, 200,
                         R"({"cron":{"name":"report","enabled":false,"next_run_at":null}})");
    EXPECT_EQ(off.asked, R"(PATCH /ojs/v1/cron/report {"enabled":false})");
    EXPECT_EQ(off.data, "report  disabled\n");
    const auto gone =
        run([](const context& ctx) { return delete_cron(ctx, "report"); }, 200, one_cron);
    EXPECT_EQ(gone.asked, "DELETE /ojs/v1/cron/report");
    EXPECT_EQ(gone.data, "report  deleted\n");
}

TEST(CronCommands, ForetellItsTimes) {
    const auto preview = [](const context& ctx) { return preview_cron(ctx, "report", 3); };
    const auto r = run(preview, 200,
                       R"({"name":"report","expression":"@daily","timezone":"UTC","occurrences":[)"
                       R"({"at":"2026-02-13T00:00:00.000000Z","runs":true}]})");
    EXPECT_EQ(r.asked, "GET /ojs/v1/cron/report/preview?count=3");
    EXPECT_TRUE(holds(r.data, "\n  2026-02-13 00:00:00Z\n")) << r.data;
    const auto never = run(preview, 200, R"({"occurrences":[]})");
    EXPECT_EQ(never.code, exit_code::ok);
    EXPECT_EQ(never.data, "");
    EXPECT_TRUE(holds(never.said, "never due again"));
}

}  // namespace
}  // namespace sluice::cli
