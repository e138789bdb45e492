#include "client/messages.hpp"

#include <gtest/gtest.h>

namespace sluice::client {
namespace {

using std::chrono::microseconds;

constexpr auto whole_job =
    R"({"job":{"specversion":"1.0","id":"0197a2c4-0000-7000-8000-000000000001",
"type":"sluice.square","queue":"default","state":"completed","attempt":2,"max_attempts":3,
"priority":-5,"args":[ 7, 1e400 ],"result":49,"created_at":"2026-02-12T10:30:00.000100Z",
"error":{"code":"x","message":"went wrong"},"surprise":{"a":[1]},
"timeline":{"received_at":"2026-02-12T10:30:00.000100Z","durable_at":"2026-02-12T10:30:00.000400Z",
"available_at":"2026-02-12T10:30:00.000200Z","started_at":"2026-02-12T10:30:00.000500Z",
"finished_at":"2026-02-12T10:30:00.100500Z"},
"attempts":[{"attempt":1,"worker_id":"w","started_at":"2026-02-12T10:30:00.000500Z",
"outcome":"nacked"}]}})";

TEST(ReadJob, TakesWhatItKnowsAndKeepsTheRestAsText) {
    const auto job = read_job(whole_job);
    ASSERT_TRUE(job.has_value());
    EXPECT_EQ(job->id, "0197a2c4-0000-7000-8000-000000000001");
    EXPECT_EQ(job->type, "sluice.square");
    EXPECT_EQ(job->queue, "default");
    EXPECT_EQ(job->state, "completed");
    EXPECT_EQ(job->attempt, 2U);
    EXPECT_EQ(job->max_attempts, 3U);
    EXPECT_EQ(job->priority, -5);
    EXPECT_EQ(job->args, "[ 7, 1e400 ]");
    EXPECT_EQ(job->result, "49");
    EXPECT_EQ(job->error_message, "went wrong");
    ASSERT_EQ(job->attempts.size(), 1U);
    EXPECT_EQ(job->attempts.front().outcome, "nacked");
    EXPECT_FALSE(job->attempts.front().finished_at.has_value());
    EXPECT_TRUE(job->terminal());
    EXPECT_NE(job->text.find("\"surprise\":{\"a\":[1]}"), std::string::npos);
}

TEST(ReadJob, TakesABareJobToo) {
    const auto job = read_job(R"({"id":"a","state":"active"})");
    ASSERT_TRUE(job.has_value());
    EXPECT_FALSE(job->terminal());
}

TEST(ReadJob, RefusesWhatIsNoJob) {
    EXPECT_FALSE(read_job("").has_value());
    EXPECT_FALSE(read_job("<html>").has_value());
    EXPECT_FALSE(read_job("[1]").has_value());
    EXPECT_FALSE(read_job(R"({"job":{"type":"t"}})").has_value());
    EXPECT_FALSE(read_job(R"({"job":[]})").has_value());
    EXPECT_FALSE(read_job(std::string(100'000, '[')).has_value());
}

TEST(ReadJob, LeavesOutMembersOfTheWrongKind) {
    const auto job = read_job(R"({"id":"a","attempt":"two","state":7,"timeline":[],"args":null})");
    ASSERT_TRUE(job.has_value());
    EXPECT_EQ(job->attempt, 0U);
    EXPECT_EQ(job->state, "");
}

TEST(Timeline, WaitsFromWhenTheJobWasDurableAndAvailable) {
    const auto job = read_job(whole_job);
    ASSERT_TRUE(job.has_value());
    EXPECT_EQ(job->times.waiting(), microseconds{100});
    EXPECT_EQ(job->times.running(), microseconds{100'000});
    EXPECT_EQ(job->times.total(), microseconds{100'100});
}

TEST(Timeline, CountsFromAvailabilityWhenThatIsLater) {
    timeline times;
    times.durable_at = timestamp{microseconds{1000}};
    times.available_at = timestamp{microseconds{5000}};
    times.started_at = timestamp{microseconds{5300}};
    EXPECT_EQ(times.waiting(), microseconds{300});
}

TEST(Timeline, HasNoPhaseWithoutItsStampsAndNoNegativeOne) {
    timeline times;
    EXPECT_FALSE(times.waiting().has_value());
    times.received_at = timestamp{microseconds{2000}};
    times.started_at = timestamp{microseconds{1500}};
    EXPECT_EQ(times.waiting(), microseconds{0});
    EXPECT_FALSE(times.running().has_value());
    EXPECT_FALSE(times.total().has_value());
}

TEST(ReadJobs, TellsWhereTheNextPageBegins) {
    const auto page = read_jobs(
        R"({"jobs":[{"id":"a"},{"id":"b"}],"next_cursor":"17","total":5,"pagination":{}})");
    ASSERT_TRUE(page.has_value());
    ASSERT_EQ(page->jobs.size(), 2U);
    EXPECT_EQ(page->jobs[1].id, "b");
    EXPECT_EQ(page->next, "17");
    EXPECT_EQ(page->total, 5U);
    EXPECT_FALSE(read_jobs(R"({"jobs":{}})").has_value());
    EXPECT_FALSE(read_jobs("{}").has_value());
}

TEST(ReadQueues, TakesTheCountsByState) {
    const auto queues = read_queues(
        R"({"queues":[{"name":"mail","paused":true,"available":3,"active":1,"depth":9}]})");
    ASSERT_TRUE(queues.has_value());
    ASSERT_EQ(queues->size(), 1U);
    const auto& mail = queues->front();
    EXPECT_EQ(mail.name, "mail");
    EXPECT_TRUE(mail.paused);
    ASSERT_EQ(mail.jobs.size(), 2U);
    EXPECT_EQ(mail.jobs[0], (std::pair<std::string, std::uint64_t>{"available", 3}));
    EXPECT_TRUE(read_queue(R"({"queue":{"name":"mail"},"stats":{}})").has_value());
    EXPECT_FALSE(read_queue(R"({"queue":"mail"})").has_value());
}

TEST(ReadEvents, TakesTheTimelineOfEach) {
    const auto page = read_events(
        R"({"events":[{"id":"evt_1","seq":4,"type":"job.completed","data":{"job_id":"a",
        "state":"completed","attempt":1,"result":{"x":1},
        "timeline":{"started_at":"2026-02-12T10:30:00Z","finished_at":"2026-02-12T10:30:01Z"}}}],
        "last_id":9,"gap":true})");
    ASSERT_TRUE(page.has_value());
    EXPECT_EQ(page->last_id, 9U);
    EXPECT_TRUE(page->gap);
    ASSERT_EQ(page->events.size(), 1U);
    const auto& event = page->events.front();
    EXPECT_EQ(event.type, "job.completed");
    EXPECT_EQ(event.job_id, "a");
    EXPECT_EQ(event.result, R"({"x":1})");
    EXPECT_EQ(event.times.running(), microseconds{1'000'000});
}

TEST(ReadEvent, TakesQueueTimeAndWorker) {
    const auto event = read_event(
        R"({"type":"job.started","time":"2026-02-12T10:30:00Z","data":{"job_id":"a",
        "queue":"mail","worker_id":"w","state":"active"}})");
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ(event->type, "job.started");
    EXPECT_EQ(event->queue, "mail");
    EXPECT_EQ(event->worker_id, "w");
    EXPECT_EQ(event->time, parse_timestamp("2026-02-12T10:30:00Z"));
    EXPECT_FALSE(read_event("[]").has_value());
    EXPECT_FALSE(read_event("{").has_value());
}

TEST(ReadHealth, NeedsAStatus) {
    const auto health = read_health(
        R"({"status":"degraded","server_version":"0.1.0","reason":"r","backend":{"type":"sqlite"}})");
    ASSERT_TRUE(health.has_value());
    EXPECT_EQ(health->status, "degraded");
    EXPECT_EQ(health->version, "0.1.0");
    EXPECT_EQ(health->store, "sqlite");
    EXPECT_FALSE(read_health(R"({"version":"1"})").has_value());
}

TEST(Encode, WritesOptionsWhereTheBindingWantsThem) {
    new_job job;
    job.type = "a.b";
    job.queue = "mail";
    job.args = "[1,{\"x\":18446744073709551616}]";
    EXPECT_EQ(encode(job),
              R"({"type":"a.b","args":[1,{"x":18446744073709551616}],"options":{"queue":"mail"}})");
    job.priority = 7;
    job.produced_at = timestamp{microseconds{1'770'892'200'000'123}};
    job.extra_options = R"("timeout_ms":5)";
    EXPECT_EQ(encode(job),
              R"({"type":"a.b","args":[1,{"x":18446744073709551616}],"options":{"queue":"mail",)"
              R"("priority":7,"produced_at":"2026-02-12T10:30:00.000123Z","timeout_ms":5}})");
    auto keyed = job;
    keyed.priority.reset();
    keyed.extra_options.clear();
    keyed.fairness_key = "tenant-7";
    keyed.cost = 5;
    EXPECT_NE(encode(keyed).find(R"("fairness_key":"tenant-7","cost":5}})"), std::string::npos)
        << encode(keyed);
    EXPECT_EQ(encode_batch({job, job}), "{\"jobs\":[" + encode(job) + "," + encode(job) + "]}");
    EXPECT_EQ(encode_batch({}), R"({"jobs":[]})");
}

TEST(ReadError, TakesCodeMessageAndFate) {
    const auto f = read_error(
        507, R"({"error":{"code":"disk_low","message":"Too little room.","retryable":true,
        "details":{"outcome":"not_stored"},"request_id":"r1"}})");
    EXPECT_EQ(f.kind, failure_kind::refused);
    EXPECT_EQ(f.status, 507);
    EXPECT_EQ(f.code, "disk_low");
    EXPECT_EQ(f.message, "Too little room.");
    EXPECT_TRUE(f.retryable);
    EXPECT_TRUE(f.not_stored);
    EXPECT_EQ(f.request_id, "r1");
}

TEST(ReadError, MakesASentenceOfAForeignBody) {
    const auto f = read_error(502, "<html>Bad gateway</html>");
    EXPECT_EQ(f.status, 502);
    EXPECT_NE(f.message.find("502"), std::string::npos);
    EXPECT_FALSE(f.retryable);
    EXPECT_FALSE(f.not_stored);
}

TEST(ExitCode, FollowsWhatWentWrong) {
    const auto code_of_status = [](int status) { return exit_code_of(read_error(status, "")); };
    EXPECT_EQ(code_of_status(400), exit_code::usage);
    EXPECT_EQ(code_of_status(422), exit_code::usage);
    EXPECT_EQ(code_of_status(401), exit_code::denied);
    EXPECT_EQ(code_of_status(403), exit_code::denied);
    EXPECT_EQ(code_of_status(404), exit_code::not_found);
    EXPECT_EQ(code_of_status(409), exit_code::conflict);
    EXPECT_EQ(code_of_status(503), exit_code::failed);
    EXPECT_EQ(code_of_status(504), exit_code::timed_out);
    failure f;
    f.kind = failure_kind::unreachable;
    EXPECT_EQ(exit_code_of(f), exit_code::unreachable);
    f.kind = failure_kind::lost;
    EXPECT_EQ(exit_code_of(f), exit_code::unreachable);
    f.kind = failure_kind::timed_out;
    EXPECT_EQ(exit_code_of(f), exit_code::timed_out);
    f.kind = failure_kind::closed;
    EXPECT_EQ(exit_code_of(f), exit_code::interrupted);
}

}  // namespace
}  // namespace sluice::client
