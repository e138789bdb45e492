#include "proto/bulk.hpp"
#include "proto/limits.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace sluice {
namespace {

using namespace std::chrono_literals;

result<bulk_request> of_filter(const std::string& members) {
    return decode_bulk(R"({"filter":{)" + members + "}}");
}

job_record some_job() {
    auto spec = std::make_shared<job_spec>();
    spec->queue = "mail";
    spec->type = "mail.send";
    job_record job;
    job.spec = std::move(spec);
    job.state = job_state::discarded;
    job.dead_letter = true;
    job.received_at = timestamp{1000s};
    job.failures.push_back({"early", "early", "m", {}, 1, {}});
    job.failures.push_back({"timeout", "timeout", "m", {}, 2, {}});
    return job;
}

TEST(DecodeBulk, ReadsEveryMember) {
    const auto bulk = decode_bulk(
        R"({"filter":{"queue":"q","type":"a.*","error_type":"e","state":"discarded",)"
        R"("dead_letter":true,"since":"2026-01-01T00:00:00Z","until":"2026-01-02T00:00:00Z",)"
        R"("ids":["019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f"]},"confirm":true,"dry_run":true,)"
        R"("limit":7,"cursor":"42"})");
    ASSERT_TRUE(bulk) << bulk.error().message;
    EXPECT_EQ(bulk->filter.queue, "q");
    EXPECT_EQ(bulk->filter.type, "a.*");
    EXPECT_EQ(bulk->filter.error_type, "e");
    EXPECT_EQ(bulk->filter.state, job_state::discarded);
    EXPECT_EQ(bulk->filter.dead_letter, true);
    EXPECT_EQ(*bulk->filter.until - *bulk->filter.since, 24h);
    EXPECT_EQ(bulk->filter.ids.size(), 1U);
    EXPECT_TRUE(bulk->confirm);
    EXPECT_TRUE(bulk->dry_run);
    EXPECT_EQ(bulk->limit, 7U);
    EXPECT_EQ(bulk->before_seq, 42);
}

TEST(DecodeBulk, DoesNothingUnasked) {
    const auto bulk = of_filter(R"("queue":"q")");
    ASSERT_TRUE(bulk);
    EXPECT_FALSE(bulk->confirm);
    EXPECT_FALSE(bulk->dry_run);
    EXPECT_EQ(bulk->limit, 1000U);
    EXPECT_FALSE(bulk->before_seq);
}

TEST(DecodeBulk, AFilterThatSaysNothingIsRefused) {
    for (const std::string members :
         {"", R"("queue":null)", R"("dead_letter":false)", R"("state":null,"dead_letter":false)"}) {
        const auto bulk = of_filter(members);
        ASSERT_FALSE(bulk) << members;
        EXPECT_EQ(bulk.error().code, errc::invalid_request);
        EXPECT_EQ(bulk.error().details, R"("field":"filter")");
    }
    EXPECT_FALSE(decode_bulk("{}"));
    EXPECT_FALSE(decode_bulk(R"({"filter":null,"confirm":true})"));
    EXPECT_FALSE(decode_bulk(R"({"filter":[],"confirm":true})"));
    EXPECT_FALSE(decode_bulk(""));
}

TEST(DecodeBulk, WhatWouldWidenTheChoiceUnseenIsRefused) {
    for (const std::string members :
         {R"("queues":["a"],"state":"discarded")", R"("ids":[],"queue":"q")", R"("type":"*")",
          R"("type":"","queue":"q")", R"("type":"a*")", R"("type":".*")", R"("queue":"")",
          R"("queue":"Not A Queue")", R"("state":"lost")", R"("since":"yesterday","queue":"q")",
          R"("error_type":"","queue":"q")", R"("ids":["x"])", R"("dead_letter":1)",
          R"("queue":"a","queue":"b")"}) {
        EXPECT_FALSE(of_filter(members)) << members;
    }
    for (const std::string member :
         {R"("dryrun":true)", R"("limit":0)", R"("limit":10001)", R"("cursor":"x")",
          R"("cursor":"-1")", R"("cursor":7)", R"("confirm":"true")", R"("dry_run":1)"}) {
        EXPECT_FALSE(decode_bulk(R"({"filter":{"queue":"q"},)" + member + '}')) << member;
    }
}

TEST(DecodeBulk, NoMoreThanAThousandJobsAreNamed) {
    std::string ids;
    for (std::size_t i = 0; i < limits::bulk_ids_max; ++i)
        ids += R"("019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f",)";
    EXPECT_FALSE(of_filter(R"("ids":[)" + ids + R"("019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f"])"));
    ids.pop_back();
    EXPECT_TRUE(of_filter(R"("ids":[)" + ids + ']'));
}

TEST(BulkFilter, FitsWhatHoldsInAllItSays) {
    const auto job = some_job();
    const auto fits_filter = [&](const std::string& members) {
        const auto bulk = of_filter(members);
        EXPECT_TRUE(bulk) << members;
        return bulk && fits(bulk->filter, job);
    };
    EXPECT_TRUE(fits_filter(R"("queue":"mail","type":"mail.send","state":"discarded")"));
    EXPECT_TRUE(fits_filter(R"("type":"mail.*","dead_letter":true,"error_type":"timeout")"));
    EXPECT_TRUE(fits_filter(R"("since":"1970-01-01T00:16:40Z")"));
    EXPECT_TRUE(fits_filter(R"("until":"1970-01-01T00:16:41Z")"));
    EXPECT_FALSE(fits_filter(R"("queue":"mail","type":"mail.read")"));
    EXPECT_FALSE(fits_filter(R"("queue":"other","type":"mail.send")"));
    EXPECT_FALSE(fits_filter(R"("type":"mail.send.*")"));
    EXPECT_FALSE(fits_filter(R"("error_type":"early")")) << "only the latest failure counts";
    EXPECT_FALSE(fits_filter(R"("state":"completed")"));
    EXPECT_FALSE(fits_filter(R"("queue":"mail","dead_letter":false)"));
    EXPECT_FALSE(fits_filter(R"("since":"1970-01-01T00:16:41Z")"));
    EXPECT_FALSE(fits_filter(R"("until":"1970-01-01T00:16:40Z")"));
}

}  // namespace
}  // namespace sluice
