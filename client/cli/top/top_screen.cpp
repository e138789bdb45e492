#include "client/cli/top/top_screen.hpp"

#include <sys/ioctl.h>

#include <utility>

namespace sluice::cli {
namespace {

constexpr std::string_view other_screen = "\x1b[?1049h";
constexpr std::string_view own_screen = "\x1b[?1049l";
constexpr std::string_view hide_cursor = "\x1b[?25l";
constexpr std::string_view show_cursor = "\x1b[?25h";
constexpr std::string_view to_the_top = "\x1b[H";
constexpr std::string_view clear_line = "\x1b[K";
constexpr std::string_view clear_below = "\x1b[J";

}  // namespace

void top_screen::enter() {
    if (std::exchange(entered_, true)) return;
    write_(std::string{other_screen}.append(hide_cursor).append(to_the_top).append(clear_below));
}

void top_screen::leave() {
    if (std::exchange(entered_, false)) write_(std::string{show_cursor}.append(own_screen));
}

// In one piece, or it flickers; without an end of line behind the last, or all would move up.
void top_screen::draw(const std::vector<std::string>& lines) {
    std::string text{to_the_top};
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (i > 0) text += '\n';
        text.append(lines[i]).append(clear_line);
    }
    write_(text.append(clear_below));
}

std::size_t height_of_terminal(int descriptor) {
    winsize size{};
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_row > 0) return size.ws_row;
    return 24;
}

}  // namespace sluice::cli
