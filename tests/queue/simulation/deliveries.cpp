#include "proto/webhook.hpp"
#include "tests/queue/simulation/world.hpp"

#include <map>
#include <utility>

/// Subscriptions to events, whose deliveries are jobs looked at apart, and pools.
namespace sluice::test {
namespace {

std::string member(const std::string& json, const std::string& name) {
    const auto key = '"' + name + "\":\"";
    const auto at = json.find(key);
    if (at == std::string::npos) return {};
    const auto from = at + key.size();
    return json.substr(from, json.find('"', from) - from);
}

}  // namespace

bool world::is_delivery(const job_spec& spec) {
    return spec.type == webhook_job_type;
}

/// From the start on, so that every job there will be is told of.
void world::subscribe() {
    webhook_subscription wanted;
    wanted.url = "https://example.com/";
    wanted.events = {"job.enqueued", "job.completed", "job.cancelled"};
    wanted.secret = "0123456789abcdef";
    const auto added = engine_->add_webhook(std::move(wanted), clock_.now);
    if (!added) throw std::runtime_error(added.error().message);
    quiesce();
}

void world::delivery_step() {
    if (wrong_.write_deliveries_late) return;  // the store would notice at once
    fetch_request request;
    request.worker_id = "d" + std::to_string(below(2));
    request.queues = {std::string(webhook_queue)};
    request.count = 1 + below(3);
    if (one_in(3)) request.wait = up_to(100);
    fetch(std::move(request));
}

void world::pool_step() {
    fair_pool pool;
    pool.strategy = any(std::vector{pool_strategy::strict, pool_strategy::round_robin,
                                    pool_strategy::weighted, pool_strategy::least_loaded});
    pool.queues = {{"a", static_cast<std::int64_t>(1 + below(4))}, {"b", 1}};
    const auto changed = engine_->set_pool("p", std::move(pool));
    if (!changed) throw std::runtime_error(changed.error().message);
}

/// What a store does that is faulty on purpose.
void world::delay_deliveries(journal_batch& batch) {
    auto late = std::exchange(late_deliveries_, {});
    std::erase_if(batch.jobs, [this](const job_write& write) {
        const bool fresh = write.from == job_place::nowhere && is_delivery(*write.record.spec);
        if (fresh) late_deliveries_.push_back(write);
        return fresh;
    });
    batch.jobs.insert(batch.jobs.begin(), late.begin(), late.end());
    batch.next_seq = 0;  // those that come late have numbers of before
}

/// At any moment the disk holds a job and the deliveries of what happened to it, or neither.
void world::look_at_deliveries() {
    const auto image = disk_->image();
    std::map<std::pair<std::string, std::string>, int> told;  // by job and event
    for (const auto* table : {&image.live, &image.history})
        for (const auto& [seq, row] : *table) {
            const auto& spec = *row.record->spec;
            if (is_delivery(spec)) ++told[{member(spec.args, "job_id"), member(spec.args, "type")}];
        }
    const auto expect = [&](const job_spec& spec, const std::string& event, bool happened,
                            bool often = false) {
        const auto count = told[{to_string(spec.id), event}];
        // An id that the producer chose may come again after its first job was removed.
        const bool many = often || spec.client_id;
        if (many ? count >= (happened ? 1 : 0) : count == (happened ? 1 : 0)) return;
        seen_.miscounts.push_back("C18 delivery: " + spec.args + " has " + std::to_string(count) +
                                  " of " + event);
    };
    for (const auto* table : {&image.live, &image.history})
        for (const auto& [seq, row] : *table) {
            const auto& record = *row.record;
            if (is_delivery(*record.spec)) continue;
            expect(*record.spec, "job.enqueued", true, true);
            expect(*record.spec, "job.completed", record.state == job_state::completed);
            expect(*record.spec, "job.cancelled", record.state == job_state::cancelled);
        }
}

}  // namespace sluice::test
