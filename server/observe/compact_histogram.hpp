#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

/// Durations in buckets whose width grows with the value: each power of two is split in 64, so that
/// any figure read from them is within 0.8 % of the truth, whatever the range. One class is quick
/// to record into, the other small. No locks: each object is one thread's.
namespace sluice {

/// What is known exactly, in microseconds. All zero while there is no sample.
struct sample_totals {
    std::uint64_t count = 0;
    std::int64_t min = 0;
    std::int64_t max = 0;
    std::int64_t sum = 0;

    void add(std::int64_t value) {
        min = count == 0 ? value : std::min(min, value);
        max = std::max(max, value);
        sum += value;
        ++count;
    }
    void merge(const sample_totals& other) {
        if (other.count == 0) return;
        min = count == 0 ? other.min : std::min(min, other.min);
        max = std::max(max, other.max);
        sum += other.sum;
        count += other.count;
    }
};

/// For reading and keeping. An occupied bucket takes two or three bytes, others none.
class compact_histogram {
public:
    /// Must be appended to in the order of buckets, each at most once.
    class builder;

    void merge(const compact_histogram& other);

    std::uint64_t count() const { return totals_.count; }
    bool empty() const { return totals_.count == 0; }
    /// All of these are zero when empty.
    std::chrono::microseconds min() const { return std::chrono::microseconds{totals_.min}; }
    std::chrono::microseconds max() const { return std::chrono::microseconds{totals_.max}; }
    std::chrono::microseconds sum() const { return std::chrono::microseconds{totals_.sum}; }
    std::chrono::microseconds mean() const;

    /// The value that a share `q` (0..1) of all samples does not exceed.
    std::chrono::microseconds quantile(double q) const;

    /// Samples up to each of these limits, which rise; those in the bucket that a limit falls into
    /// count by its middle.
    template <std::size_t N>
    std::array<std::uint64_t, N> counts_within(
        const std::array<std::chrono::microseconds, N>& limits) const {
        std::array<std::uint64_t, N> counts{};
        count_within(limits.data(), counts.data(), N);
        return counts;
    }

    struct bin {
        std::chrono::microseconds upper;  ///< no sample of the bin is larger
        std::uint64_t count = 0;
    };
    /// Occupied bins, smallest first.
    std::vector<bin> bins() const;

    /// Beyond the object itself.
    std::size_t heap_bytes() const { return packed_.capacity(); }

private:
    friend class histogram_sum;

    void count_within(const std::chrono::microseconds* limits, std::uint64_t* counts,
                      std::size_t n) const;

    /// For each occupied bucket, rising: how far its index is from the one before, and its count;
    /// both in groups of seven bits, the lowest first, all but the last with the eighth bit set.
    std::vector<std::uint8_t> packed_;
    sample_totals totals_;
};

class compact_histogram::builder {
public:
    explicit builder(std::size_t bytes) { made_.packed_.reserve(bytes); }
    void append(std::size_t index, std::uint64_t count);
    compact_histogram finish(const sample_totals& totals);

private:
    void put(std::uint64_t number);

    compact_histogram made_;
    std::size_t next_ = 0;  ///< the index after the one before
};

/// For recording: takes some nanoseconds a sample, and 256 bytes for each power of two there is a
/// sample in. Holds up to 4 billion samples.
class live_histogram {
public:
    /// Negative values count as zero.
    void record(std::chrono::microseconds value);
    compact_histogram pack() const;
    bool empty() const { return totals_.count == 0; }
    /// Beyond the object itself.
    std::size_t heap_bytes() const { return blocks_.capacity() * sizeof(block); }

private:
    using block = std::array<std::uint32_t, 64>;

    std::array<std::uint8_t, 58> places_{};  ///< in `blocks_`, from 1 on; 0: there is none
    std::vector<block> blocks_;
    sample_totals totals_;
};

/// Adds up many: quicker than to merge them one by one. Takes 8 KiB for up to two seconds, 30 KiB
/// at most.
class histogram_sum {
public:
    void add(const compact_histogram& part);
    /// What was added since the last call.
    compact_histogram take();

private:
    std::vector<std::uint64_t> counts_;
    std::size_t end_ = 0;  ///< all from here on are zero
    sample_totals totals_;
};

}  // namespace sluice
