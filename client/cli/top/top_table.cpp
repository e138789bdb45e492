#include "client/cli/table.hpp"
#include "client/cli/text.hpp"
#include "client/cli/top/top_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::cli {
namespace {

constexpr std::size_t name_columns_min = 8;
constexpr std::size_t name_columns_good = 14;
constexpr std::string_view name_title = "queue";
constexpr std::string_view nothing = "-";

/// Five columns at most up to a billion.
std::string short_count(std::uint64_t number) {
    if (number < 10'000) return format_count(number);
    constexpr std::array<std::string_view, 4> units{"k", "m", "g", "t"};
    auto value = static_cast<double>(number) / 1e3;
    std::size_t unit = 0;
    for (; value >= 999.5 && unit + 1 < units.size(); ++unit) value /= 1e3;
    return fmt::format("{:.{}f}{}", value, value < 99.95 ? 1 : 0, units[unit]);
}

std::string short_rate(double per_second) {
    if (per_second >= 9999.5) return short_count(static_cast<std::uint64_t>(per_second));
    return format_rate(per_second);
}

struct top_column {
    std::string_view group;  ///< stands above the columns that share it
    std::string_view title;
    std::size_t width;  ///< at least, so that the columns stand still
    int need;           ///< the least needed is left out first
    style how;
    std::string (*cell)(const top_row&, const top_interval&);
};

using row_count = std::uint64_t top_row::*;

template <row_count Count>
std::string rate_cell(const top_row& row, const top_interval& seen) {
    return short_rate(seen.rate(row.*Count));
}
template <row_count Count>
std::string count_cell(const top_row& row, const top_interval&) {
    return short_count(row.*Count);
}
template <histogram top_row::*Values, int Percent>
std::string latency_cell(const top_row& row, const top_interval&) {
    const auto& values = row.*Values;
    return values.empty() ? std::string{nothing} : format_latency(values.quantile(Percent / 100.0));
}
std::string oldest_cell(const top_row& row, const top_interval&) {
    if (!row.oldest) return std::string{nothing};
    return (row.oldest->at_least ? ">" : "") + format_age(row.oldest->time);
}
std::string workers_cell(const top_row& row, const top_interval&) {
    return std::to_string(row.workers);
}

constexpr std::array<top_column, 14> columns{{
    {"jobs/s", "in", 5, 9, style::yellow, rate_cell<&top_row::in>},
    {"jobs/s", "start", 5, 3, style::cyan, rate_cell<&top_row::started>},
    {"jobs/s", "done", 5, 10, style::cyan, rate_cell<&top_row::finished>},
    {"jobs/s", "fail", 4, 2, style::red, rate_cell<&top_row::failed>},
    {"backlog", "avail", 5, 13, style::plain, count_cell<&top_row::available>},
    {"backlog", "sched", 5, 4, style::plain, count_cell<&top_row::scheduled>},
    {"backlog", "retry", 5, 6, style::plain, count_cell<&top_row::retryable>},
    {"", "active", 6, 12, style::cyan, count_cell<&top_row::active>},
    {"", "oldest", 6, 8, style::plain, oldest_cell},
    {"waiting", "p50", 6, 7, style::plain, latency_cell<&top_row::waiting, 50>},
    {"waiting", "p99", 6, 11, style::plain, latency_cell<&top_row::waiting, 99>},
    {"running", "p50", 6, 5, style::plain, latency_cell<&top_row::running, 50>},
    {"running", "p99", 6, 5, style::plain, latency_cell<&top_row::running, 99>},
    {"", "workers", 7, 1, style::plain, workers_cell},
}};

std::string name_of(const top_row& row) {
    return printable(row.name) + (row.paused ? " (paused)" : "");
}

/// One table while it takes its form.
class layout {
public:
    layout(const top_interval& seen, const terminal& term, std::size_t rows);
    std::vector<std::string> render() const;

private:
    struct shown {
        const top_column* what;
        std::vector<std::string> cells;  ///< of the rows, then of the sum
        std::size_t width;
    };
    std::size_t width_without_names() const;
    void leave_out();
    void make_room_for_groups();
    std::string groups() const;
    std::string titles() const;
    std::string row(std::size_t number) const;

    const terminal& term_;
    std::vector<std::string> names_;
    std::vector<bool> paused_;
    std::vector<shown> columns_;
    std::size_t name_width_ = name_title.size();
};

layout::layout(const top_interval& seen, const terminal& term, std::size_t rows) : term_(term) {
    std::vector<const top_row*> all;
    for (std::size_t i = 0; i < rows; ++i) all.push_back(&seen.queues[i]);
    if (seen.queues.size() > 1) all.push_back(&seen.all);
    for (const auto* each : all) {
        names_.push_back(each == &seen.all ? "all" : name_of(*each));
        paused_.push_back(each->paused);
        name_width_ = std::max(name_width_, columns_of(names_.back()));
    }
    for (const auto& column : columns) {
        shown made{&column, {}, column.width};
        for (const auto* each : all) {
            made.cells.push_back(column.cell(*each, seen));
            made.width = std::max(made.width, columns_of(made.cells.back()));
        }
        columns_.push_back(std::move(made));
    }
    leave_out();
    make_room_for_groups();
    const auto others = width_without_names();
    name_width_ = std::min(name_width_, term.width > others + name_columns_min ? term.width - others
                                                                               : name_columns_min);
}

std::size_t layout::width_without_names() const {
    std::size_t width = 0;
    for (const auto& each : columns_) width += each.width + 1;
    return width;
}

void layout::leave_out() {
    const auto names = std::min(name_width_, name_columns_good);
    while (columns_.size() > 1 && names + width_without_names() > term_.width) {
        const auto least = std::ranges::min_element(
            columns_, {}, [](const shown& each) { return each.what->need; });
        // Two that belong together go together.
        std::erase_if(columns_, [need = least->what->need](const shown& each) {
            return each.what->need == need;
        });
    }
}

/// A group of one column may be narrower than its title.
void layout::make_room_for_groups() {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        const auto group = columns_[i].what->group;
        const bool alone = (i == 0 || columns_[i - 1].what->group != group) &&
                           (i + 1 == columns_.size() || columns_[i + 1].what->group != group);
        const auto spare = term_.width - std::min(term_.width, width_without_names() + name_width_);
        if (alone && group.size() > columns_[i].width)
            columns_[i].width += std::min(group.size() - columns_[i].width, spare);
    }
}

std::string layout::groups() const {
    std::string text(name_width_, ' ');
    for (std::size_t i = 0; i < columns_.size();) {
        const auto group = columns_[i].what->group;
        std::size_t width = 0;
        std::size_t end = i;
        for (; end < columns_.size() && columns_[end].what->group == group; ++end) {
            width += columns_[end].width + (end > i ? 1 : 0);
        }
        const auto title = group.substr(0, width);
        text += std::string(1 + (width - title.size()) / 2, ' ');
        text += pad(title, (width + title.size() + 1) / 2, align::left);
        i = end;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return paint(term_, style::dim, text);
}

std::string layout::titles() const {
    std::string text = pad(name_title, name_width_, align::left);
    for (const auto& each : columns_) {
        text += " " + pad(each.what->title, each.width, align::right);
    }
    return paint(term_, style::bold, text);
}

std::string layout::row(std::size_t number) const {
    const auto name =
        pad(clip(names_[number], name_width_, glyphs_of(term_).ellipsis), name_width_, align::left);
    std::string text = paint(term_, paused_[number] ? style::yellow : style::plain, name);
    for (const auto& each : columns_) {
        const auto& cell = each.cells[number];
        const bool quiet = cell == "0" || cell == nothing;
        text += " " + paint(term_, quiet ? style::dim : each.what->how,
                            pad(cell, each.width, align::right));
    }
    return text;
}

std::vector<std::string> layout::render() const {
    std::vector<std::string> lines{groups(), titles()};
    for (std::size_t i = 0; i < names_.size(); ++i) lines.push_back(row(i));
    return lines;
}

std::string summary_of(const top_interval& seen, const terminal& term) {
    const auto& all = seen.all;
    const std::string dot = fmt::format(" {} ", glyphs_of(term).dot);
    const auto queues = seen.queues.size();
    return fmt::format("{} queue{}", format_count(queues), queues == 1 ? "" : "s") + dot +
           short_rate(seen.rate(all.in)) + "/s in" + dot + short_rate(seen.rate(all.started)) +
           "/s started" + dot + short_rate(seen.rate(all.finished)) + "/s done" + dot +
           short_rate(seen.rate(all.failed)) + "/s failed" + dot + short_count(all.active) +
           " active";
}

std::string title_of(const top_scene& scene, const terminal& term) {
    constexpr std::array<std::string_view, 4> orders{"waiting", "rate", "backlog", "name"};
    const std::string dot = fmt::format(" {} ", glyphs_of(term).dot);
    return "sluice top" + dot + printable(scene.url) + dot + "every " +
           format_duration(scene.settings.interval) + dot + "by " +
           std::string{orders[static_cast<std::size_t>(scene.settings.order)]};
}

}  // namespace

std::string format_age(std::chrono::nanoseconds age) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
    if (seconds < 10) return fmt::format("{:.1f}s", std::chrono::duration<double>(age).count());
    if (seconds < 60) return fmt::format("{}s", seconds);
    if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
    if (seconds < 86400) return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
    return fmt::format("{}d{:02}h", seconds / 86400, seconds / 3600 % 24);
}

std::vector<std::string> render_top_table(const top_interval& seen, const terminal& term,
                                          std::size_t rows_max) {
    const auto rows = std::min(rows_max, seen.queues.size());
    auto lines = layout{seen, term, rows}.render();
    if (rows < seen.queues.size()) {
        const auto more = fmt::format("{} {} more", glyphs_of(term).ellipsis,
                                      format_count(seen.queues.size() - rows));
        lines.push_back(paint(term, style::dim, more));
    }
    return lines;
}

std::vector<std::string> render_top_screen(const top_scene& scene, const top_interval& seen,
                                           const terminal& term, std::size_t height) {
    const auto mark = glyphs_of(term).ellipsis;
    const auto fitted = [&](std::string_view text) { return clip(text, term.width, mark); };
    std::vector<std::string> lines;
    lines.push_back(paint(term, style::bold, fitted(title_of(scene, term))));
    lines.push_back(fitted(summary_of(seen, term)));
    const bool away = !scene.away.empty();
    lines.push_back(paint(term, away ? style::red : style::yellow,
                          fitted(printable(away ? "waiting: " + scene.away : scene.note))));
    if (seen.queues.empty()) {
        lines.push_back(scene.settings.queues.empty() ? "There are no queues yet."
                                                      : "There is no such queue yet.");
    } else {
        // Titles, the sum, and what says that there are more.
        const std::size_t used = lines.size() + 2 + (seen.queues.size() > 1 ? 1 : 0);
        const bool all_fit = used + seen.queues.size() <= height;
        const std::size_t room = height > used + 1 ? height - used - 1 : 1;
        const auto table = render_top_table(seen, term, all_fit ? seen.queues.size() : room);
        lines.insert(lines.end(), table.begin(), table.end());
    }
    if (lines.size() > height) lines.resize(height);
    return lines;
}

}  // namespace sluice::cli
