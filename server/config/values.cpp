#include "server/config/values.hpp"

#include "server/observe/log_line.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace sluice::config {

namespace {

using form = raw_value::form;

template <class Int>
std::optional<Int> parse_integer(std::string_view text) {
    Int value{};
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

struct unit {
    std::string_view name;
    std::uint64_t factor;
};

// Largest first: the first that divides a value is the one it is written in.
constexpr std::array duration_units{unit{"d", 86'400'000}, unit{"h", 3'600'000}, unit{"m", 60'000},
                                    unit{"s", 1000}, unit{"ms", 1}};
constexpr std::array size_units{unit{"TiB", 1ULL << 40}, unit{"GiB", 1ULL << 30},
                                unit{"MiB", 1ULL << 20}, unit{"KiB", 1ULL << 10}};

problem wrong_value(const raw_value& raw, std::string_view wanted) {
    if (raw.kind == form::list || raw.kind == form::other) return fmt::format("must be {}", wanted);
    return fmt::format("must be {}, not {}", wanted, quote_toml(raw.text));
}

/// Names of an enumeration and their values, in one table for both directions.
template <class Enum, std::size_t N>
using names = std::array<std::pair<std::string_view, Enum>, N>;

constexpr names<log_level, 4> level_names{{{"debug", log_level::debug},
                                           {"info", log_level::info},
                                           {"warning", log_level::warning},
                                           {"error", log_level::error}}};
constexpr names<durability_class, 3> durability_names{{{"fsync", durability_class::fsync},
                                                       {"written", durability_class::written},
                                                       {"memory", durability_class::memory}}};
constexpr names<log_form, 3> form_names{
    {{"auto", log_form::automatic}, {"human", log_form::human}, {"json", log_form::json}}};

template <class Enum, std::size_t N>
problem read_name(const names<Enum, N>& table, std::string_view wanted, const raw_value& raw,
                  Enum& out) {
    for (const auto& [name, value] : table) {
        if ((raw.kind == form::untyped || raw.kind == form::string) && raw.text == name) {
            out = value;
            return std::nullopt;
        }
    }
    return wrong_value(raw, wanted);
}

template <class Enum, std::size_t N>
std::string write_name(const names<Enum, N>& table, Enum value) {
    for (const auto& [name, each] : table) {
        if (each == value) return quote_toml(name);
    }
    return {};
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    const auto split = text.find_first_not_of("0123456789.");
    if (split == std::string_view::npos || split == 0) return std::nullopt;
    const auto number = text.substr(0, split);
    double value = 0;
    const auto [end, ec] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (ec != std::errc{} || end != number.data() + number.size()) return std::nullopt;
    for (const auto& each : duration_units) {
        if (each.name != text.substr(split)) continue;
        const double ms = std::round(value * static_cast<double>(each.factor));
        if (ms > 1e15) return std::nullopt;
        return std::chrono::milliseconds{static_cast<std::int64_t>(ms)};
    }
    return std::nullopt;
}

std::string format_duration(std::chrono::milliseconds duration) {
    const auto ms = static_cast<std::uint64_t>(duration.count());
    if (ms == 0) return "0s";
    for (const auto& each : duration_units) {
        if (ms % each.factor == 0) return fmt::format("{}{}", ms / each.factor, each.name);
    }
    return {};
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    const auto split = text.find_first_not_of("0123456789");
    const auto value = parse_integer<std::uint64_t>(text.substr(0, split));
    if (!value || split == std::string_view::npos) return value;
    for (const auto& each : size_units) {
        if (each.name != text.substr(split)) continue;
        if (*value > std::numeric_limits<std::uint64_t>::max() / each.factor) return std::nullopt;
        return *value * each.factor;
    }
    return std::nullopt;
}

std::string format_size(std::uint64_t bytes) {
    for (const auto& each : size_units) {
        if (bytes != 0 && bytes % each.factor == 0)
            return fmt::format("{}{}", bytes / each.factor, each.name);
    }
    return std::to_string(bytes);
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
    return parse_integer<std::uint64_t>(text);
}

std::string quote_toml(std::string_view text) {
    std::string out = "\"";
    append_log_text(out, text);
    out += '"';
    return out;
}

std::string list_toml(const std::vector<std::string>& items) {
    std::string out = "[";
    for (const auto& item : items) {
        if (out.size() > 1) out += ", ";
        out += quote_toml(item);
    }
    return out + "]";
}

problem boolean_codec::read(const raw_value& raw, bool& out) {
    const bool right_form = raw.kind == form::untyped || raw.kind == form::boolean;
    if (!right_form || (raw.text != "true" && raw.text != "false"))
        return wrong_value(raw, "true or false");
    out = raw.text == "true";
    return std::nullopt;
}

problem text_codec::read(const raw_value& raw, std::string& out) {
    if (raw.kind != form::untyped && raw.kind != form::string)
        return wrong_value(raw, "a text in quotes");
    out = raw.text;
    return std::nullopt;
}

problem list_codec::read(const raw_value& raw, std::vector<std::string>& out) {
    if (raw.kind == form::list) {
        out = raw.items;
        return std::nullopt;
    }
    if (raw.kind != form::untyped) return wrong_value(raw, "a list of texts");
    out.clear();
    std::string_view rest = raw.text;
    while (!rest.empty()) {
        const auto comma = rest.find(',');
        out.emplace_back(rest.substr(0, comma));
        rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    }
    return std::nullopt;
}

problem count_codec::read_number(const raw_value& raw, std::uint64_t most, std::uint64_t& out) {
    const bool right_form = raw.kind == form::untyped || raw.kind == form::integer;
    const auto value = right_form ? parse_count(raw.text) : std::nullopt;
    if (!value || *value > most) return wrong_value(raw, "a whole number, 0 or more");
    out = *value;
    return std::nullopt;
}

problem size_codec::read(const raw_value& raw, std::uint64_t& out) {
    const bool right_form =
        raw.kind != form::boolean && raw.kind != form::list && raw.kind != form::other;
    const auto value = right_form ? parse_size(raw.text) : std::nullopt;
    if (!value) return wrong_value(raw, "a size such as 64MiB (units KiB, MiB, GiB, TiB)");
    out = *value;
    return std::nullopt;
}

problem duration_codec::read_duration(const raw_value& raw, std::chrono::milliseconds step,
                                      std::chrono::milliseconds& out) {
    const bool right_form = raw.kind == form::untyped || raw.kind == form::string;
    const auto value = right_form ? parse_duration(raw.text) : std::nullopt;
    if (!value) return wrong_value(raw, "a duration such as \"30s\" (units ms, s, m, h, d)");
    if (*value % step != std::chrono::milliseconds{0})
        return fmt::format("must be a multiple of {}", format_duration(step));
    out = *value;
    return std::nullopt;
}

problem listen_codec::read(const raw_value& raw, http::http_config& out) {
    constexpr std::string_view wanted =
        "an address and a port such as \"127.0.0.1:8080\" or \"[::1]:8080\"";
    if (raw.kind != form::untyped && raw.kind != form::string) return wrong_value(raw, wanted);
    const std::string_view text = raw.text;
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return wrong_value(raw, wanted);
    auto host = text.substr(0, colon);
    if (host.front() == '[') {
        if (host.back() != ']') return wrong_value(raw, wanted);
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return wrong_value(raw, wanted);
    }
    const auto port = parse_integer<std::uint16_t>(text.substr(colon + 1));
    if (!port) return wrong_value(raw, wanted);
    out.host = host == "localhost" ? "127.0.0.1" : host;
    out.port = *port;
    return std::nullopt;
}

std::string listen_codec::format(const http::http_config& value) {
    const bool v6 = value.host.find(':') != std::string::npos;
    return v6 ? fmt::format("[{}]:{}", value.host, value.port)
              : fmt::format("{}:{}", value.host, value.port);
}

problem pools_codec::read(const raw_value& raw, std::vector<worker::pool_config::queue_pool>& out) {
    std::vector<std::string> items;
    if (auto wrong = list_codec::read(raw, items)) return wrong;
    std::vector<worker::pool_config::queue_pool> pools;
    for (const auto& item : items) {
        const auto equals = item.rfind('=');
        const auto count =
            equals == std::string::npos
                ? std::nullopt
                : parse_integer<std::size_t>(std::string_view{item}.substr(equals + 1));
        if (!count || equals == 0)
            return fmt::format("must hold entries such as \"emails=4\", not {}", quote_toml(item));
        pools.push_back({.queue = item.substr(0, equals), .concurrency = *count});
    }
    out = std::move(pools);
    return std::nullopt;
}

std::string pools_codec::write(const std::vector<worker::pool_config::queue_pool>& value) {
    std::vector<std::string> items;
    for (const auto& pool : value)
        items.push_back(fmt::format("{}={}", pool.queue, pool.concurrency));
    return list_toml(items);
}

problem log_level_codec::read(const raw_value& raw, log_level& out) {
    return read_name(level_names, type, raw, out);
}
std::string log_level_codec::write(log_level value) {
    return write_name(level_names, value);
}

problem durability_codec::read(const raw_value& raw, durability_class& out) {
    return read_name(durability_names, type, raw, out);
}
std::string durability_codec::write(durability_class value) {
    return write_name(durability_names, value);
}

problem log_form_codec::read(const raw_value& raw, log_form& out) {
    return read_name(form_names, type, raw, out);
}
std::string log_form_codec::write(log_form value) {
    return write_name(form_names, value);
}

}  // namespace sluice::config
