#pragma once

#include "server/observe/latency.hpp"
#include "server/observe/objective.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::http {

/// Prometheus text exposition. A name's samples stand together under its HELP and TYPE.
class exposition {
public:
    void metric(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        text_.append("# HELP ").append(name).append(" ").append(help);
        text_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
    }
    void sample(std::string_view labels, std::string_view value) { sample({}, labels, value); }
    /// `suffix`: of a histogram, "_bucket", "_sum" or "_count".
    void sample(std::string_view suffix, std::string_view labels, std::string_view value) {
        text_.append(name_).append(suffix);
        if (!labels.empty()) text_.append("{").append(labels).append("}");
        text_.append(" ").append(value).append("\n");
    }
    void counter(std::string_view name, std::string_view help, std::uint64_t value) {
        metric(name, "counter", help);
        sample({}, std::to_string(value));
    }
    std::string take() { return std::move(text_); }

private:
    std::string text_;
    std::string_view name_;
};

/// `name="value"`. Names of queues, types and states need no escaping: their alphabets have neither
/// quote nor backslash.
inline std::string label(std::string_view name, std::string_view value) {
    std::string text(name);
    text.append("=\"").append(value).append("\"");
    return text;
}

/// `sluice_queue_slo_…`: how the queues with an objective keep it; nothing when there is none.
void add_objectives(exposition& out, const std::vector<objective_status>& objectives);

/// `sluice_job_enqueue_seconds` and so on: a histogram for each phase. What follows `begin_latency`
/// are the samples of some pairs, those of this phase without a sample left out.
void begin_latency(exposition& out, latency_phase phase);
void add_latency(exposition& out, latency_phase phase, std::span<const latency_counts> counted);

}  // namespace sluice::http
