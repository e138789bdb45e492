#include "client/cli/bench/objective.hpp"

#include "client/cli/bench/step_result.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace sluice::cli::bench {
namespace {

constexpr std::array<std::string_view, 5> names{"enqueue", "waiting", "running", "total",
                                                "overall"};

std::optional<phase> parse_phase(std::string_view text) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == text) return static_cast<phase>(i);
    }
    return std::nullopt;
}

/// "p99", "p99.9" or "max", as a share.
std::optional<double> parse_share(std::string_view text) {
    if (text == "max") return 1;
    if (!text.starts_with('p')) return std::nullopt;
    text.remove_prefix(1);
    double percent = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, bad] = std::from_chars(text.data(), end, percent, std::chars_format::fixed);
    if (bad != std::errc{} || rest != end || !(percent > 0) || !(percent < 100)) {
        return std::nullopt;
    }
    return percent / 100;
}

}  // namespace

std::string_view name_of(phase which) {
    return names.at(static_cast<std::size_t>(which));
}

const histogram& values_of(const run_report& run, phase which) {
    switch (which) {
        case phase::enqueue:
            return run.enqueue;
        case phase::waiting:
            return run.waiting;
        case phase::running:
            return run.running;
        case phase::total:
            return run.total;
        case phase::overall:
            break;
    }
    return run.overall;
}

std::optional<objective> parse_objective(std::string_view text) {
    objective what;
    for (const char c : text) {
        if (c != ' ') what.text += c;
    }
    const std::string_view typed = what.text;
    const auto sign = typed.find('<');
    if (sign == std::string_view::npos) return std::nullopt;
    std::string_view figure = typed.substr(0, sign);
    if (const auto dot = figure.find('.'); dot != std::string_view::npos) {
        if (const auto which = parse_phase(figure.substr(0, dot))) {
            what.of = *which;
            figure.remove_prefix(dot + 1);
        }
    }
    const auto share = parse_share(figure);
    const auto limit = parse_duration(typed.substr(sign + 1));
    if (!share || !limit || limit->count() == 0) return std::nullopt;
    what.share = *share;
    what.limit = *limit;
    return what;
}

objective_result evaluate(const objective& what, const histogram& values, std::uint64_t missing) {
    objective_result result{what, std::nullopt, false};
    const auto all = static_cast<double>(values.count() + missing);
    // A little less, or 99.9 % of 1,000 would be 999.0000000000001 jobs.
    const double rank = std::max(std::ceil(what.share * all - 1e-9 * all), 1.0);
    const auto known = static_cast<double>(values.count());
    if (rank > known) return result;
    result.measured = values.quantile((rank - 0.5) / known);
    result.met = *result.measured < what.limit;
    return result;
}

void judge(step_result& step, const std::vector<objective>& objectives) {
    step.objectives.clear();
    for (const auto& each : objectives) {
        step.objectives.push_back(
            evaluate(each, values_of(step.run, each.of), step.missing(each.of)));
    }
}

}  // namespace sluice::cli::bench
