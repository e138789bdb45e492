#include "proto/histogram.hpp"

#include "proto/log_buckets.hpp"

#include <algorithm>
#include <cmath>

namespace sluice {
namespace {

using buckets = log_buckets<7>;

std::uint64_t clamp_to_unsigned(std::chrono::nanoseconds value) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0));
}

std::chrono::nanoseconds to_duration(std::uint64_t value) {
    return std::chrono::nanoseconds{static_cast<std::int64_t>(value)};
}

}  // namespace

void histogram::record(std::chrono::nanoseconds value) {
    const std::uint64_t v = clamp_to_unsigned(value);
    const std::size_t index = buckets::index_of(v);
    if (index >= buckets_.size()) buckets_.resize(index + 1);
    ++buckets_[index];
    min_ = count_ == 0 ? v : std::min(min_, v);
    max_ = std::max(max_, v);
    sum_ += static_cast<double>(v);
    ++count_;
}

void histogram::merge(const histogram& other) {
    if (other.empty()) return;
    if (other.buckets_.size() > buckets_.size()) buckets_.resize(other.buckets_.size());
    for (std::size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
    sum_ += other.sum_;
    count_ += other.count_;
}

std::chrono::nanoseconds histogram::min() const {
    return to_duration(min_);
}

std::chrono::nanoseconds histogram::mean() const {
    if (count_ == 0) return {};
    return std::chrono::nanoseconds{std::llround(sum_ / static_cast<double>(count_))};
}

std::chrono::nanoseconds histogram::quantile(double q) const {
    if (count_ == 0) return {};
    const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count_));
    const auto rank = std::max<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1);
    if (rank == 1) return to_duration(min_);
    if (rank >= count_) return to_duration(max_);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        seen += buckets_[i];
        if (seen >= rank) return to_duration(std::clamp(buckets::range_of(i).middle(), min_, max_));
    }
    return to_duration(max_);
}

std::uint64_t histogram::count_below(std::chrono::nanoseconds limit) const {
    const std::uint64_t end = clamp_to_unsigned(limit);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < buckets_.size() && buckets::range_of(i).middle() < end; ++i) {
        below += buckets_[i];
    }
    return below;
}

std::vector<histogram::bin> histogram::bins() const {
    std::vector<bin> bins;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        if (buckets_[i] == 0) continue;
        bins.push_back({to_duration(std::min(buckets::range_of(i).last, max_)), buckets_[i]});
    }
    return bins;
}

}  // namespace sluice
