#include "server/observe/log.hpp"

#include "server/observe/log_line.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>

namespace sluice {
namespace {

constexpr timestamp noon{std::chrono::seconds{1'770'897'600}};
constexpr auto json = logger::format::json;
constexpr auto human = logger::format::human;

std::string json_line(std::string_view message, std::initializer_list<log_field> fields) {
    return format_log_line(json, false, noon, log_level::info, message, fields);
}

TEST(LogLine, IsOneJsonObjectWithTypedFields) {
    const auto line = json_line("request", {{"method", std::string_view{"GET"}},
                                            {"status", std::int64_t{200}},
                                            {"seconds", 0.25},
                                            {"keep_alive", true}});
    EXPECT_EQ(line, R"({"time":"2026-02-12T12:00:00.000000Z","level":"info","message":"request",)"
                    R"("method":"GET","status":200,"seconds":0.25,"keep_alive":true})");
}

TEST(LogLine, IsReadableForPeople) {
    const auto line = format_log_line(
        human, false, noon, log_level::warning, "disk is low",
        {{"free", std::string_view{"12 MiB"}}, {"path", std::string_view{"/data"}}});
    EXPECT_EQ(line, R"(2026-02-12T12:00:00.000000Z warning disk is low free="12 MiB" path=/data)");
}

TEST(LogLine, ColoursTheLevelOnlyWhenAsked) {
    EXPECT_NE(format_log_line(human, true, noon, log_level::error, "x", {}).find("\x1b[31merror"),
              std::string::npos);
    EXPECT_EQ(format_log_line(human, false, noon, log_level::error, "x", {}).find('\x1b'),
              std::string::npos);
}

/// What a hostile client may put into a value that is logged.
const std::string hostile[] = {
    "a\n{\"level\":\"error\",\"message\":\"forged\"}",
    "a\r\nforged",
    "a\",\"level\":\"error",
    "back\\slash\\",
    "\x1b[2J\x1b]0;title\x07",
    "nul\0byte" + std::string{'\0'},
    "\xc2\x85next line",             // U+0085
    "\xe2\x80\xa8ls\xe2\x80\xa9ps",  // U+2028, U+2029
    "\x7f"
    "del",
    "\xff\xfe\xc0\xaf",      // never UTF-8; overlong slash
    "\xed\xa0\x80",          // a surrogate
    "\xf4\x90\x80\x80",      // beyond U+10FFFF
    "cut \xe2\x82",          // ends within a character
    "\xe2\x82\"",            // a quote where a continuation belongs
    "=x y=\"z\" {} {0} %s",  // what formats and the human form care about
};

bool has_raw_control(std::string_view line) {
    return std::ranges::any_of(line, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7F;
    });
}

TEST(LogLine, CannotBeForgedByAValue) {
    for (const auto& value : hostile) {
        const auto line = json_line(value, {{"agent", std::string_view{value}}});
        EXPECT_FALSE(has_raw_control(line)) << line;
        const auto parsed = nlohmann::json::parse(line, nullptr, false);
        ASSERT_TRUE(parsed.is_object()) << line;
        EXPECT_EQ(parsed.size(), 4U) << line;
        EXPECT_EQ(parsed["level"], "info") << line;
    }
}

TEST(LogLine, CannotBeForgedInTheHumanForm) {
    for (const auto& value : hostile) {
        const auto line = format_log_line(human, false, noon, log_level::info, value,
                                          {{"agent", std::string_view{value}}});
        EXPECT_FALSE(has_raw_control(line)) << line;
        EXPECT_EQ(line.find("\xe2\x80\xa8"), std::string::npos) << line;
    }
}

TEST(LogLine, KeepsValidTextAsItIs) {
    const std::string text = "Zürich 東京 🚰";
    EXPECT_EQ(nlohmann::json::parse(json_line(text, {}))["message"], text);
}

TEST(LogLine, ReplacesEachInvalidByteAndKeepsTheRest) {
    std::string out;
    append_log_text(out,
                    "a\xff"
                    "b\xe2\x82"
                    "c");
    EXPECT_EQ(out, R"(a\ufffdb\ufffd\ufffdc)");
}

TEST(LogLine, WritesNumbersThatJsonLacksAsNull) {
    const auto line = json_line("x", {{"v", std::numeric_limits<double>::infinity()}});
    EXPECT_TRUE(nlohmann::json::parse(line)["v"].is_null());
}

TEST(Logger, WritesWholeLinesToStandardErrorFromItsLevelOn) {
    testing::internal::CaptureStderr();
    {
        logger log{log_level::warning, json, false};
        log.info("unheard");
        log.warning("heard {} %s");
    }
    const auto text = testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::ranges::count(text, '\n'), 1);
    EXPECT_EQ(nlohmann::json::parse(text)["message"], "heard {} %s");
}

}  // namespace
}  // namespace sluice
