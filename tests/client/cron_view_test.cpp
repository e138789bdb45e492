#include "client/cli/cron_view.hpp"

#include "client/cli/text.hpp"
#include "tests/client/holds.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;

constexpr timestamp now{1'770'892'200s};  // 2026-02-12 10:30:00Z

client::cron_info sample() {
    client::cron_info cron;
    cron.name = "report";
    cron.expression = "0 9 * * MON-FRI";
    cron.timezone = "Europe/Berlin";
    cron.overlap = "skip";
    cron.catch_up = "one";
    cron.enabled = true;
    cron.run_count = 1234;
    cron.created_at = now - 240h;
    cron.last_run_at = now - 2h;
    cron.next_run_at = now + 22h;
    cron.job = R"({"type":"report.daily"})";
    cron.text = "{\"name\":\"report\",\n\"run_count\":1234}";
    return cron;
}

TEST(RenderCrons, ShowsOneLineForEach) {
    client::cron_list list;
    list.crons = {sample()};
    const auto text = render_crons(list, output_format::table, {.width = 100}, now);
    EXPECT_EQ(text,
              "name    expression       timezone       next          last        runs  state\n"
              "report  0 9 * * MON-FRI  Europe/Berlin  02-13 08:30Z  08:30:00Z  1,234  enabled\n");
}

TEST(RenderCrons, NamesTheYearOfATimeFarAway) {
    client::cron_list list;
    list.crons = {sample()};
    list.crons[0].next_run_at = now + 24h * 400;
    list.crons[0].last_run_at.reset();
    const auto text = render_crons(list, output_format::table, {}, now);
    EXPECT_TRUE(holds(text, "  2027-03-19")) << text;
}

TEST(RenderCrons, FitsEightyColumns) {
    client::cron_list list;
    list.crons = {sample()};
    auto& cron = list.crons[0];
    cron.name = std::string(200, 'n');
    cron.expression = std::string(200, '*');
    cron.timezone = "America/Argentina/ComodRivadavia";
    cron.enabled = false;
    cron.last_run_at = now - 48h;
    const auto text = render_crons(list, output_format::table, {}, now);
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        EXPECT_LE(columns_of(text.substr(at, end - at)), 80U) << text;
        at = end + 1;
    }
    EXPECT_TRUE(holds(text, " disabled\n")) << text;
}

TEST(RenderCrons, SpeaksEveryFormat) {
    client::cron_list list;
    list.crons = {sample(), sample()};
    list.text = "{\"crons\":[],\n\"count\":2}";
    EXPECT_EQ(render_crons(list, output_format::json, {}, now), "{\"crons\":[], \"count\":2}\n");
    const std::string line = "{\"name\":\"report\", \"run_count\":1234}\n";
    EXPECT_EQ(render_crons(list, output_format::jsonl, {}, now), line + line);
    const std::string cells =
        "report\t0 9 * * MON-FRI\tEurope/Berlin\t2026-02-13T08:30:00.000000Z\t"
        "2026-02-12T08:30:00.000000Z\t1234\tenabled\n";
    EXPECT_EQ(render_crons(list, output_format::plain, {}, now), cells + cells);
}

TEST(RenderCronLine, LeavesCellsOfTimesThatThereAreNot) {
    auto cron = sample();
    cron.enabled = false;
    cron.run_count = 0;
    cron.next_run_at.reset();
    cron.last_run_at.reset();
    EXPECT_EQ(render_cron_line(cron, output_format::plain, {}),
              "report\t0 9 * * MON-FRI\tEurope/Berlin\t\t\t0\tdisabled\n");
}

TEST(RenderCron, ShowsTheScheduleAndWhatCameOfIt) {
    auto cron = sample();
    cron.description = "for ada\x1b[31m";
    const auto text = render_cron(cron, terminal{});
    EXPECT_TRUE(holds(text, "Cron job report  enabled\n")) << text;
    EXPECT_TRUE(holds(text, "  about       for ada?[31m\n")) << text;
    EXPECT_TRUE(holds(text, "  expression  0 9 * * MON-FRI\n"));
    EXPECT_TRUE(holds(text, "  timezone    Europe/Berlin\n"));
    EXPECT_TRUE(holds(text, "  job         {\"type\":\"report.daily\"}\n"));
    EXPECT_TRUE(holds(text, "  next        2026-02-13 08:30:00Z\n"));
    EXPECT_TRUE(holds(text, "  runs        1,234\n"));
    EXPECT_FALSE(holds(text, "last job"));
    cron.next_run_at.reset();
    EXPECT_TRUE(holds(render_cron(cron, terminal{}), "  next        never\n"));
}

TEST(RenderPreview, MarksTheTimesThatTheClockLeapsOver) {
    client::cron_preview preview;
    preview.name = "night";
    preview.expression = "30 2 * * *";
    preview.timezone = "Europe/Berlin";
    preview.text = "{}";
    preview.times.push_back({timestamp{1'774'661'400s}, true, "", R"({"runs":true})"});
    preview.times.push_back({timestamp{1'774'746'000s}, false, "dst_skip", R"({"runs":false})"});
    preview.times.push_back({timestamp{1'774'830'600s}, true, "dst_skip", R"({"runs":1})"});
    EXPECT_EQ(render_preview(preview, output_format::table, {}),
              "night  30 2 * * *  Europe/Berlin  (times in UTC)\n"
              "  2026-03-28 01:30:00Z\n"
              "  2026-03-29 01:00:00Z  skipped  dst_skip\n"
              "  2026-03-30 00:30:00Z  an earlier time is skipped  dst_skip\n");
    EXPECT_EQ(render_preview(preview, output_format::plain, {}),
              "2026-03-28T01:30:00.000000Z\truns\t\n"
              "2026-03-29T01:00:00.000000Z\tskipped\tdst_skip\n"
              "2026-03-30T00:30:00.000000Z\truns\tdst_skip\n");
    EXPECT_EQ(render_preview(preview, output_format::jsonl, {}),
              "{\"runs\":true}\n{\"runs\":false}\n{\"runs\":1}\n");
    EXPECT_EQ(render_preview(preview, output_format::json, {}), "{}\n");
}

}  // namespace
}  // namespace sluice::cli
