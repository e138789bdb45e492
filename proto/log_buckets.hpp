#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace sluice {

/// Buckets whose width grows with the value, as in HdrHistogram: each power of two is split in
/// 2^SubBits, and values below twice that stand for themselves. The middle of a bucket is within
/// 1 / 2^(SubBits + 1) of every value in it.
template <unsigned SubBits>
struct log_buckets {
    static constexpr std::uint64_t per_doubling = std::uint64_t{1} << SubBits;

    struct range {
        std::uint64_t first;
        std::uint64_t last;
        constexpr std::uint64_t middle() const { return first + (last - first) / 2; }
    };

    /// Rises with the value, without gaps; the leading SubBits + 1 bits choose it.
    static constexpr std::size_t index_of(std::uint64_t value) {
        if (value < 2 * per_doubling) return static_cast<std::size_t>(value);
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - (SubBits + 1);
        return static_cast<std::size_t>(shift * per_doubling + (value >> shift));
    }
    static constexpr range range_of(std::size_t index) {
        if (index < 2 * per_doubling) return {index, index};
        const std::uint64_t shift = index / per_doubling - 1;
        const std::uint64_t lead = index - shift * per_doubling;
        const std::uint64_t first = lead << shift;
        return {first, first + ((std::uint64_t{1} << shift) - 1)};
    }
};

}  // namespace sluice
