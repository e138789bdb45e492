#include "server/config/values.hpp"

#include <gtest/gtest.h>

namespace sluice::config {
namespace {

using std::chrono::milliseconds;

TEST(Durations, AreANumberAndAUnit) {
    EXPECT_EQ(parse_duration("250ms"), milliseconds{250});
    EXPECT_EQ(parse_duration("30s"), milliseconds{30'000});
    EXPECT_EQ(parse_duration("1.5s"), milliseconds{1500});
    EXPECT_EQ(parse_duration("5m"), milliseconds{300'000});
    EXPECT_EQ(parse_duration("24h"), milliseconds{86'400'000});
    EXPECT_EQ(parse_duration("14d"), milliseconds{1'209'600'000});
    EXPECT_EQ(parse_duration("0s"), milliseconds{0});
}

TEST(Durations, RefuseEverythingElse) {
    for (const auto* text : {"", "30", "s", "-1s", "1 s", "1sec", "1s ", "1..5s", "1e3s", "nans",
                             "999999999999999999d", "1S"})
        EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Durations, ComeBackAsTheyWereMeant) {
    for (const auto* text : {"0s", "1ms", "1500ms", "30s", "90s", "5m", "24h", "14d"}) {
        const auto parsed = parse_duration(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(parse_duration(format_duration(*parsed)), parsed) << text;
    }
    EXPECT_EQ(format_duration(milliseconds{1'800'000}), "30m");
}

TEST(Sizes, AreBytesOrHaveAUnit) {
    EXPECT_EQ(parse_size("65536"), 65536U);
    EXPECT_EQ(parse_size("64KiB"), 65536U);
    EXPECT_EQ(parse_size("1MiB"), 1U << 20);
    EXPECT_EQ(parse_size("2GiB"), 2ULL << 30);
    EXPECT_EQ(format_size(64U << 20), "64MiB");
    EXPECT_EQ(format_size(1000), "1000");
    for (const auto* text : {"", "-1", "1MB", "MiB", "1.5MiB", "1 MiB", "99999999999TiB"})
        EXPECT_FALSE(parse_size(text)) << text;
}

TEST(Listen, TakesAddressesOfBothFamilies) {
    http::http_config http;
    const auto read = [&](std::string text) {
        return listen_codec::read({.kind = {}, .text = std::move(text), .items = {}}, http);
    };
    EXPECT_FALSE(read("0.0.0.0:80"));
    EXPECT_EQ(http.host, "0.0.0.0");
    EXPECT_EQ(http.port, 80);
    EXPECT_FALSE(read("[::1]:0"));
    EXPECT_EQ(http.host, "::1");
    EXPECT_EQ(listen_codec::write(http), "\"[::1]:0\"");
    EXPECT_FALSE(read("localhost:8080"));
    EXPECT_EQ(http.host, "127.0.0.1");
    for (const auto* text : {"", "8080", ":8080", "::1:8080", "[::1]", "1.2.3.4:65536", "a:b",
                             "1.2.3.4:-1", "[:8080", "1.2.3.4:"})
        EXPECT_TRUE(read(text)) << text;
}

TEST(Toml, QuotesWhatWouldBreakOut) {
    EXPECT_EQ(quote_toml("a\"b\\c\n"), R"("a\"b\\c\u000a")");
    EXPECT_EQ(list_toml({"a", "b"}), R"(["a", "b"])");
    EXPECT_EQ(list_toml({}), "[]");
}

}  // namespace
}  // namespace sluice::config
