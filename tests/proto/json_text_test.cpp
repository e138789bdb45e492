#include "proto/json_text.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace sluice {
namespace {

json_value parse(std::string_view text) {
    EXPECT_FALSE(check_json(text, json_depth_cap)) << text;
    return json_root(text);
}

struct entry {
    std::string key;
    std::string key_text;
    std::string text;
    json_kind kind = json_kind::null;

    friend bool operator==(const entry&, const entry&) = default;
};

std::vector<entry> entries(std::string_view text) {
    std::vector<entry> all;
    json_cursor cursor{parse(text)};
    entry each;
    json_value value;
    while (cursor.next(each.key, value)) {
        each.key_text = cursor.key_text();
        each.text = value.text;
        each.kind = value.kind;
        all.push_back(each);
    }
    EXPECT_FALSE(cursor.next(each.key, value)) << "the end is not the end";
    return all;
}

/// The scan looks at eight bytes at a time, and behind 32 of them in another way.
TEST(JsonCursor, FindsTheEndOfAStringWhereverAnEscapeStands) {
    using escape = std::pair<std::string, std::string>;
    for (const auto& [written, meant] :
         {escape{R"(\")", "\""}, escape{R"(\\)", "\\"}, escape{R"(\\\")", "\\\""},
          escape{R"(\u0022)", "\""}, escape{R"(\u005c)", "\\"}, escape{"]", "]"}}) {
        for (std::size_t before = 0; before < 80; ++before) {
            for (const std::size_t after : {0, 1, 7, 8, 9, 40}) {
                const auto text = std::string(before, 'a') + written + std::string(after, 'b');
                const auto whole = "{\"" + text + "\":[\"" + text + "\",\"" + text + "\"]}";
                const auto all = entries(whole);
                ASSERT_EQ(all.size(), 1U) << whole;
                EXPECT_EQ(all[0].key, std::string(before, 'a') + meant + std::string(after, 'b'));
                EXPECT_EQ(all[0].key_text, '"' + text + '"');
                const auto inner = entries(all[0].text);
                ASSERT_EQ(inner.size(), 2U) << whole;
                for (const auto& each : inner) EXPECT_EQ(each.text, '"' + text + '"');
                ASSERT_FALSE(HasFailure()) << whole;
            }
        }
    }
}

/// A reader that looks at all that follows each escape would not be done soon.
TEST(JsonCursor, FindsTheEndOfALongTextOfManyEscapes) {
    std::string text = "\"";
    std::string plain;
    for (int i = 0; i < 200'000; ++i) {
        text += "a line that is not short at all...\\n";
        plain += "a line that is not short at all...\n";
    }
    text += "\"";
    const auto value = json_root(text);
    EXPECT_EQ(value.text.size(), text.size());
    EXPECT_EQ(json_unescape(value), plain);
}

TEST(JsonCursor, WalksAnObject) {
    const auto all = entries(
        " { \"a\" : 1 ,\n\"b\\n\":[ {\"}\":\"]\"} , 2 ],\"\":\"x,\\\"y\" ,"
        "\"t\":true,\"f\" :false,\"n\":null , \"o\":{} } ");
    const std::vector<entry> expected{
        {"a", "\"a\"", "1", json_kind::number},
        {"b\n", "\"b\\n\"", "[ {\"}\":\"]\"} , 2 ]", json_kind::array},
        {"", "\"\"", "\"x,\\\"y\"", json_kind::string},
        {"t", "\"t\"", "true", json_kind::boolean},
        {"f", "\"f\"", "false", json_kind::boolean},
        {"n", "\"n\"", "null", json_kind::null},
        {"o", "\"o\"", "{}", json_kind::object},
    };
    EXPECT_EQ(all, expected);
}

TEST(JsonCursor, WalksAnArray) {
    const auto all = entries("[1, -2.5e-7 ,\"\\\\\",[],[[\"[\"]] ,{\"a\":[1]}\t]");
    ASSERT_EQ(all.size(), 6U);
    EXPECT_EQ(all[0].text, "1");
    EXPECT_EQ(all[1].text, "-2.5e-7");
    EXPECT_EQ(all[2].text, "\"\\\\\"");
    EXPECT_EQ(all[3].text, "[]");
    EXPECT_EQ(all[4].text, "[[\"[\"]]");
    EXPECT_EQ(all[5].text, "{\"a\":[1]}");
    EXPECT_TRUE(all[5].key.empty());
}

TEST(JsonCursor, HasNothingToSayOfEmptyContainers) {
    EXPECT_TRUE(entries("{}").empty());
    EXPECT_TRUE(entries("[ \n]").empty());
}

TEST(JsonUnescape, TurnsEscapesIntoText) {
    const std::array<std::pair<std::string_view, std::string_view>, 14> table{{
        {R"("")", ""},
        {R"("plain")", "plain"},
        {R"("\"\\\/")", "\"\\/"},
        {R"("\b\f\n\r\t")", "\b\f\n\r\t"},
        {R"("\u0041\u00e9\u20AC")", "A\xC3\xA9\xE2\x82\xAC"},
        {R"("\uD834\uDD1E")", "\xF0\x9D\x84\x9E"},
        {R"("\ud800")", "\xEF\xBF\xBD"},
        {R"("\udc00")", "\xEF\xBF\xBD"},
        {R"("\ud800x")", "\xEF\xBF\xBDx"},
        {R"("\ud800\u0041")",
         "\xEF\xBF\xBD"
         "A"},
        {R"("\ud800\ud800\udc00")", "\xEF\xBF\xBD\xF0\x90\x80\x80"},
        {R"("\ud800\n")", "\xEF\xBF\xBD\n"},
        {R"("\\u0041")", "\\u0041"},
        {"\"\xC3\xA9\"", "\xC3\xA9"},
    }};
    for (const auto& [text, expected] : table) EXPECT_EQ(json_unescape(parse(text)), expected);
    EXPECT_EQ(json_unescape(parse(R"("\u0000")")), std::string(1, '\0'));
}

TEST(JsonInteger, TakesIntegersThatFit) {
    EXPECT_EQ(json_integer(parse("0")), 0);
    EXPECT_EQ(json_integer(parse("-0")), 0);
    EXPECT_EQ(json_integer(parse("-7")), -7);
    EXPECT_EQ(json_integer(parse("9223372036854775807")), INT64_MAX);
    EXPECT_EQ(json_integer(parse("-9223372036854775808")), INT64_MIN);
    for (const std::string_view text : {"9223372036854775808", "-9223372036854775809", "1.0", "1e3",
                                        "18446744073709551616", "\"1\"", "true", "null", "[]"})
        EXPECT_FALSE(json_integer(parse(text))) << text;
}

TEST(JsonNumber, TakesFiniteNumbers) {
    EXPECT_EQ(json_number(parse("1")), 1.0);
    EXPECT_EQ(json_number(parse("-2.5e-3")), -0.0025);
    EXPECT_EQ(json_number(parse("1E2")), 100.0);
    for (const std::string_view text : {"1e400", "-1e400", "\"1\"", "false", "{}"})
        EXPECT_FALSE(json_number(parse(text))) << text;
}

TEST(JsonWriter, MindsTheCommas) {
    std::string text;
    json_writer out{text};
    out.begin_object().key("a").integer(1).key("b").begin_array().end_array();
    out.key("c").begin_array().integer(1).string("x").boolean(true).null().raw("{ }");
    out.begin_object().end_object().begin_array().integer(2).end_array().end_array();
    out.raw_members("").raw_members("\"d\":1,\"e\":2").key("f").number(0.5);
    out.key("g").begin_object().raw_members("\"h\":[]").end_object().end_object();
    EXPECT_EQ(text, R"({"a":1,"b":[],"c":[1,"x",true,null,{ },{},[2]],"d":1,"e":2,"f":0.5,)"
                    R"("g":{"h":[]}})");
    EXPECT_FALSE(check_json(text, 64));
}

TEST(JsonWriter, WritesNumbersThatReadBack) {
    for (const double number : {0.0, 1.0, 0.1, 1.0 / 3, 1e300, -5e-324, 123456789.123}) {
        std::string text;
        json_writer{text}.number(number);
        EXPECT_EQ(json_number(parse(text)), number) << text;
    }
    // JSON has no such numbers.
    std::string text;
    json_writer{text}.number(std::numeric_limits<double>::infinity());
    EXPECT_EQ(text, "null");
}

TEST(JsonString, IsEscapedWhereItMustBe) {
    std::string text;
    append_json_string(text, std::string_view{"a\"\\/\b\f\n\r\t\x01\x1f\x7f\0\xC3\xA9", 15});
    EXPECT_EQ(text, "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000\xC3\xA9\"");
}

TEST(JsonString, NeverHoldsInvalidUtf8) {
    const std::array<std::pair<std::string_view, std::string_view>, 5> table{{
        {"\xFF", "\"\xEF\xBF\xBD\""},
        {"a\xC3", "\"a\xEF\xBF\xBD\""},
        {"\xC3z", "\"\xEF\xBF\xBDz\""},
        {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xE2\x82\xAC\x80", "\"\xE2\x82\xAC\xEF\xBF\xBD\""},
    }};
    for (const auto& [bytes, expected] : table) {
        std::string text;
        append_json_string(text, bytes);
        EXPECT_EQ(text, expected);
    }
}

TEST(JsonString, OfAnyBytesIsValidAndOfAnyTextReadsBack) {
    std::mt19937 random{3};
    for (int round = 0; round < 2000; ++round) {
        std::string bytes(random() % 40, '\0');
        for (auto& c : bytes) c = static_cast<char>(random());
        std::string text;
        append_json_string(text, bytes);
        ASSERT_FALSE(check_json(text, 1));
        // What is valid stays what it is.
        std::string again;
        append_json_string(again, json_unescape(json_root(text)));
        ASSERT_EQ(again, text);
    }
}

}  // namespace
}  // namespace sluice
