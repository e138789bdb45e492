#include "proto/type_pattern.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sluice {
namespace {

std::vector<std::string> patterns_of(std::string_view type) {
    std::vector<std::string> all;
    visit_patterns(type, [&](std::string_view pattern) {
        all.emplace_back(pattern);
        return false;
    });
    return all;
}

TEST(TypePatterns, OfATypeAreVisitedFromTheClosestToTheWidest) {
    EXPECT_EQ(patterns_of("a"), (std::vector<std::string>{"a", "*"}));
    EXPECT_EQ(patterns_of("a.b.c"), (std::vector<std::string>{"a.b.c", "a.b.*", "a.*", "*"}));
}

TEST(TypePatterns, AreVisitedUntilOneIsTaken) {
    int visited = 0;
    visit_patterns("a.b.c", [&](std::string_view pattern) {
        ++visited;
        return pattern == "a.b.*";
    });
    EXPECT_EQ(visited, 2);
}

TEST(TypePatterns, ShareABeginningUnlessTheyArePlainTypes) {
    EXPECT_EQ(pattern_prefix("mail.*"), "mail.");
    EXPECT_EQ(pattern_prefix("*"), "");
    EXPECT_FALSE(pattern_prefix("mail"));
    EXPECT_FALSE(pattern_prefix("mail*"));
}

TEST(TypePatterns, AreFoundFromTheClosestToTheWidest) {
    const std::map<std::string, int, std::less<>> kept{{"a.b", 1}, {"a.*", 2}, {"*", 3}};
    EXPECT_EQ(*find_pattern(kept, "a.b"), 1);
    EXPECT_EQ(*find_pattern(kept, "a.c"), 2);
    EXPECT_EQ(*find_pattern(kept, "a"), 3);
    const std::map<std::string, int, std::less<>> few{{"a.*", 2}};
    EXPECT_EQ(find_pattern(few, "ab"), nullptr);
}

}  // namespace
}  // namespace sluice
