#include "server/worker/handler.hpp"

#include <gtest/gtest.h>

namespace sluice::worker {
namespace {

/// Each handler is told apart by its concurrency.
std::size_t found(const handler_registry& handlers, std::string_view type) {
    const registered_handler* how = handlers.find(type);
    return how == nullptr ? 0 : how->options.concurrency;
}

TEST(HandlerRegistry, FindsTheExactTypeThenTheLongestPrefixThenTheStar) {
    handler_registry handlers;
    const auto add = [&](const std::string& pattern, std::size_t mark) {
        handlers.add_blocking(pattern, [](job_run&) { return interrupted{}; },
                              {.concurrency = mark, .check = {}});
    };
    add("mail.*", 1);
    EXPECT_EQ(found(handlers, "report"), 0U);
    add("*", 2);
    add("mail.bulk.*", 3);
    add("mail.bulk.one", 4);
    EXPECT_EQ(found(handlers, "mail.bulk.one"), 4U);
    EXPECT_EQ(found(handlers, "mail.bulk.two"), 3U);
    EXPECT_EQ(found(handlers, "mail.bulk.one.more"), 3U);
    EXPECT_EQ(found(handlers, "mail.bulk"), 1U);
    EXPECT_EQ(found(handlers, "mail.bulky.one"), 1U);
    EXPECT_EQ(found(handlers, "mail"), 2U);
    EXPECT_EQ(found(handlers, "mails.one"), 2U);
    EXPECT_EQ(found(handlers, "m"), 2U);
}

TEST(HandlerRegistry, TheLaterHandlerOfAPatternTakesThePlaceOfTheEarlierOne) {
    handler_registry handlers;
    handlers.add_blocking("a", [](job_run&) { return interrupted{}; });
    const auto later = [](std::shared_ptr<job_run>) -> boost::asio::awaitable<outcome> {
        co_return completed{};
    };
    handlers.add("a", later);
    EXPECT_TRUE(handlers.find("a")->run);
    EXPECT_FALSE(handlers.find("a")->run_blocking);
    EXPECT_EQ(handlers.types(16), (std::vector<handled_type>{{"a", 0}}));
}

TEST(HandlerRegistry, GivesHandlersThatBlockNoMoreJobsThanThreads) {
    handler_registry handlers;
    const auto block = [](job_run&) { return interrupted{}; };
    handlers.add_blocking("few", block, {.concurrency = 2, .check = {}});
    handlers.add_blocking("many", block, {.concurrency = 50, .check = {}});
    handlers.add_blocking("unbounded", block);
    EXPECT_EQ(handlers.types(4),
              (std::vector<handled_type>{{"few", 2}, {"many", 4}, {"unbounded", 4}}));
}

}  // namespace
}  // namespace sluice::worker
