#include "client/cli/terminal.hpp"

#include "client/cli/text.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace sluice::cli {
namespace {

TEST(DrawBar, FillsInEighths) {
    terminal term;
    term.utf8 = true;
    EXPECT_EQ(draw_bar(term, 0, 8), "");
    EXPECT_EQ(draw_bar(term, 1, 4), "████");
    EXPECT_EQ(draw_bar(term, 0.5, 4), "██");
    EXPECT_EQ(draw_bar(term, 0.625, 2), "█▎");
    EXPECT_EQ(draw_bar(term, 1e-9, 40), "▏") << "something is never drawn as nothing";
    EXPECT_EQ(draw_bar(term, 7, 3), "███");
}

TEST(DrawBar, FallsBackToAscii) {
    const terminal term;
    EXPECT_EQ(draw_bar(term, 0.5, 4), "##");
    EXPECT_EQ(draw_bar(term, 0.01, 10), "#");
}

TEST(Paint, AddsNothingWithoutColour) {
    terminal term;
    EXPECT_EQ(paint(term, style::red, "x"), "x");
    term.colour = true;
    EXPECT_EQ(paint(term, style::red, "x"), "\x1b[31mx\x1b[0m");
    EXPECT_EQ(paint(term, style::plain, "x"), "x");
}

/// A pipe is no terminal; colour follows the choice alone.
TEST(ProbeTerminal, TakesAPipeForAPlainPlace) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const auto automatic = probe_terminal(ends[1], colour_choice::automatic);
    EXPECT_FALSE(automatic.tty);
    EXPECT_FALSE(automatic.colour);
    EXPECT_TRUE(probe_terminal(ends[1], colour_choice::always).colour);
    EXPECT_FALSE(probe_terminal(ends[1], colour_choice::never).colour);
    setenv("COLUMNS", "100", 1);
    EXPECT_EQ(probe_terminal(ends[1], colour_choice::never).width, 100U);
    setenv("COLUMNS", "many", 1);
    EXPECT_EQ(probe_terminal(ends[1], colour_choice::never).width, 80U);
    setenv("COLUMNS", "3", 1);
    EXPECT_EQ(probe_terminal(ends[1], colour_choice::never).width, 40U);
    unsetenv("COLUMNS");
    close(ends[0]);
    close(ends[1]);
}

/// The other side of a real terminal.
TEST(ProbeTerminal, HonoursNoColorAndDumbTerminals) {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    ASSERT_GE(master, 0);
    ASSERT_EQ(grantpt(master), 0);
    ASSERT_EQ(unlockpt(master), 0);
    const int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    ASSERT_GE(slave, 0);
    unsetenv("NO_COLOR");
    setenv("TERM", "xterm", 1);
    EXPECT_TRUE(probe_terminal(slave, colour_choice::automatic).colour);
    setenv("NO_COLOR", "1", 1);
    EXPECT_FALSE(probe_terminal(slave, colour_choice::automatic).colour);
    EXPECT_TRUE(probe_terminal(slave, colour_choice::always).colour);
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    EXPECT_FALSE(probe_terminal(slave, colour_choice::automatic).colour);
    close(slave);
    close(master);
}

}  // namespace
}  // namespace sluice::cli
