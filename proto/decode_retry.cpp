#include "proto/decode.hpp"
#include "proto/limits.hpp"

#include <array>

/// The member `retry` of a job (ojs-retry.md). What breaks a rule here is `validation_failed`.
namespace sluice::decode {
namespace {

using std::chrono::milliseconds;

struct retry_draft {
    retry_policy policy;
    bool names_max_interval = false;
};

constexpr milliseconds interval_max = limits::retry_interval_max;

fault read_iso_interval(const member& m, milliseconds& out) {
    std::string text;
    if (auto f = read_string(m, 64, text)) return f;
    const auto duration = parse_iso_duration(text);
    if (!duration) return bad_value(m, "be an ISO 8601 duration such as 'PT1.5S'");
    if (duration->count() == 0 || *duration > interval_max)
        return bad_value(m, "be longer than nothing and no longer than a year");
    out = *duration;
    return std::nullopt;
}

fault read_ms_interval(const member& m, milliseconds& out) {
    std::int64_t count = 0;
    if (auto f = read_integer(m, 1, interval_max.count(), count)) return f;
    out = milliseconds{count};
    return std::nullopt;
}

fault max_attempts(retry_draft& draft, const member& m) {
    return read_max_attempts(m, draft.policy.max_attempts);
}

fault initial_interval(retry_draft& draft, const member& m) {
    return read_iso_interval(m, draft.policy.initial_interval);
}

fault initial_interval_ms(retry_draft& draft, const member& m) {
    return read_ms_interval(m, draft.policy.initial_interval);
}

fault max_interval(retry_draft& draft, const member& m) {
    draft.names_max_interval = true;
    return read_iso_interval(m, draft.policy.max_interval);
}

fault max_interval_ms(retry_draft& draft, const member& m) {
    draft.names_max_interval = true;
    return read_ms_interval(m, draft.policy.max_interval);
}

fault backoff_coefficient(retry_draft& draft, const member& m) {
    if (m.value.kind != json_kind::number) return wrong_type(m, "number");
    const auto number = json_number(m.value);
    if (!number || *number < 1.0) return bad_value(m, "be a number of at least 1.0");
    draft.policy.backoff_coefficient = *number;
    return std::nullopt;
}

fault jitter(retry_draft& draft, const member& m) {
    return read_boolean(m, draft.policy.jitter);
}

fault strategy(retry_draft& draft, const member& m) {
    std::string name;
    if (auto f = read_string(m, 64, name)) return f;
    const auto known = parse_backoff_strategy(name);
    if (!known)
        return bad_value(m, "be one of 'none', 'constant', 'linear', 'exponential', 'polynomial'");
    draft.policy.strategy = *known;
    return std::nullopt;
}

fault on_exhaustion(retry_draft& draft, const member& m) {
    std::string name;
    if (auto f = read_string(m, 64, name)) return f;
    const auto known = parse_exhaustion(name);
    if (!known) return bad_value(m, "be 'discard' or 'dead_letter'");
    draft.policy.on_exhaustion = *known;
    return std::nullopt;
}

fault non_retryable_errors(retry_draft& draft, const member& m) {
    return read_strings(m, limits::non_retryable_errors_max, limits::error_type_bytes_max,
                        draft.policy.non_retryable_errors);
}

constexpr std::array rows{
    row<retry_draft>{"max_attempts", max_attempts, 0},
    row<retry_draft>{"initial_interval", initial_interval, 1},
    row<retry_draft>{"initial_interval_ms", initial_interval_ms, 1},
    row<retry_draft>{"backoff_coefficient", backoff_coefficient, 2},
    row<retry_draft>{"max_interval", max_interval, 3},
    row<retry_draft>{"max_interval_ms", max_interval_ms, 3},
    row<retry_draft>{"jitter", jitter, 4},
    row<retry_draft>{"backoff_strategy", strategy, 5},
    row<retry_draft>{"backoff_type", strategy, 5},
    row<retry_draft>{"on_exhaustion", on_exhaustion, 6},
    row<retry_draft>{"non_retryable_errors", non_retryable_errors, 7},
};
constexpr std::uint32_t max_attempts_bit = 1;

}  // namespace

fault read_max_attempts(const member& m, std::uint32_t& out) {
    std::int64_t number = 0;
    if (auto f = read_integer(m, 0, limits::max_attempts_max, number)) return f;
    out = static_cast<std::uint32_t>(number);
    return std::nullopt;
}

fault read_retry(const member& m, retry_policy& policy, raw_json& extra, bool& names_max_attempts) {
    if (m.value.kind != json_kind::object) return wrong_type(m, "object");
    const std::string where = std::string{m.where} + "retry.";
    retry_draft draft{policy};
    extra_members unknown;
    std::uint32_t seen = 0;
    auto f = read_members<retry_draft>(m.value, where, m.code, rows, draft, seen,
                                       [&](const json_cursor& at, const member& each) {
                                           return unknown.keep(at.key_text(), each);
                                       });
    if (f) return f;
    auto& read = draft.policy;
    if (read.max_interval < read.initial_interval) {
        if (draft.names_max_interval)
            return bad_value({where, "max_interval", {}, m.code},
                             "not be shorter than 'initial_interval'");
        read.max_interval = read.initial_interval;
    }
    policy = std::move(read);
    extra = unknown.take();
    names_max_attempts = (seen & max_attempts_bit) != 0;
    return std::nullopt;
}

}  // namespace sluice::decode
