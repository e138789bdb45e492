#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::cli {

enum class colour_choice : std::uint8_t { automatic, always, never };

/// What one output stream can show.
struct terminal {
    bool tty = false;
    bool colour = false;
    bool utf8 = false;
    std::size_t width = 80;
};

/// Looks at a file descriptor and the environment: NO_COLOR, TERM=dumb, COLUMNS, the locale. Call
/// setlocale(LC_CTYPE, "") first.
terminal probe_terminal(int descriptor, colour_choice choice);

enum class style : std::uint8_t { plain, bold, dim, red, green, yellow, cyan };

/// `text` in that style, where the terminal has colour.
std::string paint(const terminal& term, style how, std::string_view text);

/// Signs that have a plain twin for terminals without UTF-8.
struct glyphs {
    std::string_view dot;       ///< between facts
    std::string_view arrow;     ///< from one to the other
    std::string_view ellipsis;  ///< what was cut
    std::string_view micro;
    std::string_view rule;  ///< left edge of bars
};
const glyphs& glyphs_of(const terminal& term);

/// A bar of `share` (0..1) of `columns`, in eighths where the terminal can, in `#` otherwise. A
/// share above zero is never drawn as nothing.
std::string draw_bar(const terminal& term, double share, std::size_t columns);

}  // namespace sluice::cli
