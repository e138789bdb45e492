#include "client/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sluice::client {
namespace {

// Values below 2 * sub_buckets stand for themselves. Above, the eight leading bits choose the
// bucket.
constexpr unsigned sub_bits = 7;
constexpr std::uint64_t sub_buckets = 1U << sub_bits;

std::size_t index_of(std::uint64_t value) {
    if (value < 2 * sub_buckets) return static_cast<std::size_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - (sub_bits + 1);
    return static_cast<std::size_t>(shift * sub_buckets + (value >> shift));
}

struct range {
    std::uint64_t first;
    std::uint64_t last;
    std::uint64_t middle() const { return first + (last - first) / 2; }
};

range range_of(std::size_t index) {
    if (index < 2 * sub_buckets) return {index, index};
    const std::uint64_t shift = index / sub_buckets - 1;
    const std::uint64_t lead = index - shift * sub_buckets;
    const std::uint64_t first = lead << shift;
    return {first, first + ((std::uint64_t{1} << shift) - 1)};
}

std::uint64_t clamp_to_unsigned(std::chrono::nanoseconds value) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0));
}

std::chrono::nanoseconds to_duration(std::uint64_t value) {
    return std::chrono::nanoseconds{static_cast<std::int64_t>(value)};
}

}  // namespace

void histogram::record(std::chrono::nanoseconds value) {
    const std::uint64_t v = clamp_to_unsigned(value);
    const std::size_t index = index_of(v);
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
        if (seen >= rank) return to_duration(std::clamp(range_of(i).middle(), min_, max_));
    }
    return to_duration(max_);
}

std::uint64_t histogram::count_below(std::chrono::nanoseconds limit) const {
    const std::uint64_t end = clamp_to_unsigned(limit);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < buckets_.size() && range_of(i).middle() < end; ++i) {
        below += buckets_[i];
    }
    return below;
}

std::vector<histogram::bin> histogram::bins() const {
    std::vector<bin> bins;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        if (buckets_[i] == 0) continue;
        bins.push_back({to_duration(std::min(range_of(i).last, max_)), buckets_[i]});
    }
    return bins;
}

}  // namespace sluice::client
