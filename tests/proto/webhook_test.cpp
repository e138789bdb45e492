#include "proto/webhook.hpp"

#include "proto/event_types.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr timestamp now{1'771'000'000s};

webhook_subscription make(std::vector<std::string> events) {
    webhook_subscription made;
    made.id = "sub_1";
    made.url = "https://example.com/hook";
    made.events = std::move(events);
    made.secret = "0123456789abcdef";
    made.created_at = now;
    return made;
}

TEST(Webhook, TakesEveryMember) {
    const auto made = decode_webhook(R"({
        "url":"https://example.com/hook","events":["job.completed","job.*"],"active":false,
        "filter":{"queues":["a"],"job_types":["b","c"]},"secret":"0123456789abcdef",
        "metadata":{"owner":"me"},"timeout_ms":5000})");
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->url, "https://example.com/hook");
    EXPECT_EQ(made->events, (std::vector<std::string>{"job.completed", "job.*"}));
    EXPECT_EQ(made->queues, std::vector<std::string>{"a"});
    EXPECT_EQ(made->job_types, (std::vector<std::string>{"b", "c"}));
    EXPECT_FALSE(made->active);
    EXPECT_EQ(made->secret, "0123456789abcdef");
    EXPECT_EQ(made->metadata, R"({"owner":"me"})");
    EXPECT_EQ(made->timeout, 5s);
    EXPECT_FALSE(made->previous_until) << "there was no secret before";
}

TEST(Webhook, IsReadBackFromWhatIsStored) {
    auto whole = make({"job.*"});
    EXPECT_EQ(decode_stored_webhook("sub_1", encode_stored_webhook(whole)), whole);
    whole.queues = {"q"};
    whole.job_types = {"t"};
    whole.active = false;
    whole.previous_secret = "fedcba9876543210";
    whole.previous_until = now + 1h;
    whole.metadata = "{}";
    whole.timeout = 7s;
    whole.disabled_reason = "gone";
    EXPECT_EQ(decode_stored_webhook("sub_1", encode_stored_webhook(whole)), whole);
    EXPECT_THROW(decode_stored_webhook("sub_1", "[]"), std::runtime_error);
    EXPECT_THROW(decode_stored_webhook("sub_1", "{"), std::runtime_error);
    EXPECT_THROW(decode_stored_webhook("sub_1", R"({"active":1})"), std::runtime_error);
}

TEST(Webhook, ShowsItsSecretOnlyWhenAskedTo) {
    std::string text;
    append_webhook(text, make({"*"}));
    EXPECT_EQ(text.find("0123456789abcdef"), std::string::npos);
    text.clear();
    append_webhook(text, make({"*"}), secret_shown::yes);
    EXPECT_NE(text.find(R"("secret":"0123456789abcdef")"), std::string::npos);
}

TEST(Webhook, OfBadValuesIsRefusedByName) {
    const std::string url = R"("url":"https://e.com/")";
    const std::string events = R"("events":["*"])";
    const std::pair<std::string, std::string> cases[] = {
        {"{" + url + "}", "events"},
        {"{" + events + "}", "url"},
        {"{" + url + R"(,"events":[]})", "events"},
        {"{" + url + R"(,"events":["job.complete"]})", "events"},
        {"{" + url + R"(,"events":["jobs.*"]})", "events"},
        {"{" + url + R"(,"events":[1]})", "events"},
        {R"({"url":"",)" + events + "}", "url"},
        {R"({"url":5,)" + events + "}", "url"},
        {R"({"url":")" + std::string(5000, 'x') + "\"," + events + "}", "url"},
        {"{" + url + "," + events + R"(,"secret":"short"})", "secret"},
        {"{" + url + "," + events + R"(,"secret":"0123456789abcdef g"})", "secret"},
        {"{" + url + "," + events + R"(,"filter":[]})", "filter"},
        {"{" + url + "," + events + R"(,"filter":{"queue":["a"]}})", "filter.queue"},
        {"{" + url + "," + events + R"(,"metadata":7})", "metadata"},
        {"{" + url + "," + events + R"(,"timeout_ms":999})", "timeout_ms"},
        {"{" + url + "," + events + R"(,"timeout_ms":60001})", "timeout_ms"},
        {"{" + url + "," + events + R"(,"activ":true})", "activ"},
        {"{" + url + "," + events + R"(,"id":"sub_1"})", "id"},
    };
    for (const auto& [body, field] : cases) {
        const auto made = decode_webhook(body);
        ASSERT_FALSE(made) << body;
        EXPECT_TRUE(made.error().details.starts_with("\"field\":\"" + field + "\"")) << body;
    }
    EXPECT_FALSE(decode_webhook("[]"));
    EXPECT_FALSE(decode_webhook_change(R"({"secret":"0123456789abcdef"})"))
        << "that is what rotating it is for";
    EXPECT_FALSE(decode_webhook_rotation("[]"));
}

TEST(Webhook, AChangeLeavesWhatItDoesNotName) {
    auto kept = make({"job.*"});
    kept.queues = {"q"};
    kept.job_types = {"t"};
    kept.timeout = 7s;
    auto change = decode_webhook_change(R"({"events":["job.failed"]})");
    ASSERT_TRUE(change);
    auto expected = kept;
    expected.events = {"job.failed"};
    apply_change(kept, *change, now);
    EXPECT_EQ(kept, expected);

    apply_change(kept, *decode_webhook_change(R"({"filter":{"queues":["r"]},"timeout_ms":0})"),
                 now);
    EXPECT_EQ(kept.queues, std::vector<std::string>{"r"});
    EXPECT_TRUE(kept.job_types.empty()) << "a filter is set as a whole";
    EXPECT_FALSE(kept.timeout);
}

TEST(Webhook, MadeActiveAgainForgetsWhyItWasNot) {
    auto kept = make({"*"});
    webhook_change gone;
    gone.active = false;
    gone.disabled_reason = "gone";
    apply_change(kept, gone, now);
    EXPECT_EQ(kept.disabled_reason, "gone");
    apply_change(kept, *decode_webhook_change(R"({"active":true})"), now);
    EXPECT_TRUE(kept.active);
    EXPECT_EQ(kept.disabled_reason, "");
}

TEST(Webhook, TheSecretBeforeSignsForADayMore) {
    auto kept = make({"*"});
    webhook_change change;
    change.secret = "fedcba9876543210";
    apply_change(kept, change, now);
    EXPECT_EQ(kept.secret, "fedcba9876543210");
    EXPECT_EQ(kept.previous_secret, "0123456789abcdef");
    EXPECT_EQ(kept.previous_until, now + 24h);
    EXPECT_EQ(*decode_webhook_rotation(""), "");
    EXPECT_EQ(*decode_webhook_rotation("{}"), "");
    EXPECT_EQ(*decode_webhook_rotation(R"({"secret":"0123456789abcdef"})"), "0123456789abcdef");
}

TEST(Webhook, WantsWhatItsPatternsAndItsFilterSay) {
    EXPECT_TRUE(wants_event(make({"job.completed"}), "job.completed", "q", "t"));
    EXPECT_FALSE(wants_event(make({"job.completed"}), "job.failed", "q", "t"));
    EXPECT_TRUE(wants_event(make({"job.*"}), "job.failed", "q", "t"));
    EXPECT_FALSE(wants_event(make({"job.*"}), "cron.triggered", "q", "t"));
    EXPECT_TRUE(wants_event(make({"*"}), "cron.triggered", "q", "t"));
    auto filtered = make({"*"});
    filtered.queues = {"q"};
    EXPECT_TRUE(wants_event(filtered, "job.failed", "q", "t"));
    EXPECT_FALSE(wants_event(filtered, "job.failed", "r", "t"));
    filtered.job_types = {"t"};
    EXPECT_FALSE(wants_event(filtered, "job.failed", "q", "u"));
    filtered.active = false;
    EXPECT_FALSE(wants_event(filtered, "job.failed", "q", "t"));
}

TEST(Webhook, HeartbeatsGoToWhoNamesThem) {
    EXPECT_FALSE(wants_event(make({"*", "job.*"}), "job.heartbeat", "q", "t"));
    EXPECT_TRUE(wants_event(make({"job.heartbeat"}), "job.heartbeat", "q", "t"));
}

TEST(EventTypes, APatternMustFitOne) {
    EXPECT_TRUE(is_event_pattern("job.completed"));
    EXPECT_TRUE(is_event_pattern("backpressure.*"));
    EXPECT_TRUE(is_event_pattern("*"));
    EXPECT_FALSE(is_event_pattern("job.done"));
    EXPECT_FALSE(is_event_pattern("mail.*"));
    EXPECT_FALSE(is_event_pattern(""));
}

}  // namespace
}  // namespace sluice
