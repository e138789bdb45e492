#include "client/cli/bench/bench_report.hpp"

#include "client/cli/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace sluice::cli::bench {
namespace {

std::string plural(std::uint64_t count, std::string_view noun) {
    return format_count(count) + " " + std::string{noun} + (count == 1 ? "" : "s");
}

std::string pace_of(const bench_options& options) {
    if (options.closed) return "closed loop";
    std::string pace;
    for (const double rate : options.rates) {
        if (!pace.empty()) pace += ", ";
        pace += format_rate(rate);
    }
    pace += "/s";
    if (options.find_max) pace = "from " + pace + " to the highest that meets its objectives";
    if (options.poisson) pace += ", Poisson";
    return pace;
}

std::string wrap(const std::vector<std::string>& parts, const terminal& term) {
    std::string text;
    for (const auto& part : parts) {
        if (!text.empty()) text += " " + std::string{glyphs_of(term).dot} + " ";
        text += printable(part);
    }
    return wrap_words(text, 0, term.width) + "\n";
}

std::string rate_of(const step_result& step) {
    return step.rate ? format_rate(*step.rate) : "closed";
}

std::string latency_or_none(const histogram& values, double share) {
    return values.empty() ? "-" : format_latency(values.quantile(share));
}

std::string verdict_of(const step_result& step) {
    if (step.objectives.empty()) return "-";
    return step.met() ? "ok" : "MISSED";
}

std::string render_steps(const bench_report& report, const terminal& term) {
    table steps({{"rate/s", align::right},
                 {"done/s", align::right},
                 {"enq p99", align::right},
                 {"wait p50", align::right},
                 {"wait p99", align::right},
                 {"all p99", align::right},
                 {"p99.9", align::right},
                 {"lag p99", align::right},
                 {"missing", align::right},
                 {"SLO", align::right}});
    for (const auto& step : report.steps) {
        const auto& run = step.run;
        steps.add({rate_of(step), format_rate(run.rate_reached()),
                   latency_or_none(run.enqueue, 0.99), latency_or_none(run.waiting, 0.5),
                   latency_or_none(run.waiting, 0.99), latency_or_none(run.overall, 0.99),
                   latency_or_none(run.overall, 0.999), latency_or_none(run.lag, 0.99),
                   format_count(step.missing(phase::overall)), verdict_of(step)});
    }
    return "\n" + steps.render(term) + "\n" +
           paint(term, style::dim,
                 wrap_words("enq: intended time of sending to durable. wait: created to started. "
                            "all: intended time of sending to finished. lag: how late jobs left. "
                            "missing: failed, unsent or not done in time.",
                            0, std::min<std::size_t>(term.width, 100))) +
           "\n";
}

std::string sentence_of(const objective_result& result, const terminal& term) {
    const std::string verdict =
        result.met ? paint(term, style::green, "ok    ") : paint(term, style::red, "MISSED");
    const std::string figure =
        result.measured ? format_latency(*result.measured) : "more jobs than that are missing";
    return fmt::format("  {}  {}  ({})\n", verdict, result.what.text, figure);
}

std::string names_of(const std::vector<objective>& objectives) {
    std::string text;
    for (const auto& each : objectives) text += (text.empty() ? "" : ", ") + each.text;
    return text;
}

std::string render_best(const bench_report& report, const terminal& term) {
    const std::string names = names_of(report.options.objectives);
    std::string text = report.best ? fmt::format("Highest rate that met {}: {}/s.", names,
                                                 format_rate(*report.best))
                                   : "No rate met " + names + ".";
    const bool ours = std::any_of(report.steps.begin(), report.steps.end(), [](const auto& each) {
        return !each.met() && each.generator_too_slow();
    });
    if (ours) {
        text += " This program was itself late where it was missed: the server may well do more.";
    }
    return wrap_words(text, 0, term.width) + "\n";
}

}  // namespace

std::string render_header(const bench_report& report, const terminal& term) {
    const auto& options = report.options;
    std::vector<std::string> parts{"Queue " + report.queue, "handler " + options.handler.text,
                                   pace_of(options)};
    parts.push_back(format_duration(options.duration) +
                    (options.rates.size() > 1 || options.find_max ? " each" : ""));
    if (options.batch > 1) parts.push_back(plural(options.batch, "job") + " a request");
    if (options.handler.kind == handler_kind::remote) {
        parts.push_back(plural(options.workers, "remote worker"));
    }
    parts.push_back((options.closed ? "" : "up to ") +
                    plural(connections_max(options), "connection"));
    parts.push_back(fmt::format("args {} B", args_of(options).size()));
    const std::string class_name =
        options.durability ? std::string{to_string(*options.durability)} : "default";
    parts.push_back("durability " + class_name);
    parts.push_back(report.url + (report.store.empty() ? "" : " (" + report.store + ")"));
    return wrap(parts, term);
}

std::string render_report(const bench_report& report, const terminal& term) {
    if (report.steps.empty()) return {};
    if (report.steps.size() > 1 || report.options.find_max) {
        std::string text = render_steps(report, term);
        if (!report.options.objectives.empty()) text += "\n" + render_best(report, term);
        return text;
    }
    const auto& step = report.steps.front();
    std::string text = cli::render_report(step.run, term);
    if (!step.objectives.empty()) text += "\n";
    for (const auto& each : step.objectives) text += sentence_of(each, term);
    if (!step.objectives.empty() && !step.rate_kept()) {
        text += fmt::format("  {}  the rate  ({:.0f} % of it was sent)\n",
                            paint(term, style::red, "MISSED"), 100 * step.sent_share);
    }
    return text;
}

std::string render_plain_report(const bench_report& report) {
    std::string out;
    const auto us = [](const histogram& values, double share) {
        return fmt::format("{:.1f}", static_cast<double>(values.quantile(share).count()) / 1e3);
    };
    for (const auto& step : report.steps) {
        const auto& run = step.run;
        out += fmt::format("{}\t{:.1f}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
                           step.rate.value_or(0), run.rate_reached(), us(run.enqueue, 0.99),
                           us(run.waiting, 0.5), us(run.waiting, 0.99), us(run.running, 0.99),
                           us(run.overall, 0.5), us(run.overall, 0.99), us(run.overall, 0.999),
                           us(run.lag, 0.99), step.errors, step.missing(phase::overall),
                           step.met() ? "ok" : "missed");
    }
    return out;
}

std::string render_warnings(const bench_report& report, const terminal& term) {
    std::string out;
    const auto warn = [&](const step_result& step, const std::string& text) {
        const std::string label = "warning: ";
        const std::string where = report.steps.size() > 1 ? rate_of(step) + "/s: " : "";
        out += paint(term, style::yellow, label) +
               wrap_words(where + text, label.size(), term.width) + "\n";
    };
    for (const auto& step : report.steps) {
        const auto& run = step.run;
        if (step.generator_too_slow()) {
            warn(step,
                 fmt::format("this program sent late (p99 {}, max {}): it, or its machine, is "
                             "too slow for the rate; try --batch. enqueue and overall "
                             "include it.",
                             format_latency(step.generator_lag.quantile(0.99)),
                             format_latency(step.generator_lag.max())));
        } else if (run.lag.quantile(0.99) > std::chrono::milliseconds{1}) {
            warn(step,
                 fmt::format("jobs left late (send lag p99 {}, max {}), because {} found all "
                             "{} waiting for an answer; enqueue includes it.",
                             format_latency(run.lag.quantile(0.99)), format_latency(run.lag.max()),
                             plural(step.blocked, "request"), plural(run.producers, "connection")));
        }
        if (step.errors > 0) {
            warn(step, plural(step.errors, "job") + " could not be created, or no answer said so");
        }
        if (step.unsent > 0) {
            warn(step, plural(step.unsent, "job") + " could not be sent in time at all");
        }
        if (step.unfinished() > 0) {
            warn(step, plural(step.unfinished(), "job") + " had not ended when the time was up; " +
                           "objectives count each as slower than any limit");
        }
        if (run.discarded + run.cancelled > 0) {
            warn(step, plural(run.discarded + run.cancelled, "job") + " failed");
        }
        if (run.refusals > 0) {
            warn(step,
                 fmt::format("the server said \"not now\" {}; those were sent again",
                             run.refusals == 1 ? "once" : format_count(run.refusals) + " times"));
        }
    }
    if (report.options.closed) {
        out += paint(term, style::yellow, "note: ") +
               wrap_words(
                   "a closed loop sends nothing while the server stalls, so its percentiles "
                   "hide stalls; measure latency with --rate.",
                   6, term.width) +
               "\n";
    }
    return out;
}

}  // namespace sluice::cli::bench
