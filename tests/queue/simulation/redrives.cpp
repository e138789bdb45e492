#include "tests/queue/simulation/world.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

/// Redrives, over jobs that nothing but a redrive revives; they are looked at apart.
namespace sluice::test {
namespace {

const std::string redriven_type = "redriven";
const std::string redriven_queue = "redriven";

using redrives_by_id = std::map<std::string, redrive_record>;

redrives_by_id redrives_of(const disk_image& image) {
    redrives_by_id all;
    for (const auto& [key, value] : image.settings)
        if (key.first == setting_kind::redrive)
            all.emplace(key.second, decode_stored_redrive(key.second, value));
    return all;
}

bool goes_on_from(const redrive_record& before, const redrive_record& now) {
    return now.sent >= before.sent && now.skipped >= before.skipped && now.state >= before.state &&
           (!before.cursor || now.cursor <= before.cursor);
}

}  // namespace

bool world::is_redriven(const job_spec& spec) {
    return spec.type == redriven_type;
}

void world::redrive_step() {
    const auto dice = below(10);
    if (dice < 1) return push_redriven();
    if (dice < 8) return work_on_redriven();
    if (dice < 9 || redrives_begun_.empty()) return begin_redrive();
    const auto id = any(redrives_begun_);
    const auto cancelled = engine_->cancel_redrive(id, clock_.now);
    if (cancelled && cancelled->redrive.state != redrive_state::cancelled)
        wrong_redrive("goes on although it was cancelled");
}

void world::push_redriven() {
    push_request request;
    for (auto count = 1 + below(6); count > 0; --count) {
        auto spec = make_spec(redriven_queue, redriven_type);
        spec.retry.max_attempts = one_in(3) ? 2 : 1;
        spec.retry.initial_interval = up_to(20);
        spec.retry.on_exhaustion = exhaustion::dead_letter;
        request.jobs.push_back(std::move(spec));
    }
    engine_->push(std::move(request), clock_.now);
}

/// What a worker was given is answered at the next opportunity; after a crash nobody answers.
void world::work_on_redriven() {
    if (!redriven_held_.empty()) {
        const auto held = redriven_held_.back();
        redriven_held_.pop_back();
        if (one_in(3)) return ack(held);
        return nack(held, {}, verb::fail);
    }
    fetch_request request;
    request.worker_id = "r" + std::to_string(below(2));
    request.queues = {redriven_queue};
    request.count = 1 + below(8);
    fetch(std::move(request));
}

void world::begin_redrive() {
    redrive_request asked;
    asked.filter.queue = redriven_queue;
    asked.rate = any(std::vector{20.0, 200.0, 2'000.0});
    asked.canary = below(4);
    if (one_in(4)) asked.max = 1 + below(5);
    const auto begun = engine_->begin_redrive(asked, clock_.now);
    if (!begun) {
        if (begun.error().code != errc::conflict) throw std::runtime_error(begun.error().message);
        return;
    }
    hold(engine_->gate(), [this, id = begun->redrive.id] { redrives_begun_.push_back(id); });
}

/// What a store does that is faulty on purpose.
void world::delay_redrives(journal_batch& batch) {
    auto late = std::exchange(late_redrives_, {});
    std::erase_if(batch.settings, [this](const setting_record& setting) {
        if (setting.kind != setting_kind::redrive) return false;
        late_redrives_.push_back(setting);
        return true;
    });
    batch.settings.insert(batch.settings.begin(), late.begin(), late.end());
}

void world::wrong_redrive(const std::string& what) {
    seen_.miscounts.push_back("C21 redrive: " + what);
}

/// Call with the batch that is about to be written. Each redrive goes on from where it was, and
/// what it says it has sent is what this batch takes out of the dead letters: each job once, for
/// it moves on past it.
void world::look_at_redrive_batch(const journal_batch& batch) {
    const auto before = redrives_of(disk_->image());
    std::uint64_t told = 0;
    std::vector<std::pair<std::int64_t, std::int64_t>> spans;  // from the new cursor to the old one
    for (const auto& setting : batch.settings) {
        if (setting.kind != setting_kind::redrive || setting.value.empty()) continue;
        const auto now = decode_stored_redrive(setting.name, setting.value);
        const auto known = before.find(setting.name);
        const auto was = known == before.end() ? redrive_record{} : known->second;
        if (!goes_on_from(was, now)) wrong_redrive("goes back");
        if (is_over(was.state) && !(now == was)) wrong_redrive("does something after its end");
        if (now.state == redrive_state::canary && now.sent > now.asked.canary)
            wrong_redrive("sends others before its canaries have ended");
        if (now.asked.max && now.sent > *now.asked.max) wrong_redrive("sends more than it may");
        told += now.sent - was.sent;
        if (now.sent > was.sent) spans.emplace_back(*now.cursor, was.cursor.value_or(INT64_MAX));
    }
    std::uint64_t sent = 0;
    for (const auto& write : batch.jobs) {
        const bool revived = write.from == job_place::history && write.to != job_place::nowhere;
        if (!revived || !is_redriven(*write.record.spec)) continue;
        ++sent;
        const auto seq = write.record.seq;
        if (std::ranges::none_of(
                spans, [&](const auto& span) { return seq >= span.first && seq < span.second; }))
            wrong_redrive("sends a job that it has passed");
    }
    if (sent != told)
        wrong_redrive("counts " + std::to_string(told) + " jobs, but sends " +
                      std::to_string(sent));
}

/// At any moment the disk says of each canary what has become of it.
void world::look_at_redrives() {
    const auto image = disk_->image();
    for (const auto& [id, redrive] : redrives_of(image))
        for (const auto& canary : redrive.canaries) {
            const bool lives = image.live.contains(canary.seq);
            if (redrive.state == redrive_state::canary && lives == canary.completed)
                wrong_redrive("does not know how its canary is");
            if (redrive.state == redrive_state::running && lives)
                wrong_redrive("goes on while its canary runs");
        }
}

/// Nobody holds them up any more.
void world::end_redrives() {
    look_at_redrives();
    for (const auto& [id, redrive] : redrives_of(disk_->image()))
        if (redrive.sent > 0) ++seen_.redrives[std::string(to_string(redrive.state))];
    if (engine_->draining()) return;
    for (const auto& view : engine_->redrives())
        if (!is_over(view.redrive.state))
            wrong_redrive("never ends: it waits for " + std::string(to_string(view.waits_for)));
}

}  // namespace sluice::test
