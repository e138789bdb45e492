#include "proto/uuid.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace sluice {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::size_t text_size = 36;

/// Where the two digits of each byte stand.
constexpr std::array<std::size_t, 16> places{0,  2,  4,  6,  9,  11, 14, 16,
                                             19, 21, 24, 26, 28, 30, 32, 34};

/// What a lower-case digit stands for; 0x80 for what is none.
constexpr auto hex_values = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(0x80);
    for (std::size_t i = 0; i < hex_digits.size(); ++i)
        table[static_cast<unsigned char>(hex_digits[i])] = static_cast<std::uint8_t>(i);
    return table;
}();

constexpr std::uint8_t byte_of(std::uint64_t number, int shift) {
    return static_cast<std::uint8_t>(number >> shift & 0xff);
}

}  // namespace

uuid make_uuid(timestamp time, std::int64_t sequence, std::uint32_t random) {
    assert(sequence >= 0 && sequence <= uuid_sequence_max);
    const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(
        0, std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count()));
    const auto seq = static_cast<std::uint64_t>(sequence);
    const auto rand_a = seq >> 30;          // 12 bits
    const auto rand_b = seq & 0x3fff'ffff;  // 30 bits
    uuid id;
    for (int i = 0; i < 6; ++i) id.bytes[static_cast<std::size_t>(i)] = byte_of(ms, 40 - 8 * i);
    id.bytes[6] = static_cast<std::uint8_t>(0x70 | rand_a >> 8);
    id.bytes[7] = byte_of(rand_a, 0);
    id.bytes[8] = static_cast<std::uint8_t>(0x80 | rand_b >> 24);
    id.bytes[9] = byte_of(rand_b, 16);
    id.bytes[10] = byte_of(rand_b, 8);
    id.bytes[11] = byte_of(rand_b, 0);
    for (std::size_t i = 0; i < 4; ++i)
        id.bytes[12 + i] = byte_of(random, 24 - 8 * static_cast<int>(i));
    return id;
}

std::int64_t sequence_of(const uuid& id) {
    std::uint64_t seq = id.bytes[6] & 0x0fU;
    seq = seq << 8 | id.bytes[7];
    seq = seq << 6 | (id.bytes[8] & 0x3fU);
    for (std::size_t i = 9; i < 12; ++i) seq = seq << 8 | id.bytes[i];
    return static_cast<std::int64_t>(seq);
}

void append_uuid(std::string& out, const uuid& id) {
    static constexpr auto pairs = [] {
        std::array<std::array<char, 2>, 256> table{};
        for (std::size_t i = 0; i < table.size(); ++i)
            table[i] = {hex_digits[i >> 4], hex_digits[i & 0x0f]};
        return table;
    }();
    char text[] = "00000000-0000-0000-0000-000000000000";
    static_assert(sizeof text == text_size + 1);
    for (std::size_t i = 0; i < places.size(); ++i)
        std::copy_n(pairs[id.bytes[i]].data(), 2, text + places[i]);
    out.append(text, text_size);
}

std::string to_string(const uuid& id) {
    std::string out;
    append_uuid(out, id);
    return out;
}

std::optional<uuid> parse_uuid(std::string_view text) {
    if (text.size() != text_size) return std::nullopt;
    uuid id;
    unsigned wrong = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
        const auto high = hex_values[static_cast<unsigned char>(text[places[i]])];
        const auto low = hex_values[static_cast<unsigned char>(text[places[i] + 1])];
        wrong |= high | low;
        id.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    if ((wrong & 0x80) != 0) return std::nullopt;
    for (const auto hyphen : {8U, 13U, 18U, 23U})
        if (text[hyphen] != '-') return std::nullopt;
    const bool version_7 = id.bytes[6] >> 4 == 7;
    const bool variant_10 = id.bytes[8] >> 6 == 2;
    if (!version_7 || !variant_10) return std::nullopt;
    return id;
}

}  // namespace sluice
