#include "client/cli/demo/lesson_report.hpp"

#include "client/cli/table.hpp"

#include <fmt/format.h>

namespace sluice::cli {
namespace {

using json = nlohmann::ordered_json;

double seconds_of(nanoseconds value) {
    return static_cast<double>(value.count()) / 1e9;
}

json json_of(const set_job& job) {
    json object;
    object["name"] = job.name;
    if (!job.id.empty()) object["id"] = job.id;
    object["type"] = job.what.type;
    object["args"] = json::parse(job.what.args, nullptr, false);
    object["state"] = job.state();
    if (job.ended_at) object["ended_s"] = seconds_of(*job.ended_at);
    if (const auto running = job.job.times.running()) {
        object["running_s"] = seconds_of(*running);
    }
    if (job.good()) object["result"] = json::parse(job.job.result, nullptr, false);
    if (!job.good() && job.ended_at) {
        object["error"] = job.problem();
        if (const auto type = job.problem_type(); !type.empty()) object["error_type"] = type;
    }
    return object;
}

}  // namespace

json begin_document(std::string_view lesson) {
    json document;
    document["schema"] = demo_schema;
    document["lesson"] = lesson;
    return document;
}

void add_set(json& document, const set_outcome& set) {
    document["elapsed_s"] = seconds_of(set.elapsed);
    document["pauses_s"] = seconds_of(set.sum_of_pauses());
    document["interrupted"] = set.interrupted;
    json& jobs = document["jobs"] = json::array();
    json cancelled = json::array();
    for (std::size_t i = 0; i < set.jobs.size(); ++i) {
        jobs.push_back(json_of(set.jobs[i]));
        if (set.jobs[i].cancelled) cancelled.push_back(i);
    }
    document["order"] = set.order;
    document["cancelled"] = std::move(cancelled);
}

std::string text_of(const json& document) {
    return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string render_plain_set(const set_outcome& set) {
    table rows({{"#"}, {"id"}, {"state"}, {"ms"}, {"name"}, {"result"}});
    for (std::size_t i = 0; i < set.jobs.size(); ++i) {
        const auto& job = set.jobs[i];
        rows.add({std::to_string(i + 1), job.id, job.state(),
                  job.ended_at ? fmt::format("{:.3f}", seconds_of(*job.ended_at) * 1e3) : "",
                  job.name, job.good() ? job.result_text() : job.problem()});
    }
    return rows.render_plain();
}

std::string render_cancelled(const set_outcome& set, const terminal& term) {
    if (!set.interrupted) return {};
    std::string lines;
    std::size_t never = 0;
    for (std::size_t i = 0; i < set.jobs.size(); ++i) {
        const auto& job = set.jobs[i];
        if (job.id.empty() && !job.refused) ++never;
        if (!job.cancelled) continue;
        const std::string text =
            fmt::format("  cancelled #{:<4} {}  {}", i + 1, printable(job.name), printable(job.id));
        lines +=
            paint(term, style::yellow, clip(text, term.width, glyphs_of(term).ellipsis)) + "\n";
    }
    if (lines.empty()) lines = "  nothing was left to cancel\n";
    if (never > 0) lines += fmt::format("  {} were not submitted\n", never);
    return lines;
}

}  // namespace sluice::cli
