#include "server/queue/fair_level.hpp"

#include "server/rules/fairness.hpp"

#include <algorithm>

namespace sluice {
namespace {

/// Keys that are forgotten at one time. Each start leaves at most one to be forgotten, so more than
/// one is enough, and nobody waits for many.
constexpr int forgotten_at_once = 2;

}  // namespace

std::int64_t fair_level::time_of(const ready_lane& lane, bool empty) const {
    const auto it = times_.find(&lane);
    return it == times_.end() || empty ? latest_ : it->second;
}

void fair_level::set_time(const ready_lane& lane, std::int64_t now) {
    auto& time = times_.try_emplace(&lane, now).first->second;
    time = std::max(time, now);
    latest_ = std::max(latest_, now);
    forget_passed();
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

void fair_level::leave(std::string_view key, std::int64_t step) {
    const auto it = keys_.find(key);
    if (it == keys_.end() || it->second.waiting == 0) return;
    --waiting_;
    auto& known = it->second;
    if (--known.waiting > 0) return;
    known.finish = rules::fair_rest(latest_, known.finish, step);
    if (!known.rests) let_rest(it);
    forget_passed();
}

void fair_level::let_rest(key_map::iterator key) {
    key->second.rests = true;
    resting_.push_back({key->second.finish, key});
    std::push_heap(resting_.begin(), resting_.end());
}

/// What begins no earlier than any new one is no different from it.
void fair_level::forget_passed() {
    for (int i = 0; i < forgotten_at_once && !resting_.empty(); ++i) {
        if (resting_.front().until > latest_) return;
        const auto key = resting_.front().key;
        std::pop_heap(resting_.begin(), resting_.end());
        resting_.pop_back();
        auto& known = key->second;
        known.rests = false;
        if (known.waiting > 0) continue;  // it rests anew when they have gone
        if (known.finish > latest_)
            let_rest(key);
        else
            keys_.erase(key);
    }
}

bool fair_level::free_some(std::size_t max) {
    for (; max > 0 && !keys_.empty(); --max) {
        if (!resting_.empty()) resting_.pop_back();
        keys_.erase(keys_.begin());
    }
    return !keys_.empty();
}

}  // namespace sluice
