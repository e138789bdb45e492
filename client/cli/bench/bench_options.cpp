#include "client/cli/bench/bench_options.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace sluice::cli::bench {

std::optional<handler_choice> parse_handler(std::string_view text) {
    const auto colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    handler_choice choice;
    choice.text = text;
    if (colon != std::string_view::npos) {
        const auto pause = parse_duration(text.substr(colon + 1));
        if (!pause || (name != "sleep" && name != "remote")) return std::nullopt;
        choice.pause = *pause;
    }
    if (name == "sleep" && colon == std::string_view::npos) return std::nullopt;
    if (name == "noop")
        choice.kind = handler_kind::noop;
    else if (name == "sleep")
        choice.kind = handler_kind::sleep;
    else if (name == "square")
        choice.kind = handler_kind::square;
    else if (name == "remote")
        choice.kind = handler_kind::remote;
    else
        return std::nullopt;
    return choice;
}

std::optional<std::size_t> parse_size(std::string_view text) {
    struct unit {
        std::string_view name;
        std::size_t bytes;
    };
    static constexpr std::array<unit, 8> units{{{"", 1},
                                                {"B", 1},
                                                {"k", 1000},
                                                {"kB", 1000},
                                                {"K", 1024},
                                                {"KB", 1024},
                                                {"KiB", 1024},
                                                {"MiB", 1024 * 1024}}};
    std::size_t count = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, bad] = std::from_chars(text.data(), end, count);
    if (bad != std::errc{} || count > 1024 * 1024) return std::nullopt;
    for (const auto& each : units) {
        if (each.name != std::string_view{rest, end}) continue;
        const std::size_t bytes = count * each.bytes;
        return bytes <= 1024 * 1024 ? std::optional{bytes} : std::nullopt;
    }
    return std::nullopt;
}

std::size_t connections_max(const bench_options& options) {
    constexpr std::size_t enough_for_a_rate = 128;
    return options.connections.value_or(options.closed ? 1 : enough_for_a_rate);
}

std::string_view type_of(const bench_options& options) {
    switch (options.handler.kind) {
        case handler_kind::noop:
        case handler_kind::sleep:
            return "sluice.sleep";
        case handler_kind::square:
            return square_type;
        case handler_kind::remote:
            break;
    }
    return "bench.remote";
}

std::string args_of(const bench_options& options) {
    std::string first;
    switch (options.handler.kind) {
        case handler_kind::noop:
            first = "0";
            break;
        case handler_kind::sleep:
            first = format_number(static_cast<double>(options.handler.pause.count()) / 1e6);
            break;
        case handler_kind::square:
            first = "12,0";
            break;
        case handler_kind::remote:
            break;
    }
    const std::string bare = "[" + first + "]";
    const std::string head = "[" + first + (first.empty() ? "\"" : ",\"");
    if (options.args_bytes < head.size() + 2) return bare;
    return head + std::string(options.args_bytes - head.size() - 2, 'x') + "\"]";
}

}  // namespace sluice::cli::bench
