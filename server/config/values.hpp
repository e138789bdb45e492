#pragma once

#include "server/config/config.hpp"

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// How values of settings are read and written. A codec serves one kind of value: `read` assigns it
/// or says what is wrong, `write` gives its TOML text, `number` the figure a range applies to.
namespace sluice::config {

/// A value as a source gave it. The environment and the command line know text only; a file has
/// types.
struct raw_value {
    enum class form : std::uint8_t { untyped, string, integer, boolean, list, other };
    form kind = form::untyped;
    std::string text;
    std::vector<std::string> items;  ///< of a list
};

using problem = std::optional<std::string>;

/// "250ms", "30s", "1.5s", "5m", "24h", "14d"; to the millisecond.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);

/// "65536", "64KiB", "1MiB", "2GiB", "1TiB".
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

std::optional<std::uint64_t> parse_count(std::string_view text);

/// `text` as a TOML basic string with quotes.
std::string quote_toml(std::string_view text);
std::string list_toml(const std::vector<std::string>& items);

struct boolean_codec {
    static constexpr std::string_view type = "boolean";
    static problem read(const raw_value& raw, bool& out);
    static std::string write(bool value) { return value ? "true" : "false"; }
};

struct text_codec {
    static constexpr std::string_view type = "text";
    static problem read(const raw_value& raw, std::string& out);
    static std::string write(const std::string& value) { return quote_toml(value); }
};

struct list_codec {
    static constexpr std::string_view type = "list of texts";
    static problem read(const raw_value& raw, std::vector<std::string>& out);
    static std::string write(const std::vector<std::string>& value) { return list_toml(value); }
};

struct count_codec {
    static constexpr std::string_view type = "number";
    static problem read_number(const raw_value& raw, std::uint64_t most, std::uint64_t& out);

    template <std::unsigned_integral T>
    static problem read(const raw_value& raw, T& out) {
        std::uint64_t value = 0;
        auto wrong = read_number(raw, std::numeric_limits<T>::max(), value);
        if (!wrong) out = static_cast<T>(value);
        return wrong;
    }
    static std::string write(std::uint64_t value) { return std::to_string(value); }
    static std::uint64_t number(std::uint64_t value) { return value; }
};

struct size_codec {
    static constexpr std::string_view type = "size";
    static problem read(const raw_value& raw, std::uint64_t& out);
    static std::string write(std::uint64_t value) { return quote_toml(format_size(value)); }
    static std::uint64_t number(std::uint64_t value) { return value; }
    static std::string write_number(std::uint64_t value) { return format_size(value); }
};

struct duration_codec {
    static constexpr std::string_view type = "duration";
    static problem read_duration(const raw_value& raw, std::chrono::milliseconds step,
                                 std::chrono::milliseconds& out);

    template <class Rep, class Period>
    static problem read(const raw_value& raw, std::chrono::duration<Rep, Period>& out) {
        using type_out = std::chrono::duration<Rep, Period>;
        std::chrono::milliseconds value{0};
        auto wrong = read_duration(raw, type_out{1}, value);
        if (!wrong) out = std::chrono::duration_cast<type_out>(value);
        return wrong;
    }
    static std::string write(std::chrono::milliseconds value) {
        return quote_toml(format_duration(value));
    }
    static std::uint64_t number(std::chrono::milliseconds value) {
        return static_cast<std::uint64_t>(value.count());
    }
    static std::string write_number(std::uint64_t value) {
        return format_duration(std::chrono::milliseconds{value});
    }
};

/// "127.0.0.1:8080", "[::1]:0", "localhost:8080".
struct listen_codec {
    static constexpr std::string_view type = "host:port";
    static problem read(const raw_value& raw, http::http_config& out);
    static std::string write(const http::http_config& value) { return quote_toml(format(value)); }
    static std::string format(const http::http_config& value);
};

/// "emails=4".
struct pools_codec {
    static constexpr std::string_view type = "list of queue=number";
    static problem read(const raw_value& raw, std::vector<worker::pool_config::queue_pool>& out);
    static std::string write(const std::vector<worker::pool_config::queue_pool>& value);
};

struct log_level_codec {
    static constexpr std::string_view type = "debug, info, warning or error";
    static problem read(const raw_value& raw, log_level& out);
    static std::string write(log_level value);
};

struct durability_codec {
    static constexpr std::string_view type = "fsync, written or memory";
    static problem read(const raw_value& raw, durability_class& out);
    static std::string write(durability_class value);
};

struct log_form_codec {
    static constexpr std::string_view type = "auto, human or json";
    static problem read(const raw_value& raw, log_form& out);
    static std::string write(log_form value);
};

}  // namespace sluice::config
