#include "client/cli/log_view.hpp"

#include "client/cli/text.hpp"

namespace sluice::cli {
namespace {

std::string shown(const log_line& line, const terminal& term, bool timestamps) {
    std::string text = term.tty ? printable_line(line.text) : line.text;
    if (line.stream == log_stream::stderr_) text = paint(term, style::yellow, text);
    if (line.stream == log_stream::note) text = paint(term, style::dim, "-- " + text);
    if (timestamps) text = paint(term, style::dim, format_timestamp(line.time)) + " " + text;
    return text + "\n";
}

}  // namespace

std::vector<log_chunk> render_log(const client::log_lines& log, const context& ctx,
                                  bool timestamps) {
    std::vector<log_chunk> chunks;
    const auto add = [&chunks](bool aside, const std::string& text) {
        if (chunks.empty() || chunks.back().aside != aside) chunks.push_back({aside, {}});
        chunks.back().text += text;
    };
    if (ctx.wants_json()) {
        for (const auto& text : log.texts) add(false, printable_json(text, ctx.out) + "\n");
        return chunks;
    }
    for (const auto& line : log.lines) {
        const bool aside = line.stream == log_stream::stderr_ || line.stream == log_stream::note;
        add(aside, shown(line, aside ? ctx.err : ctx.out, timestamps));
    }
    return chunks;
}

}  // namespace sluice::cli
