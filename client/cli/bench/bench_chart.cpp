#include "client/cli/bench/bench_report.hpp"
#include "client/cli/bench/chart.hpp"

#include <algorithm>

namespace sluice::cli::bench {
namespace {

void add_over_time(chart& to, const step_result& step) {
    to.x_title = "intended time of sending, after the start (s)";
    chart::line median{"p50", {}};
    chart::line tail{"p99", {}};
    chart::line worst{"max", {}};
    const double slice = std::chrono::duration<double>(step.slice).count();
    for (std::size_t i = 0; i < step.over_time.size(); ++i) {
        const auto& values = step.over_time[i];
        if (values.empty()) continue;
        const double x = (static_cast<double>(i) + 0.5) * slice;
        median.points.push_back({x, values.quantile(0.5)});
        tail.points.push_back({x, values.quantile(0.99)});
        worst.points.push_back({x, values.max()});
    }
    to.lines = {std::move(median), std::move(tail), std::move(worst)};
}

void add_by_rate(chart& to, std::vector<step_result> steps) {
    to.x_title = "rate offered (jobs/s)";
    std::sort(steps.begin(), steps.end(),
              [](const auto& a, const auto& b) { return a.rate < b.rate; });
    chart::line median{"p50", {}};
    chart::line tail{"p99", {}};
    chart::line far_tail{"p99.9", {}};
    for (const auto& step : steps) {
        const auto& values = step.run.overall;
        if (values.empty() || !step.rate) continue;
        median.points.push_back({*step.rate, values.quantile(0.5)});
        tail.points.push_back({*step.rate, values.quantile(0.99)});
        far_tail.points.push_back({*step.rate, values.quantile(0.999)});
    }
    to.lines = {std::move(median), std::move(tail), std::move(far_tail)};
}

}  // namespace

std::string draw_report(const bench_report& report) {
    chart picture;
    picture.y_title = "overall latency: intended to finished (log scale)";
    picture.title = "sluice bench, handler " + report.options.handler.text;
    if (report.steps.size() == 1) {
        const auto& step = report.steps.front();
        picture.title += step.rate ? ", " + format_rate(*step.rate) + " jobs/s" : ", closed loop";
        add_over_time(picture, step);
    } else {
        add_by_rate(picture, report.steps);
    }
    for (const auto& each : report.options.objectives) {
        if (each.of == phase::overall) picture.marks.push_back({each.text, each.limit});
    }
    return draw_svg(picture);
}

}  // namespace sluice::cli::bench
