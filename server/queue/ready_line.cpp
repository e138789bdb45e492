#include "server/queue/ready_line.hpp"

#include <algorithm>
#include <cassert>

namespace sluice {

bool ready_line::level::stray_first() const {
    if (strays.empty()) return false;
    return runs.empty() || strays.begin()->first < runs.front().ticket;
}

ready_entry ready_line::level::front(int priority) const {
    if (stray_first()) return {priority, strays.begin()->first, strays.begin()->second};
    return {priority, runs.front().ticket, runs.front().seq};
}

void ready_line::level::append(std::int64_t ticket, std::int64_t seq) {
    if (!runs.empty()) {
        auto& last = runs.back();
        if (ticket == last.ticket + last.count && seq == last.seq + last.count) {
            ++last.count;
            return;
        }
    }
    runs.push_back({ticket, seq, 1});
}

bool ready_line::add(const ready_entry& entry) {
    auto& at = levels_[entry.priority];
    const bool in_order =
        at.runs.empty() || entry.ticket >= at.runs.back().ticket + at.runs.back().count;
    // With no runs left a stray with a larger ticket may still wait; runs and strays are merged
    // when taken.
    if (in_order) {
        at.append(entry.ticket, entry.seq);
    } else if (!at.strays.emplace(entry.ticket, entry.seq).second) {
        return false;
    }
    ++size_;
    return true;
}

void ready_line::restore(const ready_entry& entry) {
    auto& at = levels_[entry.priority];
    if (entry.ticket == entry.seq) {
        at.append(entry.ticket, entry.seq);
    } else {
        at.strays.emplace(entry.ticket, entry.seq);
    }
    ++size_;
}

std::optional<ready_entry> ready_line::front() const {
    if (levels_.empty()) return std::nullopt;
    const auto& [priority, at] = *levels_.begin();
    return at.front(priority);
}

std::optional<ready_entry> ready_line::oldest() const {
    std::optional<ready_entry> found;
    for (const auto& [priority, at] : levels_) {
        const auto first = at.front(priority);
        if (!found || first.ticket < found->ticket) found = first;
    }
    return found;
}

void ready_line::pop(int priority) {
    const auto found = levels_.find(priority);
    assert(found != levels_.end());
    auto& at = found->second;
    if (at.stray_first()) {
        at.strays.erase(at.strays.begin());
    } else {
        auto& first = at.runs.front();
        ++first.ticket;
        ++first.seq;
        if (--first.count == 0) at.runs.pop_front();
    }
    if (at.empty()) levels_.erase(found);
    --size_;
}

std::vector<ready_entry> ready_line::peek(std::size_t max) const {
    std::vector<ready_entry> entries;
    for (const auto& [priority, at] : levels_) {
        auto stray = at.strays.begin();
        auto next = at.runs.begin();
        std::int64_t offset = 0;
        while (entries.size() < max && (stray != at.strays.end() || next != at.runs.end())) {
            const bool take_stray = next == at.runs.end() || (stray != at.strays.end() &&
                                                              stray->first < next->ticket + offset);
            if (take_stray) {
                entries.push_back({priority, stray->first, stray->second});
                ++stray;
                continue;
            }
            entries.push_back({priority, next->ticket + offset, next->seq + offset});
            if (++offset == next->count) {
                ++next;
                offset = 0;
            }
        }
        if (entries.size() == max) break;
    }
    return entries;
}

std::size_t ready_line::ahead_of(int priority, std::int64_t ticket, std::size_t& looks) const {
    std::int64_t ahead = 0;
    for (const auto& [priority_here, at] : levels_) {
        if (priority_here < priority) break;
        const auto before = priority_here == priority ? ticket : INT64_MAX;
        for (const auto& each : at.runs) {
            if (each.ticket >= before || looks == 0) break;
            --looks;
            ahead += std::min(each.count, before - each.ticket);
        }
        for (const auto& [own, seq] : at.strays) {
            if (own >= before || looks == 0) break;
            --looks;
            ++ahead;
        }
    }
    return static_cast<std::size_t>(ahead);
}

}  // namespace sluice
