#include "server/http/api/line_splitter.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::http {
namespace {

/// "number:text" of every line, "number!" of one that was dropped.
std::vector<std::string> lines_of(line_splitter& splitter) {
    std::vector<std::string> found;
    while (const auto line = splitter.next())
        found.push_back(std::to_string(line->number) +
                        (line->dropped ? "!" : ':' + std::string(line->text)));
    return found;
}

using lines = std::vector<std::string>;

TEST(LineSplitter, GivesLinesAsTheyBecomeWhole) {
    line_splitter splitter(100);
    splitter.add("on");
    EXPECT_EQ(lines_of(splitter), lines{});
    EXPECT_EQ(splitter.held(), 2U);
    splitter.add("e\ntwo\r\nthr");
    EXPECT_EQ(lines_of(splitter), (lines{"1:one", "2:two"}));
    splitter.add("ee\n");
    EXPECT_EQ(lines_of(splitter), lines{"3:three"});
    EXPECT_EQ(splitter.held(), 0U);
}

TEST(LineSplitter, GivesTheSameHoweverTheBytesCome) {
    const std::string text = "a\n\nbb\r\n \t\nccc\n" + std::string(20, 'x') + "\nd";
    for (std::size_t step = 1; step <= text.size(); ++step) {
        line_splitter splitter(10);
        lines found;
        for (std::size_t at = 0; at < text.size(); at += step) {
            splitter.add(std::string_view(text).substr(at, step));
            for (auto& line : lines_of(splitter)) found.push_back(std::move(line));
        }
        splitter.finish();
        for (auto& line : lines_of(splitter)) found.push_back(std::move(line));
        EXPECT_EQ(found, (lines{"1:a", "3:bb", "5:ccc", "6!", "7:d"})) << step;
    }
}

TEST(LineSplitter, KeepsNothingOfALineThatIsTooLong) {
    line_splitter splitter(10);
    for (int i = 0; i < 100; ++i) {
        splitter.add(std::string(100, 'x'));
        EXPECT_EQ(lines_of(splitter), lines{});
        EXPECT_EQ(splitter.held(), 0U);
    }
    splitter.add("\nshort\n");
    EXPECT_EQ(lines_of(splitter), (lines{"1!", "2:short"}));
}

TEST(LineSplitter, SaysWhyALineWasDropped) {
    line_splitter splitter(10);
    splitter.add("half");
    EXPECT_FALSE(splitter.next());
    splitter.drop(errc::overloaded);
    splitter.add(" a line\n");
    const auto dropped = splitter.next();
    ASSERT_TRUE(dropped && dropped->dropped);
    EXPECT_EQ(*dropped->dropped, errc::overloaded);
}

TEST(LineSplitter, FinishesALineThatWasDroppedAndNoneThatIsNotThere) {
    line_splitter splitter(3);
    splitter.add("toolong");
    EXPECT_FALSE(splitter.next());
    splitter.finish();
    EXPECT_EQ(lines_of(splitter), lines{"1!"});
    splitter.finish();
    EXPECT_EQ(lines_of(splitter), lines{});
}

}  // namespace
}  // namespace sluice::http
