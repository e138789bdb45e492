#include "proto/cron.hpp"
#include "proto/limits.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

constexpr timestamp now{std::chrono::microseconds{1'771'000'000'000'000}};

const std::string job = R"("job_template":{"type":"a.b","args":[1, 2],"options":{"queue":"q"}})";

std::string body(const std::string& members) {
    return R"({"name":"tick","expression":"* * * * *",)" + members + "}";
}

void expect_refused(const std::string& text, errc code, std::string_view words) {
    const auto made = decode_cron(text, now);
    ASSERT_FALSE(made) << text;
    EXPECT_EQ(made.error().code, code) << text;
    EXPECT_NE((made.error().message + made.error().details).find(words), std::string::npos)
        << made.error().message << ' ' << made.error().details;
}

TEST(DecodeCron, FillsInTheDefaults) {
    const auto made = decode_cron(body(job), now);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->name, "tick");
    EXPECT_EQ(made->expression, "* * * * *");
    EXPECT_EQ(made->timezone, "UTC");
    EXPECT_EQ(made->overlap, overlap_policy::skip);
    EXPECT_EQ(made->catch_up, catch_up_policy::one);
    EXPECT_TRUE(made->enabled);
    EXPECT_EQ(made->job, R"({"type":"a.b","args":[1, 2],"options":{"queue":"q"}})");
}

TEST(DecodeCron, ReadsEveryMember) {
    const auto made = decode_cron(
        R"({"name":"a-1.b","cron":"@daily","timezone":"Asia/Tokyo","type":"a","args":[ 3 ],)"
        R"("options":{"queue":"q"},"meta":{"x":1},"overlap_policy":"cancel_previous",)"
        R"("catch_up":"all","enabled":false,"description":"D","next_run_at":7,"run_count":"x"})",
        now);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->name, "a-1.b");
    EXPECT_EQ(made->expression, "@daily");
    EXPECT_EQ(made->timezone, "Asia/Tokyo");
    EXPECT_EQ(made->overlap, overlap_policy::cancel_previous);
    EXPECT_EQ(made->catch_up, catch_up_policy::all);
    EXPECT_FALSE(made->enabled);
    EXPECT_EQ(made->description, "D");
    EXPECT_EQ(made->job, R"({"type":"a","args":[ 3 ],"options":{"queue":"q"},"meta":{"x":1}})");
}

TEST(DecodeCron, TakesAFlatJobWithoutArgs) {
    EXPECT_EQ(decode_cron(body(R"("type":"a")"), now)->job, R"({"type":"a","args":[]})");
    const auto nested = decode_cron(body(R"("type":"a","meta":{"args":1,"b":"cron_name"})"), now);
    ASSERT_TRUE(nested) << nested.error().message;
    EXPECT_EQ(nested->job, R"({"type":"a","meta":{"args":1,"b":"cron_name"},"args":[]})");
}

TEST(DecodeCron, NamesWhatIsMissingOrOfTheWrongKind) {
    expect_refused("[]", errc::invalid_payload, "object");
    expect_refused(R"({"expression":"@daily","type":"a"})", errc::invalid_request, "'name'");
    expect_refused(R"({"name":"a","type":"a"})", errc::invalid_request, "'expression'");
    expect_refused(body(R"("enabled":true)"), errc::invalid_request, "'type'");
    expect_refused(body(R"("job_template":[])"), errc::invalid_request, "object");
    expect_refused(R"({"name":"a","expression":5,"type":"a"})", errc::invalid_request, "string");
    expect_refused(body(R"("enabled":"yes","type":"a")"), errc::invalid_request, "boolean");
}

TEST(DecodeCron, RefusesNamesAndPoliciesThatDoNotExist) {
    for (const std::string name : {"", "Tick", "-a", "a_b", "a/b", "ä"})
        expect_refused(R"({"name":")" + name + R"(","expression":"@daily","type":"a"})",
                       errc::invalid_request, "name");
    expect_refused(
        R"({"name":")" + std::string(256, 'a') + R"(","expression":"@daily","type":"a"})",
        errc::invalid_request, "name");
    expect_refused(body(R"("type":"a","overlap_policy":"queue")"), errc::invalid_request, "skip");
    expect_refused(body(R"("type":"a","catch_up":"some")"), errc::invalid_request, "none");
}

TEST(DecodeCron, ChecksTheJobItIsToMake) {
    expect_refused(body(R"("job_template":{"args":[]})"), errc::invalid_request, "'type'");
    expect_refused(body(R"("job_template":{"type":"A","args":[]})"), errc::invalid_request, "type");
    expect_refused(body(R"("type":"a","args":{})"), errc::invalid_request, "args");
    expect_refused(body(R"("type":"a","options":{"retry":{"max_attempts":-1}})"),
                   errc::validation_failed, "max_attempts");
    expect_refused(body(job + R"(,"type":"a")"), errc::invalid_request, "job_template");
    expect_refused(body(R"("job_template":{"type":"a","args":[],)"
                        R"("id":"019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f"})"),
                   errc::invalid_request, "id");
    expect_refused(body(R"("type":"a","meta":{"cron_name":"x"})"), errc::invalid_request,
                   "cron_name");
    for (const std::string policy : {"skip", "cancel_previous", "enqueue"})
        expect_refused(
            body(R"("type":"a","options":{"pending":true},"overlap_policy":")" + policy + "\""),
            errc::invalid_request, "pending");
    EXPECT_TRUE(decode_cron(
        body(R"("type":"a","options":{"pending":true},"overlap_policy":"allow")"), now));
}

TEST(DecodeCron, BoundsTheJobItKeepsInMemory) {
    const auto with = [](std::size_t bytes) {
        return body(R"("job_template":{"type":"a","args":[")" + std::string(bytes, 'x') + "\"]}");
    };
    EXPECT_TRUE(decode_cron(with(limits::cron_template_bytes_max - 100), now));
    expect_refused(with(limits::cron_template_bytes_max), errc::invalid_request, "job_template");
}

TEST(DecodeCron, RefusesAMemberThatIsGivenTwice) {
    expect_refused(body(R"("type":"a","cron":"@daily")"), errc::invalid_request, "twice");
    expect_refused(body(R"("type":"a","type":"b")"), errc::invalid_request, "twice");
}

TEST(DecodeCronSwitch, ReadsOneMember) {
    EXPECT_FALSE(*decode_cron_switch(R"({"enabled":false})"));
    EXPECT_TRUE(*decode_cron_switch(R"({"enabled":true,"other":1})"));
    for (const std::string bad : {"{}", R"({"enabled":1})", R"({"enabled":null})", "true"})
        EXPECT_FALSE(decode_cron_switch(bad)) << bad;
}

TEST(EncodeCron, WritesWhatIsKnown) {
    cron_record record;
    record.definition = *decode_cron(body(job), now);
    record.created_at = now;
    record.unfinished = {7};
    std::string out;
    append_cron(out, record);
    EXPECT_EQ(out,
              R"({"name":"tick","expression":"* * * * *","timezone":"UTC","overlap_policy":"skip",)"
              R"("catch_up":"one","enabled":true,)" +
                  job +
                  R"(,"created_at":"2026-02-13T16:26:40.000000Z","last_run_at":null,)"
                  R"("next_run_at":null,"run_count":0})");
    record.definition.description = "say \"when\"";
    record.next_run_at = now;
    record.last_job_id = make_uuid(now, 1, 2);
    out.clear();
    append_cron(out, record);
    EXPECT_NE(out.find(R"("description":"say \"when\"")"), std::string::npos);
    EXPECT_NE(out.find(R"("next_run_at":"2026-02-13T16:26:40.000000Z")"), std::string::npos);
    EXPECT_NE(out.find("\"last_job_id\":\"" + to_string(*record.last_job_id)), std::string::npos);
}

TEST(CronPolicies, HaveNamesBothWays) {
    for (const auto policy : {overlap_policy::skip, overlap_policy::allow,
                              overlap_policy::cancel_previous, overlap_policy::enqueue})
        EXPECT_EQ(parse_overlap_policy(to_string(policy)), policy);
    for (const auto policy : {catch_up_policy::one, catch_up_policy::none, catch_up_policy::all})
        EXPECT_EQ(parse_catch_up_policy(to_string(policy)), policy);
    EXPECT_FALSE(parse_overlap_policy("Skip"));
    EXPECT_FALSE(parse_catch_up_policy(""));
}

}  // namespace
}  // namespace sluice
