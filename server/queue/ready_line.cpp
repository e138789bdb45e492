#include "server/queue/ready_line.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace sluice {

bool ready_line::level::stray_first() const {
    if (strays.empty()) return false;
    return runs.empty() || strays.begin()->first < runs.front().ticket;
}

ready_entry ready_line::level::front(int priority) const {
    if (stray_first()) return {priority, strays.begin()->first, strays.begin()->second};
    return {priority, runs.front().ticket, runs.front().seq};
}

std::int64_t ready_line::run::before(std::int64_t other) const {
    if (other <= ticket) return 0;
    return other > last() ? count : (other - ticket - 1) / step + 1;
}

bool ready_line::level::in_order(std::int64_t ticket) const {
    return runs.empty() || ticket > runs.back().last();
}

void ready_line::level::append(std::int64_t ticket, std::int64_t seq) {
    if (!runs.empty()) {
        auto& last = runs.back();
        const auto step = last.count == 1 ? ticket - last.ticket : last.step;
        if (ticket == last.last() + step && seq == last.seq + last.count) {
            last.step = step;
            ++last.count;
            return;
        }
    }
    runs.push_back({ticket, seq, 1});
}

/// What is restored later on comes before it.
void ready_line::level::scatter_last_run() {
    const auto last = runs.back();
    runs.pop_back();
    for (std::int64_t i = 0; i < last.count; ++i)
        strays.emplace(last.ticket + i * last.step, last.seq + i);
}

template <class Visit>
void ready_line::level::walk(Visit visit) const {
    auto stray = strays.begin();
    for (const auto& each : runs) {
        for (std::int64_t i = 0; i < each.count; ++i) {
            const auto ticket = each.ticket + i * each.step;
            for (; stray != strays.end() && stray->first < ticket; ++stray)
                if (!visit(stray->first, stray->second)) return;
            if (!visit(ticket, each.seq + i)) return;
        }
    }
    for (; stray != strays.end(); ++stray)
        if (!visit(stray->first, stray->second)) return;
}

/// The run that has this ticket; null: none has.
const ready_line::run* ready_line::level::run_with(std::int64_t ticket) const {
    const auto after = std::ranges::upper_bound(runs, ticket, {}, &run::ticket);
    if (after == runs.begin()) return nullptr;
    const auto& found = *std::prev(after);
    const bool has = ticket <= found.last() && (ticket - found.ticket) % found.step == 0;
    return has ? &found : nullptr;
}

std::optional<std::int64_t> ready_line::level::holder(std::int64_t ticket) const {
    if (const auto* in = run_with(ticket)) return in->seq + (ticket - in->ticket) / in->step;
    const auto stray = strays.find(ticket);
    return stray == strays.end() ? std::nullopt : std::optional{stray->second};
}

bool ready_line::level::remove(std::int64_t ticket, std::int64_t seq) {
    const auto stray = strays.find(ticket);
    if (stray != strays.end() && stray->second == seq) {
        strays.erase(stray);
        return true;
    }
    auto in = std::ranges::upper_bound(runs, ticket, {}, &run::ticket);
    if (in == runs.begin() || holder(ticket) != seq) return false;
    --in;
    const auto at = seq - in->seq;
    const run behind{ticket + in->step, seq + 1, in->count - at - 1, in->step};
    in->count = at;
    in = at == 0 ? runs.erase(in) : std::next(in);
    if (behind.count > 0) runs.insert(in, behind);
    return true;
}

bool ready_line::add(const ready_entry& entry) {
    auto& at = levels_[entry.priority];
    // With no runs left a stray with a larger ticket may still wait; runs and strays are merged
    // when taken.
    if (at.in_order(entry.ticket)) {
        at.append(entry.ticket, entry.seq);
    } else {
        if (at.holder(entry.ticket) == entry.seq) return false;
        const auto [stray, fresh] = at.strays.emplace(entry.ticket, entry.seq);
        stray->second = entry.seq;
        if (!fresh) return false;
    }
    ++at.size;
    ++size_;
    return true;
}

bool ready_line::restore(const ready_entry& entry) {
    auto& at = levels_[entry.priority];
    if (at.holder(entry.ticket)) return false;
    // Most jobs have the ticket they came with. They are to make long runs: others, which may have
    // a higher one although they came before, give way.
    if (entry.ticket == entry.seq)
        while (!at.in_order(entry.ticket)) at.scatter_last_run();
    if (at.in_order(entry.ticket))
        at.append(entry.ticket, entry.seq);
    else
        at.strays.emplace(entry.ticket, entry.seq);
    ++at.size;
    ++size_;
    return true;
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
        first.ticket += first.step;
        ++first.seq;
        if (--first.count == 0) at.runs.pop_front();
    }
    if (--at.size == 0) levels_.erase(found);
    --size_;
}

bool ready_line::remove(const ready_entry& entry) {
    const auto found = levels_.find(entry.priority);
    if (found == levels_.end() || !found->second.remove(entry.ticket, entry.seq)) return false;
    if (--found->second.size == 0) levels_.erase(found);
    --size_;
    return true;
}

ready_line ready_line::split_off(int priority) {
    ready_line part;
    auto found = levels_.extract(priority);
    if (found.empty()) return part;
    part.size_ = found.mapped().size;
    size_ -= part.size_;
    part.levels_.insert(std::move(found));
    return part;
}

std::size_t ready_line::free_some(std::size_t max) {
    std::size_t freed = 0;
    while (freed < max && !levels_.empty()) {
        auto& [runs, strays, size] = levels_.begin()->second;
        for (; freed < max && !runs.empty(); ++freed) runs.pop_front();
        for (; freed < max && !strays.empty(); ++freed) strays.erase(strays.begin());
        if (runs.empty() && strays.empty()) levels_.erase(levels_.begin());
    }
    return freed;
}

std::vector<ready_entry> ready_line::peek(std::size_t max) const {
    std::vector<ready_entry> entries;
    entries.reserve(std::min(max, size_));
    for (const auto& each : levels_) {
        if (entries.size() >= max) break;
        each.second.walk([&](std::int64_t ticket, std::int64_t seq) {
            entries.push_back({each.first, ticket, seq});
            return entries.size() < max;
        });
    }
    return entries;
}

std::vector<ready_entry> ready_line::peek_before(std::int64_t before, std::size_t max,
                                                 std::size_t looks) const {
    std::vector<ready_entry> entries;
    for (const auto& each : levels_) {
        auto found = max;
        auto passed = looks;
        each.second.walk([&](std::int64_t ticket, std::int64_t seq) {
            if (seq >= before) return passed-- > 0;
            entries.push_back({each.first, ticket, seq});
            return --found > 0;
        });
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
            ahead += each.before(before);
        }
        for (const auto& [own, seq] : at.strays) {
            if (own >= before || looks == 0) break;
            --looks;
            ++ahead;
        }
    }
    return static_cast<std::size_t>(ahead);
}

std::optional<ready_line::extent> ready_line::extent_of(int priority) const {
    const auto found = levels_.find(priority);
    if (found == levels_.end()) return std::nullopt;
    const auto& at = found->second;
    extent all{at.front(priority).ticket, INT64_MIN, at.size};
    if (!at.runs.empty()) all.last = at.runs.back().last();
    if (!at.strays.empty()) all.last = std::max(all.last, at.strays.rbegin()->first);
    return all;
}

std::optional<std::int64_t> ready_line::holder(int priority, std::int64_t ticket) const {
    const auto found = levels_.find(priority);
    if (found == levels_.end()) return std::nullopt;
    return found->second.holder(ticket);
}

std::int64_t ready_line::next_free(int priority, std::int64_t ticket) const {
    const auto found = levels_.find(priority);
    if (found == levels_.end()) return ticket;
    const auto& at = found->second;
    while (true) {
        if (const auto* in = at.run_with(ticket))
            ticket = in->step == 1 ? in->last() + 1 : ticket + 1;
        else if (at.strays.contains(ticket))
            ++ticket;
        else
            return ticket;
    }
}

}  // namespace sluice
