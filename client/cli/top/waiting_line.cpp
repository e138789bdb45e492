#include "client/cli/top/waiting_line.hpp"

#include <algorithm>

namespace sluice::cli {

// A listing and the events are not of the same moment: a job that the latest listing has counted
// may become known only now.
void waiting_line::enter(const std::string& job, timestamp due, clock::time_point came) {
    if (known_.size() >= known_max || !known_.emplace(job, due).second) return;
    due_.insert(due);
    const bool counted =
        came <= counted_at_ + tolerance && !others_.empty() && others_.back().since == counted_at_;
    if (!counted) return;
    --others_count_;
    if (--others_.back().count == 0) others_.pop_back();
}

void waiting_line::leave(const std::string& job, bool started) {
    if (const auto it = known_.find(job); it != known_.end()) {
        due_.erase(due_.find(it->second));
        known_.erase(it);
    } else if (started) {
        take_others(1);
    }
}

void waiting_line::count(std::uint64_t available, clock::time_point now) {
    counted_at_ = now;
    const std::uint64_t others = available - std::min<std::uint64_t>(available, known_.size());
    if (others < others_count_) take_others(others_count_ - others);
    const std::uint64_t fresh = others - others_count_;
    if (fresh == 0) return;
    others_count_ = others;
    if (others_.size() < generations_max) {
        others_.push_back({fresh, now});
    } else {
        others_.back().count += fresh;
        others_.back().since = now;
    }
}

void waiting_line::clear() {
    *this = waiting_line{};
}

// If it was not the oldest that left, the rest is said to have waited for less than it has.
void waiting_line::take_others(std::uint64_t count) {
    while (count > 0 && !others_.empty()) {
        auto& first = others_.front();
        const auto taken = std::min(count, first.count);
        first.count -= taken;
        others_count_ -= taken;
        count -= taken;
        if (first.count == 0) others_.pop_front();
    }
}

std::optional<waiting_line::age> waiting_line::oldest(clock::time_point now,
                                                      std::optional<timestamp> server_now) const {
    std::optional<age> found;
    if (!due_.empty() && server_now) {
        found = age{std::max<nanoseconds>(*server_now - *due_.begin(), nanoseconds{0}), false};
    }
    if (!others_.empty()) {
        const nanoseconds bound = now - others_.front().since;
        if (!found || bound > found->time) found = age{bound, true};
    }
    return found;
}

}  // namespace sluice::cli
