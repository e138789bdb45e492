#include "proto/unique.hpp"

#include "proto/codec.hpp"
#include "proto/cron.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;

result<job_spec> decode(const std::string& unique) {
    return decode_job(R"({"type":"t","args":[],"options":{"unique":)" + unique + "}}", timestamp{});
}

TEST(UniqueRule, HasTheDefaultsOfTheSpecification) {
    const auto spec = decode("{}");
    ASSERT_TRUE(spec && spec->unique);
    EXPECT_EQ(spec->unique->states, unfinished_states);
    EXPECT_FALSE(spec->unique->period);
    EXPECT_EQ(spec->unique->on_conflict, conflict_policy::reject);
    const auto by = unique_dimensions_of(*spec->unique);
    EXPECT_FALSE(by.queue || by.args || by.meta);
}

TEST(UniqueRule, TakesEveryMember) {
    const auto spec =
        decode(R"({"keys":["type","queue","args","meta"],"args_keys":["a"],"meta_keys":["m","n"],)"
               R"("period":"PT1H","states":["active","completed"],"on_conflict":"ignore"})");
    ASSERT_TRUE(spec && spec->unique);
    const auto& rule = *spec->unique;
    for (std::size_t i = 0; i < job_state_count; ++i) {
        const auto state = static_cast<job_state>(i);
        EXPECT_EQ(rule.states.contains(state),
                  state == job_state::active || state == job_state::completed);
    }
    EXPECT_EQ(rule.period, 1h);
    EXPECT_EQ(rule.on_conflict, conflict_policy::ignore);
    const auto by = unique_dimensions_of(rule);
    EXPECT_TRUE(by.queue && by.args && by.meta);
    EXPECT_EQ(by.args_keys, (std::vector<std::string>{"a"}));
    EXPECT_EQ(by.meta_keys, (std::vector<std::string>{"m", "n"}));
}

TEST(UniqueRule, AllStatesThatAreNotTerminalAreUnfinished) {
    for (std::size_t i = 0; i < job_state_count; ++i) {
        const auto state = static_cast<job_state>(i);
        EXPECT_EQ(unfinished_states.contains(state), !is_terminal(state));
    }
}

TEST(UniqueRule, MayStandFlatInTheJobAndIsShownAsItWasWritten) {
    const std::string text = R"({ "on_conflict":"replace","keys" : ["type"]})";
    const auto spec = decode_job(R"({"type":"t","args":[],"unique":)" + text + "}", timestamp{});
    ASSERT_TRUE(spec && spec->unique);
    EXPECT_EQ(spec->unique->on_conflict, conflict_policy::replace);
    job_record record;
    record.spec = std::make_shared<const job_spec>(*spec);
    std::string shown;
    append_job(shown, record);
    EXPECT_NE(shown.find("\"unique\":" + text), std::string::npos) << shown;
}

TEST(UniqueRule, NoneIsNone) {
    EXPECT_FALSE(decode("null")->unique);
}

TEST(UniqueRule, MistakesAreNamed) {
    const std::pair<const char*, const char*> mistakes[] = {
        {R"("yes")", "options.unique"},
        {R"({"keys":["argz"]})", "options.unique.keys"},
        {R"({"keys":["Type"]})", "options.unique.keys"},
        {R"({"keys":"type"})", "options.unique.keys"},
        {R"({"keys":["meta"]})", "options.unique.meta_keys"},
        {R"({"keys":["meta"],"meta_keys":[]})", "options.unique.meta_keys"},
        {R"({"meta_keys":["a"]})", "options.unique.meta_keys"},
        {R"({"args_keys":["a"]})", "options.unique.args_keys"},
        {R"({"keys":["args"],"args_keys":[]})", "options.unique.args_keys"},
        {R"({"period":"PT0S"})", "options.unique.period"},
        {R"({"period":"P400D"})", "options.unique.period"},
        {R"({"period":60})", "options.unique.period"},
        {R"({"period":"1h"})", "options.unique.period"},
        {R"({"states":[]})", "options.unique.states"},
        {R"({"states":["running"]})", "options.unique.states"},
        {R"({"on_conflict":"drop"})", "options.unique.on_conflict"},
        {R"({"on_conflct":"ignore"})", "options.unique.on_conflct"},
    };
    for (const auto& [text, field] : mistakes) {
        const auto spec = decode(text);
        ASSERT_FALSE(spec) << text;
        EXPECT_EQ(spec.error().code, errc::invalid_request);
        EXPECT_NE(spec.error().message.find(field), std::string::npos)
            << text << ": " << spec.error().message;
    }
}

TEST(UniqueRule, IsRefusedInTheJobOfASchedule) {
    const auto cron =
        decode_cron(R"({"name":"n","expression":"@daily","job_template":{"type":"t","args":[],)"
                    R"("options":{"unique":{}}}})",
                    timestamp{});
    ASSERT_FALSE(cron);
    EXPECT_NE(cron.error().message.find("overlap"), std::string::npos) << cron.error().message;
}

}  // namespace
}  // namespace sluice
