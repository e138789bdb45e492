#include "server/observe/compact_histogram.hpp"

#include "proto/log_buckets.hpp"

#include <cmath>
#include <utility>

namespace sluice {
namespace {

using std::chrono::microseconds;
using buckets = log_buckets<6>;

constexpr unsigned group_bits = 7;
constexpr std::uint8_t more = 1U << group_bits;

/// Goes through what a histogram has packed.
class bucket_reader {
public:
    explicit bucket_reader(const std::vector<std::uint8_t>& packed)
        : at_(packed.data()), end_(packed.data() + packed.size()) {
        next();
    }
    bool done() const { return done_; }
    std::size_t index() const { return index_; }
    std::uint64_t count() const { return count_; }
    buckets::range range() const { return buckets::range_of(index_); }
    std::int64_t middle() const { return static_cast<std::int64_t>(range().middle()); }
    void next() {
        done_ = at_ == end_;
        if (done_) return;
        index_ = next_index_ + static_cast<std::size_t>(number());
        next_index_ = index_ + 1;
        count_ = number();
    }

private:
    std::uint64_t number() {
        std::uint64_t value = 0;
        for (unsigned shift = 0;; shift += group_bits) {
            const auto byte = *at_++;
            value |= static_cast<std::uint64_t>(byte & (more - 1U)) << shift;
            if ((byte & more) == 0) return value;
        }
    }

    const std::uint8_t* at_;
    const std::uint8_t* end_;
    std::size_t next_index_ = 0;
    std::size_t index_ = 0;
    std::uint64_t count_ = 0;
    bool done_ = false;
};

}  // namespace

void compact_histogram::builder::put(std::uint64_t number) {
    for (; number >= more; number >>= group_bits)
        made_.packed_.push_back(static_cast<std::uint8_t>(number | more));
    made_.packed_.push_back(static_cast<std::uint8_t>(number));
}

void compact_histogram::builder::append(std::size_t index, std::uint64_t count) {
    put(index - std::exchange(next_, index + 1));
    put(count);
}

compact_histogram compact_histogram::builder::finish(const sample_totals& totals) {
    made_.totals_ = totals;
    made_.packed_.shrink_to_fit();
    return std::move(made_);
}

void compact_histogram::merge(const compact_histogram& other) {
    if (other.empty()) return;
    if (empty()) {
        *this = other;
        return;
    }
    builder both(packed_.size() + other.packed_.size());
    bucket_reader mine(packed_);
    bucket_reader theirs(other.packed_);
    while (!mine.done() || !theirs.done()) {
        const bool first = theirs.done() || (!mine.done() && mine.index() <= theirs.index());
        const bool second = mine.done() || (!theirs.done() && theirs.index() <= mine.index());
        both.append(first ? mine.index() : theirs.index(),
                    (first ? mine.count() : 0) + (second ? theirs.count() : 0));
        if (first) mine.next();
        if (second) theirs.next();
    }
    totals_.merge(other.totals_);
    *this = both.finish(totals_);
}

microseconds compact_histogram::mean() const {
    if (empty()) return {};
    return microseconds{
        std::llround(static_cast<double>(totals_.sum) / static_cast<double>(totals_.count))};
}

microseconds compact_histogram::quantile(double q) const {
    if (empty()) return {};
    const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count()));
    const auto rank = std::max<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1);
    if (rank == 1) return min();
    if (rank >= count()) return max();
    std::uint64_t seen = 0;
    for (bucket_reader bucket(packed_); !bucket.done(); bucket.next()) {
        seen += bucket.count();
        if (seen >= rank)
            return microseconds{std::clamp(bucket.middle(), totals_.min, totals_.max)};
    }
    return max();
}

void compact_histogram::count_within(const microseconds* limits, std::uint64_t* counts,
                                     std::size_t n) const {
    bucket_reader bucket(packed_);
    std::uint64_t within = 0;
    for (std::size_t i = 0; i < n; ++i) {
        for (; !bucket.done() && bucket.middle() <= limits[i].count(); bucket.next())
            within += bucket.count();
        counts[i] = within;  // by the bucket alone: what is counted once stays counted
    }
}

std::vector<compact_histogram::bin> compact_histogram::bins() const {
    std::vector<bin> bins;
    for (bucket_reader bucket(packed_); !bucket.done(); bucket.next()) {
        const auto last = static_cast<std::int64_t>(bucket.range().last);
        bins.push_back({microseconds{std::min(last, totals_.max)}, bucket.count()});
    }
    return bins;
}

void live_histogram::record(microseconds value) {
    const auto v = std::max<std::int64_t>(value.count(), 0);
    const auto index = buckets::index_of(static_cast<std::uint64_t>(v));
    static_assert(buckets::index_of(INT64_MAX) / std::tuple_size_v<block> <
                  std::tuple_size_v<decltype(places_)>);
    auto& place = places_[index / std::tuple_size_v<block>];
    if (place == 0) {
        blocks_.emplace_back();
        place = static_cast<std::uint8_t>(blocks_.size());
    }
    ++blocks_[place - 1U][index % std::tuple_size_v<block>];
    totals_.add(v);
}

compact_histogram live_histogram::pack() const {
    compact_histogram::builder made(64);
    for (std::size_t at = 0; at < places_.size(); ++at) {
        if (places_[at] == 0) continue;
        const auto& counts = blocks_[places_[at] - 1U];
        for (std::size_t i = 0; i < counts.size(); ++i)
            if (counts[i] > 0) made.append(at * counts.size() + i, counts[i]);
    }
    return made.finish(totals_);
}

void histogram_sum::add(const compact_histogram& part) {
    if (part.empty()) return;
    for (bucket_reader bucket(part.packed_); !bucket.done(); bucket.next()) {
        end_ = std::max(end_, bucket.index() + 1);
        if (end_ > counts_.size()) counts_.resize(std::max<std::size_t>(end_, 1024));
        counts_[bucket.index()] += bucket.count();
    }
    totals_.merge(part.totals_);
}

compact_histogram histogram_sum::take() {
    compact_histogram::builder made(64);
    for (std::size_t i = 0; i < end_; ++i)
        if (const auto count = std::exchange(counts_[i], 0); count > 0) made.append(i, count);
    end_ = 0;
    return made.finish(std::exchange(totals_, {}));
}

}  // namespace sluice
