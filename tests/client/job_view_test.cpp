#include "client/cli/job_view.hpp"

#include "client/cli/text.hpp"
#include "tests/client/holds.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;

client::job_info sample() {
    client::job_info job;
    job.id = "0197a2c4-0000-7000-8000-000000000001";
    job.type = "sluice.square";
    job.queue = "default";
    job.state = "completed";
    job.attempt = 1;
    job.max_attempts = 3;
    job.args = "[7,420]";
    job.result = "49";
    job.created_at = timestamp{1'770'892'200s};
    job.times.received_at = job.created_at;
    job.times.durable_at = *job.created_at + 310us;
    job.times.started_at = *job.created_at + 420us;
    job.times.finished_at = *job.created_at + 420'420us;
    job.text = "{\"id\":\"0197a2c4-0000-7000-8000-000000000001\",\n\"args\":[7,\r\n420]}";
    return job;
}

TEST(RenderJob, ShowsStateResultAndWhereTheTimeWent) {
    const auto text = render_job(sample(), terminal{});
    EXPECT_TRUE(holds(text, "Job 0197a2c4-0000-7000-8000-000000000001  completed\n"));
    EXPECT_TRUE(holds(text, "  result      49\n"));
    EXPECT_TRUE(holds(text, "  attempt     1 of 3\n"));
    EXPECT_TRUE(holds(text, "  received    2026-02-12T10:30:00.000000Z\n"));
    EXPECT_TRUE(holds(text, "  started     +0.42ms     waited 0.11ms\n")) << text;
    EXPECT_TRUE(holds(text, "  finished    +420ms      ran 420ms\n"));
    EXPECT_FALSE(holds(text, "acked"));
    EXPECT_FALSE(holds(text, "error"));
}

TEST(RenderJob, ShowsAttemptsWhenThereWereSeveral) {
    auto job = sample();
    job.state = "discarded";
    job.error_message = "no \x1b[31mroute";
    job.attempts = {{1, "w1", "nacked", job.times.started_at, job.times.finished_at},
                    {2, "w2", "lapsed", job.times.started_at, {}}};
    const auto text = render_job(job, terminal{});
    EXPECT_TRUE(holds(text, "no ?[31mroute"));
    EXPECT_TRUE(holds(text, "nacked"));
    EXPECT_TRUE(holds(text, "w2"));
}

TEST(RenderJob, StaysWithinTheTerminal) {
    auto job = sample();
    job.args = "[\"" + std::string(500, 'x') + "\"]";
    const auto text = render_job(job, terminal{});
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        EXPECT_LE(columns_of(text.substr(at, end - at)), 80U);
        at = end + 1;
    }
}

TEST(RenderJobs, FitsARowIntoEightyColumns) {
    const auto text = render_jobs({sample()}, output_format::table, terminal{});
    EXPECT_TRUE(holds(text, "0197a2c4-0000-7000-8000-000000000001"));
    EXPECT_TRUE(holds(text, "sluice.square"));
    EXPECT_TRUE(holds(text, "10:30:00Z"));
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        EXPECT_LE(end - at, 80U);
        at = end + 1;
    }
}

TEST(RenderJobs, GivesProgramsOneJobALine) {
    const auto lines = render_jobs({sample(), sample()}, output_format::jsonl, terminal{});
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
    EXPECT_TRUE(holds(lines, "\"args\":[7,  420]}\n"));
    EXPECT_EQ(render_jobs({sample()}, output_format::plain, terminal{}),
              "0197a2c4-0000-7000-8000-000000000001\tcompleted\tsluice.square\tdefault\n");
    const auto whole = render_jobs({sample(), sample()}, output_format::json, terminal{});
    EXPECT_TRUE(whole.starts_with("{\"jobs\":[{"));
    EXPECT_TRUE(whole.ends_with("}]}\n"));
    EXPECT_EQ(render_jobs({}, output_format::json, terminal{}, "{\"jobs\":[],\n\"a\":1}"),
              "{\"jobs\":[], \"a\":1}\n");
}

}  // namespace
}  // namespace sluice::cli
