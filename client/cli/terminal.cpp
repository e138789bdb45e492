#include "client/cli/terminal.hpp"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace sluice::cli {
namespace {

std::string_view environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

std::size_t width_of(int descriptor) {
    winsize size{};
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const auto text = environment("COLUMNS");
    std::size_t columns = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), columns);
    if (bad == std::errc{} && end == text.data() + text.size() && columns > 0) return columns;
    return 80;
}

bool colour_by(colour_choice choice, bool tty) {
    if (choice != colour_choice::automatic) return choice == colour_choice::always;
    return tty && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
}

std::string_view code_of(style how) {
    switch (how) {
        case style::plain:
            return "";
        case style::bold:
            return "\x1b[1m";
        case style::dim:
            return "\x1b[2m";
        case style::red:
            return "\x1b[31m";
        case style::green:
            return "\x1b[32m";
        case style::yellow:
            return "\x1b[33m";
        case style::cyan:
            return "\x1b[36m";
    }
    return "";
}

}  // namespace

terminal probe_terminal(int descriptor, colour_choice choice) {
    terminal term;
    term.tty = isatty(descriptor) == 1;
    term.colour = colour_by(choice, term.tty);
    term.utf8 = std::string_view{nl_langinfo(CODESET)} == "UTF-8";
    term.width = std::clamp<std::size_t>(width_of(descriptor), 40, 200);
    return term;
}

std::string paint(const terminal& term, style how, std::string_view text) {
    if (!term.colour || how == style::plain) return std::string{text};
    return std::string{code_of(how)} + std::string{text} + "\x1b[0m";
}

const glyphs& glyphs_of(const terminal& term) {
    static constexpr glyphs fancy{"·", "→", "…", "µs", "│"};
    static constexpr glyphs plain{"|", "->", "...", "us", "|"};
    return term.utf8 ? fancy : plain;
}

std::string draw_bar(const terminal& term, double share, std::size_t columns) {
    if (share <= 0 || columns == 0) return {};
    share = std::min(share, 1.0);
    const double exact = share * static_cast<double>(columns);
    if (!term.utf8) {
        return std::string(std::max<std::size_t>(static_cast<std::size_t>(exact), 1), '#');
    }
    static constexpr std::array<std::string_view, 8> eighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const auto all = std::max<std::size_t>(static_cast<std::size_t>(exact * 8), 1);
    std::string bar;
    for (std::size_t i = 0; i < all / 8; ++i) bar += "█";
    bar += eighths[all % 8];
    return bar;
}

}  // namespace sluice::cli
