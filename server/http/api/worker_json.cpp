#include "server/http/api/worker_json.hpp"

#include <algorithm>

namespace sluice::http {

void keep_visible(const request& r, std::vector<worker_info>& workers) {
    if (r.queue_patterns.empty()) return;
    for (auto& worker : workers) {
        std::erase_if(worker.jobs,
                      [&](const auto& spec) { return !queue_allowed(r, spec->queue); });
        worker.active = worker.jobs.size();
    }
    std::erase_if(workers, [](const auto& worker) { return worker.jobs.empty(); });
}

void append_worker(json_writer& out, const worker_info& worker) {
    out.key("id").string(worker.id);
    out.key("state").plain(to_string(worker.state));
    out.key("directive").plain(to_string(worker.directive));
    out.key("active_jobs").integer(static_cast<std::int64_t>(worker.active));
    out.key("sends_heartbeats").boolean(worker.beats);
    if (worker.heard_at) out.key("last_heartbeat_at").time(*worker.heard_at);
    out.key("in_server").boolean(worker.id == in_server_worker_id);
}

void append_worker_jobs(json_writer& out, const worker_info& worker) {
    out.key("jobs").begin_array();
    for (const auto& spec : worker.jobs) {
        out.begin_object().key("id").id(spec->id);
        out.key("type").string(spec->type).key("queue").string(spec->queue).end_object();
    }
    out.end_array();
}

}  // namespace sluice::http
