#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice {

/// Durations in buckets whose width grows with the value: each power of two is split in 128, so
/// that any figure read from it is within 0.4 % of the truth, whatever the range. `min`, `max`,
/// `mean` and `count` are exact. Memory follows the largest value, at most 60 KiB.
class histogram {
public:
    /// Negative values count as zero.
    void record(std::chrono::nanoseconds value);
    void merge(const histogram& other);

    std::uint64_t count() const { return count_; }
    bool empty() const { return count_ == 0; }
    /// All of these are zero when empty.
    std::chrono::nanoseconds min() const;
    std::chrono::nanoseconds max() const { return std::chrono::nanoseconds{max_}; }
    std::chrono::nanoseconds mean() const;

    /// The value that a share `q` (0..1) of all samples does not exceed.
    std::chrono::nanoseconds quantile(double q) const;

    /// Samples below `limit`; those in the bucket that `limit` falls into count by its middle.
    std::uint64_t count_below(std::chrono::nanoseconds limit) const;

    struct bin {
        std::chrono::nanoseconds upper;  ///< no sample of the bin is larger
        std::uint64_t count = 0;
    };
    /// Occupied bins, smallest first.
    std::vector<bin> bins() const;

private:
    std::vector<std::uint64_t> buckets_;
    std::uint64_t count_ = 0;
    std::uint64_t min_ = 0;
    std::uint64_t max_ = 0;
    double sum_ = 0;
};

}  // namespace sluice
