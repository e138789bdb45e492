#include "server/queue/fair_level.hpp"

#include "server/rules/fairness.hpp"

#include <algorithm>

namespace sluice {
namespace {

/// Keys that are looked at in one go. Each start leaves at most one to be forgotten, so more than
/// one is enough, and nobody waits for many.
constexpr int forgotten_at_once = 2;

}  // namespace

void fair_level::begin(std::int64_t now, std::int64_t time) {
    now_ = now;
    shift_ = time - now;
    started_ = now - 1;
}

void fair_level::set_time(std::int64_t now) {
    if (now > plain_first_ && now <= plain_last_ + 1) now = plain_first_ - rules::fair_unit;
    now_ = std::max(now_, now);
    forget_some();
}

bool fair_level::start(std::int64_t ticket) {
    set_time(ticket + 1);
    if (ticket <= started_) return false;
    started_ = ticket;
    return true;
}

std::int64_t fair_level::finish_of(std::string_view key) const {
    const auto it = keys_.find(key);
    return it == keys_.end() ? INT64_MIN : it->second.finish;
}

fair_level::key_state& fair_level::get(std::string_view key) {
    const auto it = keys_.find(key);
    if (it != keys_.end()) return it->second;
    return keys_.emplace(std::string(key), key_state{}).first->second;
}

void fair_level::set_finish(std::string_view key, std::int64_t finish) {
    get(key).finish = finish;
}

void fair_level::enter(std::string_view key, std::size_t jobs) {
    get(key).waiting += jobs;
    waiting_ += jobs;
}

void fair_level::leave(std::string_view key, std::optional<std::int64_t> end) {
    const auto it = keys_.find(key);
    if (it == keys_.end() || it->second.waiting == 0) return;
    --waiting_;
    auto& known = it->second;
    if (end) known.started = std::max(known.started, *end);
    if (--known.waiting > 0) return;
    known.finish = known.started;
    if (!known.rests) let_rest(it);
    forget_some();
}

void fair_level::let_rest(key_map::iterator key) {
    key->second.rests = true;
    resting_.push_back({key->second.finish, key});
    std::push_heap(resting_.begin(), resting_.end());
}

/// What begins no earlier than any new one is no different from it. Of too many those go that come
/// next to it.
void fair_level::forget_some() {
    for (int i = 0; i < forgotten_at_once && !resting_.empty(); ++i) {
        const auto [until, key] = resting_.front();
        if (until > now_ && resting_.size() <= resting_max) return;
        std::pop_heap(resting_.begin(), resting_.end());
        resting_.pop_back();
        auto& known = key->second;
        known.rests = false;
        if (known.waiting > 0) continue;  // it rests anew when they have gone
        if (known.finish > std::max(until, now_))
            let_rest(key);
        else
            keys_.erase(key);
    }
}

std::size_t fair_level::free_some(std::size_t max) {
    resting_.clear();
    std::size_t freed = 0;
    for (; freed < max && !keys_.empty(); ++freed) keys_.erase(keys_.begin());
    return freed;
}

}  // namespace sluice
