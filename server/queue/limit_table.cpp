#include "server/queue/limit_table.hpp"

#include <algorithm>

namespace sluice {

namespace {

/// Rates under one key; more than one is rare. Chosen, not tuned.
constexpr std::size_t rates_max = 16;

}  // namespace

rules::rate_state& rate_of(limit_state& state, const rate_rule& rate) {
    auto& rates = state.rates;
    const auto known = std::ranges::find(rates, rate, [](const auto& each) { return each.first; });
    if (known != rates.end()) return known->second;
    if (rates.size() == rates_max)
        rates.erase(
            std::ranges::min_element(rates, {}, [](const auto& each) { return each.second.next; }));
    return rates.emplace_back(rate, rules::rate_state{}).second;
}

rules::rate_state rate_of(const limit_state& state, const rate_rule& rate) {
    for (const auto& [known, used] : state.rates)
        if (known == rate) return used;
    return {};
}

limit_state& limit_table::get(std::string_view key) {
    if (auto* known = find(key)) {
        if (known->idle) idle_.erase({*known->idle, known->number});
        known->idle.reset();
        return *known;
    }
    auto state = std::make_unique<limit_state>();
    state->key = key;
    state->number = next_number_++;
    by_number_.emplace(state->number, state.get());
    return *states_.emplace(state->key, std::move(state)).first->second;
}

limit_state* limit_table::find(std::string_view key) {
    return const_cast<limit_state*>(std::as_const(*this).find(key));
}

const limit_state* limit_table::find(std::string_view key) const {
    const auto it = states_.find(key);
    return it == states_.end() ? nullptr : it->second.get();
}

limit_state* limit_table::find(std::int64_t number) {
    const auto it = by_number_.find(number);
    return it == by_number_.end() ? nullptr : it->second;
}

void limit_table::add_lane(limit_state& state, ready_lane& lane) {
    state.lanes.insert(&lane);
    name_queue(state, lane.queue->name);
}

void limit_table::name_queue(limit_state& state, const std::shared_ptr<const std::string>& name) {
    const bool named =
        std::ranges::any_of(state.queues, [&](const auto& each) { return *each == *name; });
    if (named) return;
    if (state.queues.size() < queues_max)
        state.queues.push_back(name);
    else
        state.more_queues = true;
}

void limit_table::remove_lane(limit_state& state, ready_lane& lane) {
    std::erase(state.closed, &lane);
    state.lanes.erase(&lane);
    settle(state);
}

void limit_table::settle(limit_state& state) {
    if (!state.lanes.empty() || state.given || state.idle) return;
    if (state.running > 0 || !state.blocked.empty()) return;
    auto rested = state.held_until;
    for (const auto& [rate, used] : state.rates)
        rested = std::max(rested, used.next.time_since_epoch());
    state.idle = rested;
    idle_.emplace(*state.idle, state.number);
}

void limit_table::forget_idle(std::size_t idle_max, std::chrono::microseconds now) {
    while (idle_.size() > idle_max) {
        const auto [rested, number] = *idle_.begin();
        if (rested > now && idle_.size() <= std::max(idle_max, resting_max)) break;
        idle_.erase(idle_.begin());
        auto* state = by_number_.find(number)->second;
        by_number_.erase(number);
        states_.erase(states_.find(state->key));
    }
}

void limit_table::clear() {
    states_.clear();
    by_number_.clear();
    idle_.clear();
}

}  // namespace sluice
