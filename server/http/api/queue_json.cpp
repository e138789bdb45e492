#include "server/http/api/queue_json.hpp"

#include "proto/limits.hpp"
#include "proto/plain_name.hpp"
#include "server/queue/event_json.hpp"

#include <algorithm>

namespace sluice::http {

bool is_queue_name(std::string_view name) {
    return name.size() <= limits::queue_bytes_max && is_plain_name(name);
}

error malformed_queue_name() {
    return {errc::invalid_request,
            "A queue's name is made of a-z, 0-9, '-' and '.' and begins with a letter or digit.",
            R"("field":"queue")"};
}

std::uint64_t depth(const queue_stats& queue) {
    std::uint64_t waiting = 0;
    for (std::size_t i = 0; i < job_state_count; ++i) {
        const auto state = static_cast<job_state>(i);
        if (!is_terminal(state)) waiting += queue.jobs[i];
    }
    return waiting;
}

std::string_view status_of(const queue_stats& queue) {
    return queue.paused ? "paused" : "active";
}

void append_counts(json_writer& out, const queue_stats& queue) {
    for (std::size_t i = 0; i < job_state_count; ++i) {
        out.key(to_string(static_cast<job_state>(i)))
            .integer(static_cast<std::int64_t>(queue.jobs[i]));
    }
}

void append_start_latency(json_writer& out, const objective_status& status) {
    out.key("start_latency").begin_object();
    out.key("objective").number(status.objective.objective);
    out.key("within").plain(format_within(status.objective));
    out.key("since").time(status.since).key("burning").boolean(status.burning);
    out.key("windows").begin_object();
    for (std::size_t i = 0; i < objective_window_count; ++i) {
        const auto window = static_cast<objective_window>(i);
        out.key(to_string(window));
        append_objective_window(out, status, window);
    }
    out.end_object().end_object();
}

void keep_visible(const request& r, std::vector<queue_stats>& queues) {
    std::erase_if(queues, [&](const auto& queue) { return !queue_allowed(r, queue.name); });
    std::sort(queues.begin(), queues.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
}

}  // namespace sluice::http
