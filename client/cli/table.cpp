#include "client/cli/table.hpp"

#include "client/cli/text.hpp"

#include <algorithm>

namespace sluice::cli {
namespace {

constexpr std::size_t narrowest = 8;

}  // namespace

std::string pad(std::string_view text, std::size_t columns, align side) {
    const std::size_t taken = columns_of(text);
    const std::string blank(columns > taken ? columns - taken : 0, ' ');
    return side == align::left ? std::string{text} + blank : blank + std::string{text};
}

void table::add(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    for (auto& cell : cells) cell = printable(cell);
    rows_.push_back(std::move(cells));
}

table::layout table::fit(const terminal& term) const {
    layout plan;
    std::size_t all = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t width = columns_of(columns_[i].title);
        for (const auto& row : rows_) width = std::max(width, columns_of(row[i]));
        plan.widths.push_back(width);
        all += width + (i > 0 ? plan.gap : 0);
    }
    if (all > term.width) {
        plan.gap = 1;
        all -= columns_.size() - 1;
    }
    for (std::size_t i = 0; i < columns_.size() && all > term.width; ++i) {
        if (!columns_[i].shrinks || plan.widths[i] <= narrowest) continue;
        const std::size_t cut = std::min(all - term.width, plan.widths[i] - narrowest);
        plan.widths[i] -= cut;
        all -= cut;
    }
    return plan;
}

std::string table::render(const terminal& term) const {
    const auto [width, gap] = fit(term);
    const auto mark = glyphs_of(term).ellipsis;
    const auto line = [&, &width = width, gap = gap](const auto& cell_of) {
        std::string text;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            if (i > 0) text.append(gap, ' ');
            text += pad(clip(cell_of(i), width[i], mark), width[i], columns_[i].side);
        }
        text.erase(text.find_last_not_of(' ') + 1);
        return text;
    };
    std::string out =
        paint(term, style::bold, line([&](std::size_t i) { return columns_[i].title; })) + "\n";
    for (const auto& row : rows_) out += line([&](std::size_t i) { return row[i]; }) + "\n";
    return out;
}

std::string table::render_plain() const {
    std::string out;
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) out += (i > 0 ? "\t" : "") + row[i];
        out += '\n';
    }
    return out;
}

}  // namespace sluice::cli
