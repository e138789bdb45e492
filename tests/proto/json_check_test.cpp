#include "proto/json_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

// Rows of our own, one for each rule of RFC 8259 and each way of breaking it. Bytes outside ASCII
// are octal, so that no editor can change them.
constexpr std::string_view accepted[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "123456789",
    "18446744073709551616",
    "-9223372036854775809",
    "0.5",
    "-0.5",
    "1e400",
    "1E400",
    "1e+5",
    "1e-5",
    "1.5e10",
    "0e0",
    "0.0",
    "-0e-0",
    "0.1000000000000000055",
    "1234567890123456789012345678901234567890",
    "\"\"",
    "\"a\"",
    "\"abcdefgh\"",
    "\"abcdefghi\"",
    "\"\\\"\"",
    "\"\\\\\"",
    "\"\\/\"",
    "\"\\b\\f\\n\\r\\t\"",
    "\"\\u0000\"",
    "\"\\u00e9\"",
    "\"\\uD834\\uDD1E\"",
    "\"\\ud800\"",
    "\"\\udc00x\"",
    "\"\\uD800\\u0041\"",
    "\"\303\251\"",
    "\"\342\202\254\"",
    "\"\360\235\204\236\"",
    "\"\364\217\277\277\"",
    "\"\355\237\277\"",
    "\"\356\200\200\"",
    "\"\302\200\"",
    "\"\340\240\200\"",
    "\"\360\220\200\200\"",
    "\"\177\"",
    "\"\342\200\250\"",
    "\"\357\273\277\"",
    "\"/* no comment */\"",
    "\"// nor this\"",
    "[]",
    "[ ]",
    "[1]",
    "[1,2]",
    "[ 1 , 2 ]",
    "[[]]",
    "[[],[]]",
    "[[[[[]]]]]",
    "[null,true,false]",
    "[\"\"]",
    "[\"a\",\"b\"]",
    "[1,\"a\",null,{}]",
    "{}",
    "{ }",
    "{\"a\":1}",
    "{\"a\":1,\"b\":2}",
    "{ \"a\" : 1 , \"b\" : 2 }",
    "{\"\":0}",
    "{\"a\":{}}",
    "{\"a\":[]}",
    "{\"a\":{\"b\":{\"c\":[{}]}}}",
    "{\"a\":1,\"a\":2}",
    "{\"\\u0061\":1}",
    "{\"a\\\"b\":1}",
    "[{\"a\":[1]},{\"b\":[2]}]",
    "[0,-0,0.0]",
    "[1e5,1E5]",
    " 1",
    "1 ",
    "\t1\n",
    "\r\n[\r\n]\r\n",
    "{\"\303\251\":\"\342\202\254\"}",
    "[[1],[2,[3]]]",
    "{\"a\":null,\"b\":true}",
    "\"]\"",
    "\"{\"",
    "[\"]\",\"}\",\",\",\":\"]",
    "{\"{\":\"}\"}",
    "\"aaaaaaaa\\naaaaaaaa\"",
    "\"\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\"",
};

constexpr std::string_view refused[] = {
    "",
    "  ",
    "\n",
    "nul",
    "nulll",
    "Null",
    "NULL",
    "tru",
    "truee",
    "True",
    "fals",
    "FALSE",
    "none",
    "undefined",
    "NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "inf",
    "+1",
    "-",
    "--1",
    "-a",
    "01",
    "-01",
    "00",
    "0x10",
    "1.",
    ".5",
    "-.5",
    "1.e5",
    "1e",
    "1e+",
    "1e-",
    "1E",
    "1.5e",
    "1e5.5",
    "1_000",
    "1,000",
    "0b1",
    "1f",
    "1 2",
    "1a",
    "'a'",
    "\"",
    "\"a",
    "\"a\\",
    "\"a\\\"",
    "\"\\x\"",
    "\"\\a\"",
    "\"\\'\"",
    "\"\\u\"",
    "\"\\u1\"",
    "\"\\u12\"",
    "\"\\u123\"",
    "\"\\u12G4\"",
    "\"\\u 123\"",
    "\"\\U0041\"",
    "\"a\"b",
    "\"a\" \"b\"",
    "\"\t\"",
    "\"\n\"",
    {"\"\000\"", 3},
    "\"\037\"",
    "\"aaaaaaaa\n\"",
    "\"\377\"",
    "\"\300\200\"",
    "\"\301\277\"",
    "\"\200\"",
    "\"\277\"",
    "\"\302\"",
    "\"\302A\"",
    "\"\340\237\277\"",
    "\"\355\240\200\"",
    "\"\355\277\277\"",
    "\"\342\202\"",
    "\"\360\217\277\277\"",
    "\"\364\220\200\200\"",
    "\"\365\200\200\200\"",
    "\"\360\220\200\"",
    "\"\376\"",
    "\"aaaaaaa\377\"",
    "[",
    "]",
    "[1",
    "[1,",
    "[,",
    "[,1]",
    "[1,]",
    "[1,,2]",
    "[1 2]",
    "[1:2]",
    "[1}",
    "[1]]",
    "[[]",
    "[][]",
    "[1]x",
    "[\"a",
    "{",
    "}",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,}",
    "{,\"a\":1}",
    "{\"a\":1,,\"b\":2}",
    "{\"a\" 1}",
    "{\"a\":}",
    "{\"a\"::1}",
    "{a:1}",
    "{'a':1}",
    "{1:1}",
    "{null:1}",
    "{\"a\":1]",
    "{\"a\":1}}",
    "{\"a\":1 \"b\":2}",
    "{\"a\",\"b\"}",
    "{\"a\":1;\"b\":2}",
    "{[]:1}",
    "/* */1",
    "1/* */",
    "1//",
    "#1",
    "\357\273\2771",
    "\357\273\277{}",
    "\376\377",
    {"\0001", 2},
    {"1\000", 2},
    {"[\0001]", 4},
    "\0141",
    "\0131",
    "\302\2401",
    "<a>",
    "(1)",
    "=1",
    ";",
};

std::string nested(std::size_t depth, char open, char close) {
    return std::string(depth, open) + std::string(depth, close);
}

TEST(JsonCheck, AcceptsWhatTheGrammarAllows) {
    for (const auto text : accepted) {
        const auto fault = check_json(text, 64);
        EXPECT_FALSE(fault) << text << ": " << fault->reason << " at " << fault->offset;
    }
    EXPECT_GE(std::size(accepted), 80U);
}

TEST(JsonCheck, RefusesWhatTheGrammarDoesNot) {
    for (const auto text : refused) {
        const auto fault = check_json(text, 64);
        ASSERT_TRUE(fault) << text;
        EXPECT_FALSE(fault->reason.empty()) << text;
        EXPECT_LE(fault->offset, text.size()) << text;
        EXPECT_FALSE(fault->too_deep) << text;
    }
    EXPECT_GE(std::size(refused), 80U);
}

TEST(JsonCheck, RefusesEveryPrefixOfADocument) {
    constexpr std::string_view document = R"({"a":[1.5e-7,true,null,"\u00e9\n",{"b":{}}],"c":-0})";
    ASSERT_FALSE(check_json(document, 64));
    for (std::size_t length = 0; length < document.size(); ++length)
        EXPECT_TRUE(check_json(document.substr(0, length), 64)) << length;
}

TEST(JsonCheck, FindsABadByteWhereverItStandsInAString) {
    // The scan goes eight bytes at a time; none may hide another.
    for (std::size_t length = 1; length < 40; ++length) {
        for (std::size_t at = 0; at < length; ++at) {
            for (const char bad : {'\0', '\x1f', '\n', '\\', '"', '\x80', '\xff'}) {
                std::string text = '"' + std::string(length, 'x') + '"';
                ASSERT_FALSE(check_json(text, 64));
                text[at + 1] = bad;
                const auto fault = check_json(text, 64);
                ASSERT_TRUE(fault) << length << ' ' << at << ' ' << int{bad};
            }
        }
    }
}

TEST(JsonCheck, TellsWhereTheFaultIs) {
    EXPECT_EQ(check_json(R"({"a":01})", 64)->offset, 6U);
    EXPECT_EQ(check_json("[1,2", 64)->offset, 4U);
    EXPECT_EQ(check_json("[1] x", 64)->offset, 4U);
    EXPECT_EQ(check_json("", 64)->offset, 0U);
    EXPECT_EQ(check_json("  ", 64)->offset, 2U);
    EXPECT_EQ(check_json("\xEF\xBB\xBF{}", 64)->reason, "byte order mark");
    EXPECT_EQ(check_json("[1,\"a\x01\"]", 64)->offset, 5U);
    EXPECT_EQ(check_json("{} {}", 64)->reason, "text after the end of the document");
}

TEST(JsonCheck, LimitsTheDepth) {
    for (const auto& [open, close] : {std::pair{'[', ']'}, std::pair{'{', '}'}}) {
        std::string text = nested(64, open, close);
        if (open == '{') {
            text.clear();
            for (int i = 0; i < 63; ++i) text += "{\"a\":";
            text += "{}" + std::string(63, '}');
        }
        EXPECT_FALSE(check_json(text, 64)) << text;
        const auto deeper = check_json('[' + text + ']', 64);
        ASSERT_TRUE(deeper);
        EXPECT_TRUE(deeper->too_deep);
    }
    EXPECT_FALSE(check_json(nested(json_depth_cap, '[', ']'), json_depth_cap));
    EXPECT_TRUE(check_json(nested(json_depth_cap + 1, '[', ']'), json_depth_cap));
    // Breadth is not depth.
    std::string wide = "[";
    for (int i = 0; i < 1000; ++i) wide += "[{}],";
    EXPECT_FALSE(check_json(wide + "[]]", 3));
}

TEST(JsonCheck, GetsToTheEndOfABottomlessText) {
    const auto fault = check_json(nested(100'000, '[', ']'), 64);
    ASSERT_TRUE(fault);
    EXPECT_TRUE(fault->too_deep);
    EXPECT_EQ(fault->offset, 64U);
}

}  // namespace
}  // namespace sluice
