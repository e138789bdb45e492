#include "server/http/api/exposition.hpp"

#include <array>
#include <charconv>
#include <span>
#include <string>

namespace sluice::http {
namespace {

constexpr std::array<std::string_view, latency_phase_count> help_of{
    "From a job's arrival until it was durable.",
    "From when a job was due until a worker was given it.",
    "From when a worker was given a job until its answer, or the execution timeout.",
    "From a job's arrival until it was completed."};

/// Exact: a decimal of at most six places.
std::string seconds_of(std::chrono::microseconds time) {
    constexpr std::int64_t second = 1'000'000;
    std::string text = std::to_string(time.count() / second);
    auto rest = time.count() % second;
    if (rest == 0) return text;
    text += '.';
    for (auto place = second / 10; rest > 0; place /= 10) {
        text += static_cast<char>('0' + rest / place);
        rest %= place;
    }
    return text;
}

class decimal {
public:
    explicit decimal(std::uint64_t number)
        : end_(std::to_chars(text_.data(), text_.data() + text_.size(), number).ptr) {}
    operator std::string_view() const { return {text_.data(), end_}; }

private:
    std::array<char, 20> text_;
    const char* end_;
};

void add_histogram(exposition& out, std::string labels, const phase_counts& counts) {
    static const auto bounds = [] {
        std::array<std::string, latency_bounds.size()> made;
        for (std::size_t i = 0; i < made.size(); ++i)
            made[i] = ',' + label("le", seconds_of(latency_bounds[i]));
        return made;
    }();
    const auto own = labels.size();
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        labels += bounds[i];
        out.sample("_bucket", labels, decimal(counts.within[i]));
        labels.resize(own);
    }
    labels += R"(,le="+Inf")";
    out.sample("_bucket", labels, decimal(counts.count));
    labels.resize(own);
    out.sample("_sum", labels, seconds_of(counts.sum));
    out.sample("_count", labels, decimal(counts.count));
}

}  // namespace

void add_objectives(exposition& out, const std::vector<objective_status>& objectives) {
    if (objectives.empty()) return;
    out.metric("sluice_queue_slo_objective", "gauge",
               "Share of the jobs that are to start within the time.");
    for (const auto& each : objectives)
        out.sample(label("queue", each.queue), std::to_string(each.objective.objective));
    out.metric("sluice_queue_slo_within_seconds", "gauge", "The time they are to start within.");
    for (const auto& each : objectives)
        out.sample(label("queue", each.queue), seconds_of(each.objective.within));
    out.metric("sluice_queue_slo_burning", "gauge",
               "1 while the objective is missed so far that an event told of it.");
    for (const auto& each : objectives)
        out.sample(label("queue", each.queue), each.burning ? "1" : "0");
    const auto windows = [&](auto value) {
        for (const auto& each : objectives)
            for (std::size_t i = 0; i < objective_window_count; ++i) {
                const auto window = static_cast<objective_window>(i);
                out.sample(label("queue", each.queue) + ',' + label("window", to_string(window)),
                           std::to_string(value(each, window)));
            }
    };
    out.metric("sluice_queue_slo_compliance_ratio", "gauge",
               "Share of the jobs that started in time.");
    windows([](const objective_status& each, objective_window window) {
        return each.windows[static_cast<std::size_t>(window)].compliance();
    });
    out.metric("sluice_queue_slo_burn_rate", "gauge",
               "How many times faster than allowed the objective's allowance is used up.");
    windows([](const objective_status& each, objective_window window) {
        return each.burn_rate(window);
    });
}

void begin_latency(exposition& out, latency_phase phase) {
    static const auto names = [] {
        std::array<std::string, latency_phase_count> made;
        for (std::size_t i = 0; i < made.size(); ++i)
            made[i] =
                "sluice_job_" + std::string(to_string(static_cast<latency_phase>(i))) + "_seconds";
        return made;
    }();
    const auto i = static_cast<std::size_t>(phase);
    out.metric(names[i], "histogram", help_of[i]);
}

void add_latency(exposition& out, latency_phase phase, std::span<const latency_counts> counted) {
    for (const auto& pair : counted) {
        const auto& counts = pair.phases[static_cast<std::size_t>(phase)];
        if (counts.count == 0) continue;
        add_histogram(out, label("queue", pair.queue) + ',' + label("type", pair.type), counts);
    }
}

}  // namespace sluice::http
