// Fetches by patterns of types.

#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

fetch_request wanted(std::vector<std::string> types, std::size_t count = 1,
                     std::chrono::milliseconds wait = 0ms) {
    fetch_request request;
    request.worker_id = "w1";
    request.queues = {"q"};
    request.types = std::move(types);
    request.count = count;
    request.wait = wait;
    return request;
}

std::vector<std::string> types_of(const std::vector<job_record>& jobs) {
    std::vector<std::string> types;
    for (const auto& job : jobs) types.push_back(job.spec->type);
    return types;
}

using names = std::vector<std::string>;

TEST(TypePattern, TakesWhatFallsUnderItInTheOrderOfArrival) {
    engine_fixture f;
    for (const auto* type : {"mail.b", "mailer.a", "mail", "mail.a.deep", "x", "mail.a"})
        f.push(make_spec("q", type));
    EXPECT_EQ(types_of(f.fetch(wanted({"mail.*"}, 10))),
              (names{"mail.b", "mail.a.deep", "mail.a"}));
    EXPECT_TRUE(f.fetch(wanted({"mail.*"}, 10)).empty());
    EXPECT_EQ(types_of(f.fetch("q", 10)), (names{"mailer.a", "mail", "x"}));
}

TEST(TypePattern, StandsBesideTypesAndOtherPatterns) {
    engine_fixture f;
    for (const auto* type : {"b.x", "a", "c.x", "b.y", "a.x"}) f.push(make_spec("q", type));
    EXPECT_EQ(types_of(f.fetch(wanted({"b.*", "a", "b.x"}, 10))), (names{"b.x", "a", "b.y"}));
    EXPECT_EQ(types_of(f.fetch(wanted({"*"}, 10))), (names{"c.x", "a.x"}));
}

TEST(TypePattern, TakesHigherPrioritiesFirst) {
    engine_fixture f;
    f.push(make_spec("q", "mail.low"));
    auto high = make_spec("q", "mail.high");
    high.priority = 3;
    f.push(high);
    EXPECT_EQ(types_of(f.fetch(wanted({"mail.*"}, 2))), (names{"mail.high", "mail.low"}));
}

TEST(TypePattern, FindsJobsAtRest) {
    engine_config config;
    config.window_jobs = 0;
    engine_fixture f(config);
    f.push(make_spec("q", "other"));
    for (int i = 0; i < 6; ++i) f.push(make_spec("q", i % 2 == 0 ? "mail.a" : "mail.b"));
    f.crash();
    names taken;
    while (taken.size() < 6) {
        const auto jobs = f.fetch(wanted({"mail.*"}, 4));
        ASSERT_FALSE(jobs.empty());
        for (const auto& job : jobs) taken.push_back(job.spec->type);
    }
    EXPECT_EQ(taken, (names{"mail.a", "mail.b", "mail.a", "mail.b", "mail.a", "mail.b"}));
}

TEST(TypePattern, WakesAWaitingFetchForItsTypesOnly) {
    engine_fixture f;
    const auto mails = f.park(wanted({"mail.*", "report"}, 1, 10s));
    const auto all = f.park(wanted({}, 1, 10s));
    f.push(make_spec("q", "mailer.a"));
    EXPECT_FALSE(f.answer_to(mails));
    EXPECT_EQ(types_of(*f.answer_to(all)), names{"mailer.a"});
    f.push(make_spec("q", "mail.a.deep"));
    ASSERT_TRUE(f.answer_to(mails));
    EXPECT_EQ(types_of(*f.answer_to(mails)), names{"mail.a.deep"});
}

TEST(TypePattern, WaitingFetchesAreServedInOrderOfArrival) {
    engine_fixture f;
    const auto first = f.park(wanted({"mail.*"}, 1, 10s));
    const auto second = f.park(wanted({"mail.a"}, 1, 10s));
    const auto third = f.park(wanted({"*"}, 1, 10s));
    f.push(make_spec("q", "mail.a"));
    EXPECT_TRUE(f.answer_to(first));
    EXPECT_FALSE(f.answer_to(second));
    f.push(make_spec("q", "mail.a"));
    EXPECT_TRUE(f.answer_to(second));
    f.push(make_spec("q", "mail.a"));
    EXPECT_TRUE(f.answer_to(third));
}

TEST(TypePattern, ThatNobodyUsesAnyMoreLeavesNoTrace) {
    engine_fixture f;
    std::vector<std::uint64_t> takers;
    for (int i = 0; i < 1'000; ++i) {
        auto request = wanted({"invented" + std::to_string(i) + ".*"}, 1, 10s);
        request.queues = {"invented" + std::to_string(i)};
        if (i % 3 == 0)
            EXPECT_TRUE(f.core().abandon(f.park(request)));
        else
            takers.push_back(f.park(request));
    }
    f.pass(10s);
    for (const auto taker : takers) EXPECT_TRUE(f.answer_to(taker));
    EXPECT_EQ(f.core().lane_count(), 0U);
    EXPECT_EQ(f.core().queue_count(), 0U);
    EXPECT_TRUE(f.core().queues().empty());
}

TEST(TypePattern, OfAWaitingFetchKeepsItsQueueWhileItWaits) {
    engine_fixture f;
    const auto waiting = f.park(wanted({"mail.*"}, 1, 60s));
    f.core().abandon(f.park(wanted({"other"}, 1, 10s)));
    f.core().abandon(f.park(wanted({"mail.*"}, 1, 10s)));
    f.push(make_spec("q", "mail.a"));
    ASSERT_TRUE(f.answer_to(waiting));
    EXPECT_EQ(f.answer_to(waiting)->size(), 1U);
}

}  // namespace
}  // namespace sluice::test
