#pragma once

#include "server/config/config.hpp"
#include "server/config/settings.hpp"
#include "server/config/values.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

/// How the table of settings is made: one entry from what describes it, from the codec of its value
/// and from the members that lead to it.
namespace sluice::config {

constexpr std::uint64_t unbounded = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t second = 1000;
constexpr std::uint64_t hour = 3600 * second;
constexpr std::uint64_t day = 24 * hour;
constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t gib = kib * kib * kib;

struct description {
    std::string_view key;
    std::string_view alias = {};
    std::uint64_t least = 0;
    std::uint64_t most = unbounded;
    std::string_view doc;
};

/// The member at the end of a chain of member pointers.
template <auto First, auto... Rest>
auto& member(auto& object) {
    if constexpr (sizeof...(Rest) == 0) {
        return object.*First;
    } else {
        return member<Rest...>(object.*First);
    }
}

template <class Codec, auto... Path>
constexpr setting make(description d) {
    setting s{};
    s.key = d.key;
    s.alias = d.alias;
    s.type = Codec::type;
    s.doc = d.doc;
    s.least = d.least;
    s.most = d.most;
    s.read = [](config& out, const raw_value& raw) {
        return Codec::read(raw, member<Path...>(out));
    };
    s.write = [](const config& settings) { return Codec::write(member<Path...>(settings)); };
    s.number = [](const config& settings) -> std::optional<std::uint64_t> {
        if constexpr (requires { Codec::number(member<Path...>(settings)); }) {
            return Codec::number(member<Path...>(settings));
        } else {
            return std::nullopt;
        }
    };
    s.write_bound = [](std::uint64_t bound) {
        if constexpr (requires { Codec::write_number(bound); }) {
            return Codec::write_number(bound);
        } else {
            return std::to_string(bound);
        }
    };
    return s;
}

}  // namespace sluice::config
