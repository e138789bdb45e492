#include "client/cli/demo/stage.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::cli {
namespace {

constexpr std::size_t lines_quoted = 4;

}  // namespace

std::string stage::line(const terminal& term, style how, std::string_view what, std::size_t index,
                        std::string_view rest) const {
    std::string text =
        fmt::format("{:8.3f}s  {:<9}  {:<4} {}", std::chrono::duration<double>(passed()).count(),
                    what, fmt::format("#{}", index + 1), printable(rest));
    text.erase(text.find_last_not_of(' ') + 1);
    return paint(term, how, clip(text, term.width, glyphs_of(term).ellipsis)) + "\n";
}

void stage::step(style how, std::string_view what, std::size_t index, std::string_view rest) const {
    if (!ctx_.options.no_progress) note(ctx_, line(ctx_.err, how, what, index, rest));
}

void stage::result(style how, std::string_view what, std::size_t index,
                   std::string_view rest) const {
    if (for_people()) {
        print(line(ctx_.out, how, what, index, rest));
    } else {
        step(how, what, index, rest);
    }
}

void stage::put(std::string_view text) const {
    if (for_people()) {
        print(text);
    } else if (!ctx_.options.no_progress) {
        note(ctx_, text);
    }
}

void stage::quote(std::string_view text) const {
    const terminal& term = for_people() ? ctx_.out : ctx_.err;
    const std::string_view mark = glyphs_of(term).ellipsis;
    std::size_t shown = 0;
    while (!text.empty()) {
        const auto end = text.find('\n');
        std::string line{text.substr(0, end)};
        std::replace(line.begin(), line.end(), '\t', ' ');
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.empty()) continue;
        const std::string words = shown++ == lines_quoted ? std::string{mark} : printable(line);
        put(paint(term, style::dim, clip(std::string(13, ' ') + words, term.width, mark)) + "\n");
        if (shown > lines_quoted) return;
    }
}

void stage::say(std::string_view text, style how) const {
    if (for_people()) print(paint(ctx_.out, how, wrap_words(text, 0, ctx_.out.width)) + "\n");
}

}  // namespace sluice::cli
