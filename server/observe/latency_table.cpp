#include "server/observe/latency_table.hpp"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

/// A pair without samples for so long is in no window but the whole.
constexpr std::chrono::hours rest{1};

/// When no pair made way, this long none will be looked for: each look visits all.
constexpr std::chrono::seconds pause{10};

bool has_samples(const counted_phases& phases) {
    return std::ranges::any_of(phases, [](const auto& phase) { return phase.count > 0; });
}

}  // namespace

void latency_table::record(handle& pair, std::string_view queue, std::string_view type,
                           latency_phase phase, std::chrono::microseconds value, timestamp now) {
    auto& known = pair.series_;
    if (!known || known->gone) known = find_or_add(queue, type, now);
    if (!known) {
        other_.record(phase, value, now);
        return;
    }
    if (known->samples.record(phase, value, now)) measure(*known);
}

std::shared_ptr<latency_table::series> latency_table::find_or_add(std::string_view queue,
                                                                  std::string_view type,
                                                                  timestamp now) {
    if (const auto at = pairs_.find(by_name::view(queue, type)); at != pairs_.end())
        return at->second;
    const auto full = [this] {
        return pairs_.size() >= bound_.pairs_max || bytes_ > bound_.bytes_max / 8 * 7;
    };
    if (full() && now >= look_again_ && !pairs_.empty()) {
        const auto at = oldest();
        if (at->second->samples.last_recorded() + rest <= now)
            drop(at);
        else
            look_again_ = now + pause;
    }
    if (full()) return nullptr;
    auto made = std::make_shared<series>();
    pairs_.emplace(pair_name(queue, type), made);
    return made;
}

void latency_table::measure(series& changed) {
    const auto now = changed.samples.bytes();
    bytes_ += now - std::exchange(changed.bytes, now);
    while (bytes_ > bound_.bytes_max && pairs_.size() > 1) drop(oldest());
}

latency_table::pairs::iterator latency_table::oldest() {
    return std::ranges::min_element(
        pairs_, {}, [](const auto& pair) { return pair.second->samples.last_recorded(); });
}

void latency_table::drop(pairs::iterator at) {
    auto& leaving = *at->second;
    other_.merge_all(leaving.samples);
    bytes_ -= leaving.bytes;
    leaving = {.samples = {}, .bytes = 0, .gone = true};
    pairs_.erase(at);
}

bool latency_table::knows(std::string_view queue) const {
    const auto at = pairs_.lower_bound(by_name::view(queue, {}));
    return at != pairs_.end() && at->first.first == queue;
}

queue_latency latency_table::view(const latency_query& query, timestamp now) const {
    queue_latency made;
    made.queue = query.queue;
    made.since = since_;
    made.complete = !has_samples(other_.counts());
    std::array<latency_series::phase_sums, latency_window_count> all;
    latency_series::phase_sums own;
    auto at = pairs_.lower_bound(by_name::view(query.queue, query.type.value_or("")));
    for (; at != pairs_.end() && at->first.first == query.queue; ++at) {
        if (query.type && at->first.second != *query.type) break;
        type_latency type{at->first.second, {}};
        for (std::size_t i = 0; i < latency_window_count; ++i) {
            const auto window = static_cast<latency_window>(i);
            if (query.window && *query.window != window) continue;
            type.windows[i] = at->second->samples.window(window, now, own);
            for (std::size_t phase = 0; phase < latency_phase_count; ++phase)
                all[i][phase].add(type.windows[i][phase]);
        }
        made.types.push_back(std::move(type));
    }
    for (std::size_t i = 0; i < latency_window_count; ++i)
        for (std::size_t phase = 0; phase < latency_phase_count; ++phase)
            made.windows[i][phase] = all[i][phase].take();
    return made;
}

std::vector<latency_counts> latency_table::counts() const {
    std::vector<latency_counts> made;
    made.reserve(pairs_.size() + 1);
    for (const auto& [name, each] : pairs_)
        made.push_back({name.first, name.second, each->samples.counts()});
    if (auto other = other_.counts(); has_samples(other))
        made.push_back({std::string(latency_other), std::string(latency_other), other});
    return made;
}

void latency_table::clear(timestamp since) {
    for (auto& [name, each] : pairs_) each->gone = true;
    pairs_.clear();
    other_ = {};
    bytes_ = 0;
    look_again_ = {};
    since_ = since;
}

}  // namespace sluice
