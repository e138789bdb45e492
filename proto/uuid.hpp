#pragma once

#include "proto/time.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// A UUID of version 7 (RFC 9562 §5.7) as 16 bytes in network order.
///
/// Ids made by the server carry the job's sequence number: 48 bits of Unix milliseconds, 42 bits of
/// sequence (in rand_a and the top of rand_b), 32 random bits. RFC 9562 §6.2 allows a counter
/// there. So ids made within one millisecond still sort in order of creation, and the store finds a
/// job by id without a second index.
struct uuid {
    std::array<std::uint8_t, 16> bytes{};

    friend auto operator<=>(const uuid&, const uuid&) = default;
};

inline constexpr std::int64_t uuid_sequence_max = (std::int64_t{1} << 42) - 1;

/// `sequence` must be within 0..uuid_sequence_max. `time` before 1970 counts as 1970.
uuid make_uuid(timestamp time, std::int64_t sequence, std::uint32_t random);

/// The sequence number an id would carry if the server had made it. For a foreign id it is noise,
/// so compare the id of the job that is found there.
std::int64_t sequence_of(const uuid& id);

/// Lower case, 8-4-4-4-12.
std::string to_string(const uuid& id);
void append_uuid(std::string& out, const uuid& id);

/// Accepts the lower-case form of version 7, variant 10 only.
std::optional<uuid> parse_uuid(std::string_view text);

}  // namespace sluice

template <>
struct std::hash<sluice::uuid> {
    std::size_t operator()(const sluice::uuid& id) const noexcept {
        std::uint64_t tail = 0;
        for (std::size_t i = 8; i < 16; ++i) tail = tail << 8 | id.bytes[i];
        std::uint64_t head = 0;
        for (std::size_t i = 0; i < 8; ++i) head = head << 8 | id.bytes[i];
        return static_cast<std::size_t>((head ^ (tail * 0x9e3779b97f4a7c15ULL)) *
                                        0xff51afd7ed558ccdULL);
    }
};
