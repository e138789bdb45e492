#include "client/cron_messages.hpp"

#include <gtest/gtest.h>

namespace sluice::client {
namespace {

constexpr auto registration =
    R"({"name":"report","expression":"0 9 * * MON-FRI","timezone":"Europe/Berlin",
"overlap_policy":"enqueue","catch_up":"all","enabled":true,"description":"for ada",
"job_template":{"type":"report.daily","args":[ 1e400 ]},"created_at":"2026-02-12T10:30:00.000100Z",
"last_run_at":null,"next_run_at":"2026-02-13T08:00:00.000000Z","run_count":7,
"last_job_id":"0197a2c4-0000-7000-8000-000000000001","surprise":[1]})";

TEST(EncodeCron, SaysAllThatWasAsked) {
    new_cron cron;
    cron.name = "report";
    cron.expression = "0 9 * * MON-FRI";
    cron.timezone = "Europe/Berlin";
    cron.overlap = overlap_policy::cancel_previous;
    cron.catch_up = catch_up_policy::none;
    cron.enabled = false;
    cron.description = "for \"ada\"";
    cron.job.type = "report.daily";
    cron.job.queue = "reports";
    cron.job.args = "[1]";
    EXPECT_EQ(encode(cron),
              R"({"name":"report","expression":"0 9 * * MON-FRI","timezone":"Europe/Berlin",)"
              R"("overlap_policy":"cancel_previous","catch_up":"none","enabled":false,)"
              R"("description":"for \"ada\"","job_template":)" +
                  encode(cron.job) + "}");
    EXPECT_EQ(encode_cron_switch(false), R"({"enabled":false})");
}

TEST(EncodeCron, IsWhatTheServerReads) {
    new_cron cron;
    cron.name = "report";
    cron.expression = "@daily";
    cron.job.type = "report.daily";
    cron.job.queue = "reports";
    cron.overlap = overlap_policy::enqueue;
    const auto read = decode_cron(encode(cron), timestamp{});
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->name, "report");
    EXPECT_EQ(read->expression, "@daily");
    EXPECT_EQ(read->timezone, "UTC");
    EXPECT_EQ(read->overlap, overlap_policy::enqueue);
    EXPECT_EQ(read->catch_up, catch_up_policy::one);
    EXPECT_TRUE(read->enabled);
    EXPECT_EQ(read->job, encode(cron.job));
    const auto enabled = decode_cron_switch(encode_cron_switch(true));
    ASSERT_TRUE(enabled);
    EXPECT_TRUE(*enabled);
}

TEST(ReadCron, TakesWhatItKnowsAndKeepsTheRestAsText) {
    const auto cron = read_cron(std::string{R"({"cron":)"} + registration + R"(,"deleted":true})");
    ASSERT_TRUE(cron.has_value());
    EXPECT_EQ(cron->name, "report");
    EXPECT_EQ(cron->expression, "0 9 * * MON-FRI");
    EXPECT_EQ(cron->timezone, "Europe/Berlin");
    EXPECT_EQ(cron->overlap, "enqueue");
    EXPECT_EQ(cron->catch_up, "all");
    EXPECT_EQ(cron->description, "for ada");
    EXPECT_TRUE(cron->enabled);
    EXPECT_EQ(cron->run_count, 7U);
    EXPECT_EQ(cron->last_job_id, "0197a2c4-0000-7000-8000-000000000001");
    EXPECT_EQ(cron->job, R"({"type":"report.daily","args":[ 1e400 ]})");
    EXPECT_FALSE(cron->last_run_at.has_value());
    ASSERT_TRUE(cron->next_run_at.has_value());
    EXPECT_EQ(format_timestamp(*cron->next_run_at), "2026-02-13T08:00:00.000000Z");
    EXPECT_EQ(cron->text, registration);
}

TEST(ReadCron, GivesNothingForWhatIsNone) {
    for (const auto* body : {"", "oops", "[]", "{}", R"({"cron":1})"}) {
        EXPECT_FALSE(read_cron(body)) << body;
        EXPECT_FALSE(read_crons(body)) << body;
        EXPECT_FALSE(read_cron_preview(body)) << body;
    }
    EXPECT_FALSE(read_crons(R"({"crons":{}})"));
}

TEST(ReadCrons, ReadsAllOfTheList) {
    const std::string body =
        std::string{R"({"crons":[)"} + registration + "," + registration + R"(],"count":2})";
    const auto list = read_crons(body);
    ASSERT_TRUE(list.has_value());
    ASSERT_EQ(list->crons.size(), 2U);
    EXPECT_EQ(list->crons[1].run_count, 7U);
    EXPECT_EQ(list->text, body);
    EXPECT_TRUE(read_crons(R"({"crons":[]})")->crons.empty());
}

TEST(ReadCronPreview, KeepsTheTimesThatTheClockLeapsOver) {
    const auto preview = read_cron_preview(
        R"({"name":"night","expression":"30 2 * * *","timezone":"Europe/Berlin","occurrences":[
{"at":"2026-03-28T01:30:00.000000Z","runs":true},
{"at":"2026-03-29T01:00:00.000000Z","runs":false,"skipped":"dst_skip"}]})");
    ASSERT_TRUE(preview.has_value());
    EXPECT_EQ(preview->name, "night");
    EXPECT_EQ(preview->timezone, "Europe/Berlin");
    ASSERT_EQ(preview->times.size(), 2U);
    EXPECT_TRUE(preview->times[0].runs);
    EXPECT_EQ(preview->times[0].skipped, "");
    EXPECT_FALSE(preview->times[1].runs);
    EXPECT_EQ(preview->times[1].skipped, "dst_skip");
    ASSERT_TRUE(preview->times[1].at.has_value());
    EXPECT_EQ(format_timestamp(*preview->times[1].at), "2026-03-29T01:00:00.000000Z");
}

}  // namespace
}  // namespace sluice::client
