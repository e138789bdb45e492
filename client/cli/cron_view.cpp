#include "client/cli/cron_view.hpp"

#include "client/cli/job_view.hpp"
#include "client/cli/table.hpp"
#include "client/cli/text.hpp"

#include <chrono>

namespace sluice::cli {
namespace {

constexpr std::size_t name_columns = 12;
constexpr std::chrono::hours near_time{24 * 300};  // farther away, the year matters

std::string state_of(const client::cron_info& cron) {
    return cron.enabled ? "enabled" : "disabled";
}

std::string row(std::string_view name, const std::string& value) {
    return "  " + pad(name, name_columns, align::left) + value + "\n";
}

std::string short_time(const std::optional<timestamp>& at, timestamp now) {
    if (!at) return {};
    const std::string text = whole_seconds(*at);  // 2026-02-12 10:30:00Z
    if (text.substr(0, 10) == whole_seconds(now).substr(0, 10)) return text.substr(11);
    const bool near = *at < now ? now - *at < near_time : *at - now < near_time;
    return near ? text.substr(5, 11) + "Z" : text.substr(0, 10);
}

std::string exact_time(const std::optional<timestamp>& at) {
    return at ? format_timestamp(*at) : std::string{};
}

std::vector<std::string> cells_of(const client::cron_info& cron, std::string next,
                                  std::string last) {
    return {cron.name,       cron.expression, cron.timezone,
            std::move(next), std::move(last), std::to_string(cron.run_count),
            state_of(cron)};
}

std::string plain_line(const client::cron_info& cron) {
    std::string line;
    for (const auto& cell :
         cells_of(cron, exact_time(cron.next_run_at), exact_time(cron.last_run_at))) {
        line += (line.empty() ? "" : "\t") + printable(cell);
    }
    return line + "\n";
}

std::string preview_line(const client::cron_time& time, output_format format,
                         const terminal& term) {
    if (format == output_format::jsonl) return printable_json(one_line(time.text), term) + "\n";
    const std::string why = printable(time.skipped);
    if (format == output_format::plain) {
        return exact_time(time.at) + "\t" + (time.runs ? "runs" : "skipped") + "\t" + why + "\n";
    }
    std::string line = "  " + (time.at ? whole_seconds(*time.at) : std::string{});
    if (!time.runs) {
        line += "  " + paint(term, style::yellow, "skipped") + (why.empty() ? "" : "  " + why);
    } else if (!why.empty()) {
        line += "  " + paint(term, style::yellow, "an earlier time is skipped") + "  " + why;
    }
    return line + "\n";
}

}  // namespace

std::string render_crons(const client::cron_list& list, output_format format, const terminal& term,
                         timestamp now) {
    if (format == output_format::json) return printable_json(one_line(list.text), term) + "\n";
    if (format != output_format::table) {
        std::string out;
        for (const auto& cron : list.crons) out += render_cron_line(cron, format, term);
        return out;
    }
    table rows({{"name", align::left, true},
                {"expression", align::left, true},
                {"timezone", align::left, true},
                {"next"},
                {"last"},
                {"runs", align::right},
                {"state"}});
    for (const auto& cron : list.crons) {
        auto cells =
            cells_of(cron, short_time(cron.next_run_at, now), short_time(cron.last_run_at, now));
        cells[5] = format_count(cron.run_count);
        rows.add(std::move(cells));
    }
    return rows.render(term);
}

std::string render_cron(const client::cron_info& cron, const terminal& term) {
    const std::size_t room = term.width - name_columns - 2;
    const auto cut = [&](const std::string& text) {
        return clip(printable(text), room, glyphs_of(term).ellipsis);
    };
    const auto how = cron.enabled ? style::green : style::yellow;
    std::string out = paint(term, style::bold, "Cron job " + printable(cron.name)) + "  " +
                      paint(term, how, state_of(cron)) + "\n";
    if (!cron.description.empty()) out += row("about", cut(cron.description));
    out += row("expression", cut(cron.expression));
    out += row("timezone", cut(cron.timezone));
    out += row("overlap", cut(cron.overlap));
    out += row("catch up", cut(cron.catch_up));
    out += row("job", cut(cron.job));
    if (cron.created_at) out += row("created", whole_seconds(*cron.created_at));
    out += row("next", cron.next_run_at ? whole_seconds(*cron.next_run_at) : "never");
    if (cron.last_run_at) out += row("last", whole_seconds(*cron.last_run_at));
    out += row("runs", format_count(cron.run_count));
    if (!cron.last_job_id.empty()) out += row("last job", cut(cron.last_job_id));
    return out;
}

std::string render_cron_line(const client::cron_info& cron, output_format format,
                             const terminal& term) {
    if (format == output_format::plain) return plain_line(cron);
    return printable_json(one_line(cron.text), term) + "\n";
}

std::string render_preview(const client::cron_preview& preview, output_format format,
                           const terminal& term) {
    if (format == output_format::json) return printable_json(one_line(preview.text), term) + "\n";
    std::string out;
    if (format == output_format::table) {
        const std::string title = printable(preview.name) + "  " + printable(preview.expression) +
                                  "  " + printable(preview.timezone);
        const std::string_view utc = "  (times in UTC)";
        out = paint(term, style::bold,
                    clip(title, term.width - utc.size(), glyphs_of(term).ellipsis)) +
              std::string{utc} + "\n";
    }
    for (const auto& time : preview.times) out += preview_line(time, format, term);
    return out;
}

}  // namespace sluice::cli
