#include "client/cli/table.hpp"

#include "client/cli/text.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

TEST(Table, IsAsWideAsItsContent) {
    table rows({{"name"}, {"n", align::right}});
    rows.add({"a", "5"});
    rows.add({"longer", "1,000"});
    EXPECT_EQ(rows.render(terminal{}),
              "name        n\n"
              "a           5\n"
              "longer  1,000\n");
    EXPECT_EQ(rows.render_plain(), "a\t5\nlonger\t1,000\n");
}

TEST(Table, ShortensOnlyColumnsThatMayShrink) {
    terminal term;
    term.width = 40;
    term.utf8 = true;
    table rows({{"id"}, {"type", align::left, true}});
    rows.add({"0197a2c4-0000-7000-8000", "a.very.long.type.of.a.job"});
    const auto text = rows.render(term);
    EXPECT_NE(text.find("0197a2c4-0000-7000-8000"), std::string::npos);
    EXPECT_NE(text.find("…"), std::string::npos);
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        EXPECT_LE(columns_of(text.substr(at, end - at)), 40U);
        at = end + 1;
    }
}

TEST(Table, AlignsByCharactersNotBytes) {
    table rows({{"queue"}, {"n"}});
    rows.add({"äöü", "1"});
    EXPECT_EQ(rows.render(terminal{}), "queue  n\näöü    1\n");
}

TEST(Table, LetsNoCellBreakTheScreen) {
    table rows({{"a"}, {"b"}});
    rows.add({"x\x1b[2Jy", "tab\there"});
    EXPECT_EQ(rows.render_plain(), "x?[2Jy\ttab?here\n");
}

TEST(Table, FillsMissingCells) {
    table rows({{"a"}, {"b"}});
    rows.add({"x"});
    EXPECT_EQ(rows.render(terminal{}), "a  b\nx\n");
}

}  // namespace
}  // namespace sluice::cli
