#include "client/cli/run_report.hpp"

#include "client/cli/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace sluice::cli {
namespace {

constexpr std::size_t figure_columns = 9;
constexpr std::size_t name_columns = 9;
constexpr nanoseconds lag_worth_a_warning = std::chrono::milliseconds{1};

std::string wrap(const std::vector<std::string>& parts, std::string_view separator,
                 std::size_t width) {
    std::string out;
    std::size_t used = 0;
    for (const auto& part : parts) {
        const std::size_t needs = columns_of(part);
        if (used > 0 && used + columns_of(separator) + needs > width) {
            out += '\n';
            used = 0;
        } else if (used > 0) {
            out += separator;
            used += columns_of(separator);
        }
        out += part;
        used += needs;
    }
    return out + '\n';
}

std::string plural(std::uint64_t count, std::string_view noun) {
    return format_count(count) + " " + std::string{noun} + (count == 1 ? "" : "s");
}

std::string pace_of(const run_report& run) {
    const std::string jobs = run.wanted == 0 ? "jobs until interrupted" : plural(run.wanted, "job");
    if (run.rate) return jobs + " at " + format_rate(*run.rate) + "/s";
    if (run.interval) return jobs + ", one each " + format_span(*run.interval);
    return jobs;
}

std::array<nanoseconds, 7> figures_of(const histogram& values) {
    return {values.min(),          values.quantile(0.5),   values.quantile(0.9),
            values.quantile(0.99), values.quantile(0.999), values.max(),
            values.mean()};
}

std::string phase_row(std::string_view name, const histogram& values, std::string_view note) {
    std::string row = "  " + pad(name, name_columns - 2, align::left);
    for (const auto figure : figures_of(values)) {
        row += pad(format_latency(figure), figure_columns, align::right);
    }
    if (!note.empty()) row += "   " + std::string{note};
    return row + '\n';
}

struct phase {
    std::string name;
    const histogram& values;
    std::string note;
};

std::vector<phase> phases_of(const run_report& run, const terminal& term) {
    const std::string to = " " + std::string{glyphs_of(term).arrow} + " ";
    std::vector<phase> phases;
    if (!run.enqueue.empty()) {
        phases.push_back({"enqueue", run.enqueue, "request" + to + "durable"});
    }
    if (!run.waiting.empty())
        phases.push_back({"waiting", run.waiting, "created" + to + "started"});
    if (!run.running.empty()) {
        phases.push_back({"running", run.running, "started" + to + "finished"});
    }
    if (!run.total.empty()) phases.push_back({"total", run.total, "created" + to + "finished"});
    if (!run.overall.empty())
        phases.push_back({"overall", run.overall, "intended" + to + "finished"});
    return phases;
}

std::string title_of(const run_report& run, const terminal& term) {
    std::string facts;
    if (run.followed) {
        facts = fmt::format("{}, {} failed, {} retried", plural(run.finished(), "job"),
                            format_count(run.discarded), format_count(run.retried));
        if (run.cancelled > 0) facts += ", " + format_count(run.cancelled) + " cancelled";
    } else {
        facts = plural(run.created, "job") + " created";
    }
    facts +=
        fmt::format(", {}, {}/s", format_latency(run.elapsed), format_rate(run.rate_reached()));
    const std::string name = run.in_process ? "Synchronous, in process"
                             : run.followed ? "Creation to processing"
                                            : "Creation";
    const std::size_t taken = columns_of(name) + columns_of(facts);
    const std::size_t width = std::min<std::size_t>(term.width, name_columns + 7 * figure_columns);
    const std::size_t blank = width > taken + 2 ? width - taken : 2;
    return paint(term, style::bold, name) + std::string(blank, ' ') + facts + '\n';
}

// "31-62 us", "0.5-1 ms", "1-2 s": both ends in the unit of the upper one.
std::string bounds(double low_ms, double high_ms, const terminal& term) {
    double factor = 1;
    std::string_view unit = "ms";
    if (high_ms < 0.75) {
        factor = 1e3;
        unit = glyphs_of(term).micro;
    } else if (high_ms > 1000) {
        factor = 1.0 / 1024;
        unit = "s";
    }
    const auto digits = [&](double ms) {
        const double value = ms * factor;
        return value == 0.5 ? "0.5" : fmt::format("{}", std::lround(value - 0.01));
    };
    const std::string ends = low_ms == 0
                                 ? "below " + digits(high_ms)
                                 : digits(low_ms) + (term.utf8 ? "–" : "-") + digits(high_ms);
    return ends + " " + pad(unit, 2, align::left);
}

struct histogram_row {
    double low_ms;
    double high_ms;
    std::uint64_t count;
    std::uint64_t up_to;
};

std::vector<histogram_row> rows_of(const histogram& values) {
    std::vector<histogram_row> rows;
    std::uint64_t before = 0;
    for (int power = -10; before < values.count(); ++power) {
        const double high = std::ldexp(1.0, power);
        const auto limit = nanoseconds{std::llround(high * 1e6)};
        const std::uint64_t up_to = power >= 40 ? values.count() : values.count_below(limit);
        const bool first = power == -10;
        if (up_to > before || before > 0) {
            rows.push_back({first ? 0 : high / 2, high, up_to - before, up_to});
        }
        before = up_to;
    }
    return rows;
}

}  // namespace

double run_report::rate_reached() const {
    const double seconds = std::chrono::duration<double>(elapsed).count();
    if (seconds <= 0) return 0;
    return static_cast<double>(followed ? finished() : created) / seconds;
}

std::string render_header(const run_report& run, const terminal& term) {
    std::vector<std::string> parts;
    parts.push_back(run.in_process ? "No queue, in this process" : "Queue " + run.queue);
    parts.push_back("type " + run.type);
    parts.push_back(pace_of(run));
    if (run.pause) parts.push_back("pause " + format_span(*run.pause));
    if (!run.in_process) {
        if (run.producers > 0) parts.push_back(plural(run.producers, "producer"));
        parts.push_back(fmt::format("args {} B", run.args_bytes));
        std::string server = run.url;
        if (!run.store.empty()) server += " (" + run.store + ")";
        parts.push_back(server);
    }
    for (auto& part : parts) part = printable(part);
    return wrap(parts, " " + std::string{glyphs_of(term).dot} + " ", term.width);
}

std::string render_report(const run_report& run, const terminal& term) {
    std::string out = "\n" + title_of(run, term);
    const auto phases = phases_of(run, term);
    if (phases.empty()) return out;

    constexpr std::size_t figures_end = name_columns + 7 * figure_columns;
    const bool notes_fit = term.width >= figures_end + 24;
    std::string titles(name_columns, ' ');
    for (const auto* title : {"min", "p50", "p90", "p99", "p99.9", "max", "mean"}) {
        titles += pad(title, figure_columns, align::right);
    }
    out += "\n" + paint(term, style::dim, titles) + "\n";
    for (const auto& p : phases) out += phase_row(p.name, p.values, notes_fit ? p.note : "");
    if (!notes_fit) {
        std::vector<std::string> notes;
        for (const auto& p : phases) notes.push_back(p.name + ": " + p.note);
        notes.front().insert(0, "  ");
        std::string text = wrap(notes, ", ", term.width - 2);
        for (auto at = text.find('\n'); at + 1 < text.size(); at = text.find('\n', at + 3)) {
            text.insert(at + 1, "  ");
        }
        text.pop_back();
        out += paint(term, style::dim, text) + "\n";
    }
    if (run.time_scale != 1) {
        out += fmt::format(
            "  Intervals and pauses were cut to {}; the times above are scaled back by {}.\n",
            format_rate(run.time_scale), format_rate(1 / run.time_scale));
    }
    return out + render_histogram(run.waiting, term);
}

std::string render_plain_report(const run_report& run) {
    std::string out;
    for (const auto& p : phases_of(run, terminal{})) {
        out += p.name + "\t" + std::to_string(p.values.count());
        for (const auto figure : figures_of(p.values)) {
            out += fmt::format("\t{:.1f}", static_cast<double>(figure.count()) / 1e3);
        }
        out += "\n";
    }
    return out;
}

std::string render_histogram(const histogram& values, const terminal& term) {
    if (values.count() < 2) return {};
    const auto rows = rows_of(values);
    std::uint64_t most = 1;
    for (const auto& row : rows) most = std::max(most, row.count);
    constexpr std::size_t label_columns = 14;
    const std::size_t count_columns = std::max<std::size_t>(columns_of(format_count(most)), 5);
    const std::size_t taken = label_columns + 2 + count_columns + 2 + 8;
    const std::size_t bar_columns = std::min<std::size_t>(term.width - taken - 1, 60);

    std::string heading = "  waiting, log scale";
    const std::size_t end = taken + bar_columns;
    heading += pad("cumulative", end - columns_of(heading), align::right);
    std::string out = "\n" + paint(term, style::dim, heading) + "\n";
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto& row = rows[i];
        const auto full = std::find_if(rows.begin() + static_cast<std::ptrdiff_t>(i), rows.end(),
                                       [](const auto& each) { return each.count > 0; });
        if (full - rows.begin() > static_cast<std::ptrdiff_t>(i) + 2) {
            out += pad(glyphs_of(term).ellipsis, label_columns, align::right) + "\n";
            i = static_cast<std::size_t>(full - rows.begin()) - 1;
            continue;
        }
        const double share = static_cast<double>(row.count) / static_cast<double>(most);
        const double up_to =
            100.0 * static_cast<double>(row.up_to) / static_cast<double>(values.count());
        const std::string bar = pad(draw_bar(term, share, bar_columns), bar_columns, align::left);
        out += pad(bounds(row.low_ms, row.high_ms, term), label_columns, align::right) + "  " +
               pad(format_count(row.count), count_columns, align::right) + " " +
               std::string{glyphs_of(term).rule} + paint(term, style::cyan, bar) + " " +
               fmt::format("{:>6.1f}%\n", up_to);
    }
    return out;
}

std::string render_warnings(const run_report& run, const terminal& term) {
    std::string out;
    const auto warn = [&](const std::string& text) {
        out += paint(term, style::yellow, "warning: ") + text + "\n";
    };
    if (run.lag.quantile(0.99) > lag_worth_a_warning) {
        warn(
            fmt::format("jobs left late (p99 {}, max {}), which `enqueue` includes: this\n"
                        "  machine or the number of producers is too small for the rate.",
                        format_latency(run.lag.quantile(0.99)), format_latency(run.lag.max())));
    }
    if (run.unknown > 0) {
        warn("no answer to the push of " + plural(run.unknown, "job") +
             "; whether the server stored them is unknown");
    }
    if (run.refusals > 0) {
        warn(fmt::format("the server said \"not now\" {}; the jobs were pushed again",
                         run.refusals == 1 ? "once" : format_count(run.refusals) + " times"));
    }
    return out;
}

}  // namespace sluice::cli
