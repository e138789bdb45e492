#include "proto/redrive.hpp"

#include "proto/json_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr timestamp start{std::chrono::microseconds{1'771'000'000'000'000}};

std::string refusal(const std::string& body) {
    const auto asked = decode_redrive(body);
    return asked ? "accepted" : asked.error().message;
}

TEST(RedriveBody, HasDefaults) {
    const auto asked = decode_redrive(R"({"filter":{"queue":"mail"}})");
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->filter.queue, "mail");
    EXPECT_EQ(asked->rate, 10);
    EXPECT_EQ(asked->canary, 1U);
    EXPECT_FALSE(asked->max);
}

TEST(RedriveBody, TakesAllItsMembers) {
    const auto asked =
        decode_redrive(R"({"filter":{"queue":"mail","type":"mail.*","error_type":"smtp",)"
                       R"("since":"2026-01-01T00:00:00Z","until":"2026-02-01T00:00:00Z"},)"
                       R"("rate":0.5,"canary":0,"max":7})");
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->filter.type, "mail.*");
    EXPECT_EQ(asked->filter.error_type, "smtp");
    EXPECT_LT(*asked->filter.since, *asked->filter.until);
    EXPECT_EQ(asked->rate, 0.5);
    EXPECT_EQ(asked->canary, 0U);
    EXPECT_EQ(asked->max, 7U);
}

TEST(RedriveBody, NamesWhatIsWrong) {
    const auto with = [](const std::string& more) {
        return refusal(R"({"filter":{"queue":"mail"},)" + more + "}");
    };
    EXPECT_EQ(with(R"("rate":0)"), "'rate' must be from 0.001 to 10000 jobs in a second.");
    for (const auto* rate : {"-1", "10000.5", "1e-9", "1e400", "\"10\"", "true"})
        EXPECT_NE(with("\"rate\":" + std::string(rate)).find("'rate'"), std::string::npos) << rate;
    for (const auto* canary : {"-1", "101", "1.5", "\"1\""})
        EXPECT_NE(with("\"canary\":" + std::string(canary)).find("'canary'"), std::string::npos)
            << canary;
    for (const auto* max : {"0", "-1", "1000000001"})
        EXPECT_NE(with("\"max\":" + std::string(max)).find("'max'"), std::string::npos) << max;
    EXPECT_NE(with(R"("canaries":1)").find("'canaries'"), std::string::npos);
    EXPECT_NE(refusal(R"({"rate":1})").find("'filter'"), std::string::npos);
    EXPECT_NE(refusal(R"({"filter":{}})").find("'filter'"), std::string::npos);
    EXPECT_NE(refusal(R"({"filter":{"state":"active"}})").find("'filter.state'"),
              std::string::npos);
    EXPECT_NE(refusal(R"({"filter":{"type":"*"}})").find("'filter.type'"), std::string::npos);
}

TEST(StoredRedrive, ReadsBack) {
    redrive_record redrive;
    redrive.id = "rdr_1";
    redrive.created_at = start;
    redrive.asked.filter.queue = "mail";
    EXPECT_EQ(decode_stored_redrive("rdr_1", encode_stored_redrive(redrive)), redrive);
    redrive.asked.filter = {"mail", "mail.*", "smtp", {}, {}, start - 1h, start, {}, {}};
    redrive.asked.rate = 1.0 / 3;
    redrive.asked.canary = 2;
    redrive.asked.max = 9;
    redrive.state = redrive_state::stopped;
    redrive.ended_at = start + 1s;
    redrive.sent = 3;
    redrive.skipped = 4;
    redrive.cursor = 77;
    redrive.exhausted = true;
    redrive.canaries = {{make_uuid(start, 78, 1), 78, true}, {make_uuid(start, 77, 1), 77, false}};
    redrive.stopped_by = redrive_stop{make_uuid(start, 77, 1), job_state::cancelled, "a", "b\n"};
    EXPECT_EQ(decode_stored_redrive("rdr_1", encode_stored_redrive(redrive)), redrive);
}

TEST(StoredRedrive, RefusesWhatWasNeverWritten) {
    for (const auto* text : {"", "[]", R"({"state":9})", R"({"rate":0})", R"({"cursor":"x"})",
                             R"({"canaries":[["x",1,true]]})", R"({"canaries":[[]]})"})
        EXPECT_THROW(decode_stored_redrive("rdr_1", text), std::runtime_error) << text;
}

TEST(RedriveAnswer, TellsWhatItWaitsForAndWhatStoppedIt) {
    redrive_view view;
    view.redrive.id = "rdr_1";
    view.redrive.created_at = start;
    view.redrive.asked.filter.queue = "mail";
    view.redrive.canaries = {{make_uuid(start, 78, 1), 78, true}};
    view.redrive.sent = 1;
    view.waits_for = redrive_wait::queue_paused;
    view.queue = "mail";
    std::string text;
    append_redrive(text, view);
    EXPECT_FALSE(check_json(text, 8)) << text;
    EXPECT_NE(text.find(R"("waits_for":{"reason":"queue_paused","queue":"mail"})"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find(R"("canaries_sent":1,"canaries_completed":1)"), std::string::npos) << text;
    view.redrive.state = redrive_state::stopped;
    view.waits_for = redrive_wait::nothing;
    view.redrive.stopped_by =
        redrive_stop{make_uuid(start, 78, 1), job_state::discarded, "smtp", "no"};
    text.clear();
    append_redrive(text, view);
    EXPECT_EQ(text.find("waits_for"), std::string::npos);
    EXPECT_NE(text.find(R"("state":"discarded","error_type":"smtp","error":"no"})"),
              std::string::npos)
        << text;
}

}  // namespace
}  // namespace sluice
