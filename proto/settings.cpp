#include "proto/decode.hpp"
#include "proto/limits.hpp"
#include "proto/queue_config.hpp"

#include <array>
#include <charconv>

/// What operators set. Unknown members are refused: a typing error would quietly set nothing.
namespace sluice {
namespace decode {
namespace {

fault max_depth(queue_bound& bound, const member& m) {
    std::int64_t depth = 0;
    if (auto f = read_integer(m, 0, limits::queue_depth_max, depth)) return f;
    bound.max_depth = static_cast<std::uint64_t>(depth);
    return std::nullopt;
}

/// Part of Open Job Spec, and not kept here: a bound that is not kept must not look like one.
fault max_size_bytes(queue_bound&, const member& m) {
    std::int64_t bytes = 0;
    if (auto f = read_integer(m, 0, INT64_MAX, bytes)) return f;
    if (bytes == 0) return std::nullopt;
    return error{errc::unsupported, "A queue has no bound in bytes here; use 'max_depth'.",
                 R"("field":"backpressure.max_size_bytes")"};
}

fault strategy(queue_bound& bound, const member& m) {
    std::string name;
    if (auto f = read_string(m, 32, name)) return f;
    const auto found = parse_full_strategy(name);
    if (!found) return bad_value(m, "be 'reject', 'block' or 'drop_oldest'");
    bound.strategy = *found;
    return std::nullopt;
}

fault warning_threshold(queue_bound& bound, const member& m) {
    const auto number =
        m.value.kind == json_kind::number ? json_number(m.value) : std::optional<double>{};
    if (!number) return wrong_type(m, "number");
    if (!(*number > 0 && *number <= 1)) return bad_value(m, "be above 0 and at most 1");
    bound.warning_threshold = *number;
    return std::nullopt;
}

constexpr std::array bound_rows{
    row<queue_bound>{"max_depth", max_depth, 0},
    row<queue_bound>{"max_size_bytes", max_size_bytes, 1},
    row<queue_bound>{"strategy", strategy, 2},
    row<queue_bound>{"warning_threshold", warning_threshold, 3},
};

fault backpressure(queue_config& config, const member& m) {
    if (m.value.kind != json_kind::object) return wrong_type(m, "object");
    std::uint32_t seen = 0;
    return read_members<queue_bound>(m.value, "backpressure.", m.code, bound_rows, config.bound,
                                     seen, no_such_setting);
}

/// null: any number.
fault queue_concurrency(queue_config& config, const member& m) {
    config.concurrency.reset();
    if (m.value.kind == json_kind::null) return std::nullopt;
    return read_integer(m, 0, limits::limit_concurrency_max, config.concurrency.emplace());
}

/// "250ms", "2s", "5m", "1h".
std::optional<std::chrono::milliseconds> parse_short_duration(std::string_view text) {
    using std::chrono::milliseconds;
    static constexpr std::array<std::pair<std::string_view, milliseconds>, 4> units{
        {{"ms", milliseconds{1}},
         {"s", std::chrono::seconds{1}},
         {"m", std::chrono::minutes{1}},
         {"h", std::chrono::hours{1}}}};
    std::uint32_t count = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), count);
    const auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
    if (problem != std::errc{}) return std::nullopt;
    for (const auto& [name, length] : units)
        if (unit == name) return length * count;
    return std::nullopt;
}

fault start_share(start_objective& out, const member& m) {
    const auto number =
        m.value.kind == json_kind::number ? json_number(m.value) : std::optional<double>{};
    if (!number) return wrong_type(m, "number");
    if (!(*number >= limits::start_objective_min && *number <= limits::start_objective_max))
        return bad_value(m, "be a share from 0.5 to 0.99999, such as 0.99");
    out.objective = *number;
    return std::nullopt;
}

fault start_within(start_objective& out, const member& m) {
    std::string text;
    if (auto f = read_string(m, 64, text)) return f;
    auto time = parse_short_duration(text);
    if (!time) time = parse_iso_duration(text);
    if (!time || *time < limits::start_within_min || *time > limits::start_within_max)
        return bad_value(m, "be from 1 ms to 24 hours, such as '250ms', '2s' or 'PT0.25S'");
    out.within = *time;
    return std::nullopt;
}

constexpr std::array start_rows{
    row<start_objective>{"objective", start_share, 0, presence::required},
    row<start_objective>{"within", start_within, 1, presence::required},
};

/// null: none.
fault start_latency(queue_config& config, const member& m) {
    config.start_latency.reset();
    if (m.value.kind == json_kind::null) return std::nullopt;
    if (m.value.kind != json_kind::object) return wrong_type(m, "object");
    std::uint32_t seen = 0;
    return read_members<start_objective>(m.value, "start_latency.", m.code, start_rows,
                                         config.start_latency.emplace(), seen, no_such_setting);
}

constexpr std::array config_rows{
    row<queue_config>{"backpressure", backpressure, 0},
    row<queue_config>{"concurrency", queue_concurrency, 1, presence::nullable},
    row<queue_config>{"start_latency", start_latency, 2, presence::nullable},
};

struct override_draft {
    timestamp now;
    limit_override given;
};

fault concurrency(override_draft& draft, const member& m) {
    return read_integer(m, 0, limits::limit_concurrency_max, draft.given.concurrency.emplace());
}

fault rate(override_draft& draft, const member& m) {
    return read_rate(m, draft.given.rate.emplace());
}

fault expires_at(override_draft& draft, const member& m) {
    std::string text;
    if (auto f = read_string(m, 64, text)) return f;
    draft.given.expires_at = parse_timestamp_or_offset(text, draft.now);
    if (draft.given.expires_at) return std::nullopt;
    return bad_value(m, "be an RFC 3339 time with its offset, or '+' and an ISO 8601 duration");
}

constexpr std::array override_rows{
    row<override_draft>{"concurrency", concurrency, 0},
    row<override_draft>{"rate", rate, 1},
    row<override_draft>{"expires_at", expires_at, 2},
};

}  // namespace
}  // namespace decode

result<queue_config> decode_queue_config(std::string_view body, queue_config base) {
    if (auto f = decode::read_settings<queue_config>(body, decode::config_rows, base)) return *f;
    return base;
}

std::string encode_queue_config(const queue_config& config) {
    std::string text;
    json_writer out(text);
    out.begin_object().key("backpressure").begin_object();
    out.key("max_depth").integer(static_cast<std::int64_t>(config.bound.max_depth));
    out.key("strategy").plain(to_string(config.bound.strategy));
    out.key("warning_threshold").number(config.bound.warning_threshold);
    out.end_object();
    if (config.concurrency) out.key("concurrency").integer(*config.concurrency);
    if (config.start_latency) {
        out.key("start_latency").begin_object();
        out.key("objective").number(config.start_latency->objective);
        out.key("within").plain(format_within(*config.start_latency)).end_object();
    }
    out.end_object();
    return text;
}

std::string format_within(const start_objective& objective) {
    const auto time = objective.within.count();
    return time % 1000 == 0 ? std::to_string(time / 1000) + "s" : std::to_string(time) + "ms";
}

result<limit_override> decode_limit_override(std::string_view body, timestamp now) {
    decode::override_draft draft{now, {}};
    if (auto f = decode::read_settings<decode::override_draft>(body, decode::override_rows, draft))
        return *f;
    if (!draft.given.concurrency && !draft.given.rate)
        return error{errc::invalid_request, "Give 'concurrency', 'rate' or both.",
                     R"("field":"concurrency")"};
    return draft.given;
}

std::string encode_limit_override(const limit_override& given) {
    std::string text;
    json_writer out(text);
    out.begin_object();
    if (given.concurrency) out.key("concurrency").integer(*given.concurrency);
    if (given.rate) {
        out.key("rate").begin_object().key("limit").integer(given.rate->limit);
        out.key("period").string(format_iso_duration(given.rate->period));
        out.key("burst").integer(given.rate->burst).end_object();
    }
    if (given.expires_at) out.key("expires_at").time(*given.expires_at);
    out.end_object();
    return text;
}

}  // namespace sluice
