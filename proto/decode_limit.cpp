#include "proto/decode.hpp"
#include "proto/limit_rule.hpp"
#include "proto/limits.hpp"
#include "proto/webhook.hpp"

#include <algorithm>
#include <array>

namespace sluice {

bool is_limit_key(std::string_view text) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !text.empty() && text.size() <= limits::limit_key_bytes_max && plain(text.front()) &&
           std::ranges::all_of(text, [&](char c) {
               return plain(c) || c == '.' || c == '_' || c == ':' || c == '-';
           });
}

}  // namespace sluice

namespace sluice::decode {
namespace {

using std::chrono::milliseconds;

/// Of a rule as it is written: it is kept with the job.
constexpr std::size_t text_bytes_max = 2048;

struct limit_draft {
    limit_rule rule;
    std::optional<std::int64_t> limit;  ///< of `rate`
    std::optional<milliseconds> period;
    bool rate_is_object = false;
    std::optional<std::int64_t> burst;
    std::optional<rate_rule> throttle;
    std::optional<std::int64_t> max_per_second;
};

struct pace_draft {
    std::int64_t limit = 0;
    milliseconds period{0};
    std::optional<std::int64_t> burst;
};

/// Unknown names are refused: a typing error would quietly lift a limit.
fault unknown(const json_cursor&, const member& m) {
    return bad_value(m, "not be there: a rate limit has no such member");
}

fault read_key(const member& m, std::string& out) {
    if (auto f = read_plain_key(m, out)) return f;
    if (out.starts_with(webhook_limit_prefix))
        return bad_value(m, "not be one of the server's own deliveries");
    return std::nullopt;
}

fault key(limit_draft& draft, const member& m) {
    return read_key(m, draft.rule.key);
}

fault concurrency(limit_draft& draft, const member& m) {
    return read_integer(m, 0, limits::limit_concurrency_max, draft.rule.concurrency.emplace());
}

fault read_count(const member& m, std::int64_t& out) {
    return read_integer(m, 1, limits::limit_rate_max, out);
}

fault read_period(const member& m, milliseconds& out) {
    std::string text;
    if (auto f = read_string(m, 64, text)) return f;
    static constexpr std::array<std::pair<std::string_view, milliseconds>, 4> names{
        {{"second", std::chrono::seconds{1}},
         {"minute", std::chrono::minutes{1}},
         {"hour", std::chrono::hours{1}},
         {"day", std::chrono::hours{24}}}};
    for (const auto& [name, length] : names) {
        if (text != name) continue;
        out = length;
        return std::nullopt;
    }
    const auto duration = parse_iso_duration(text);
    if (!duration)
        return bad_value(m,
                         "be 'second', 'minute', 'hour', 'day' or an ISO 8601 duration such as "
                         "'PT10S'");
    if (duration->count() == 0 || *duration > limits::limit_period_max)
        return bad_value(m, "be longer than 0 and at most 7 days");
    out = *duration;
    return std::nullopt;
}

constexpr std::array pace_rows{
    row<pace_draft>{"limit", [](pace_draft& d, const member& m) { return read_count(m, d.limit); },
                    0, presence::required},
    row<pace_draft>{"period",
                    [](pace_draft& d, const member& m) { return read_period(m, d.period); }, 1,
                    presence::required},
};

constexpr std::array rate_rows{
    pace_rows[0],
    pace_rows[1],
    row<pace_draft>{"burst",
                    [](pace_draft& d, const member& m) {
                        return read_integer(m, 1, limits::limit_burst_max, d.burst.emplace());
                    },
                    2},
};

/// `{"limit":N,"period":"PT1M"}`.
fault read_pace(const member& m, std::span<const row<pace_draft>> rows, pace_draft& out) {
    if (m.value.kind != json_kind::object) return wrong_type(m, "object");
    const std::string where = std::string(m.where) + std::string(m.name) + ".";
    std::uint32_t seen = 0;
    return read_members<pace_draft>(m.value, where, m.code, rows, out, seen, unknown);
}

fault rate(limit_draft& draft, const member& m) {
    if (m.value.kind == json_kind::number) return read_count(m, draft.limit.emplace());
    pace_draft pace;
    if (auto f = read_pace(m, rate_rows, pace)) return f;
    draft.rate_is_object = true;
    draft.limit = pace.limit;
    if (pace.burst && draft.burst) return bad_value(m, "have its burst in one place");
    if (pace.burst) draft.burst = pace.burst;
    if (draft.period) return bad_value(m, "have its period in one place");
    draft.period = pace.period;
    return std::nullopt;
}

fault period(limit_draft& draft, const member& m) {
    if (draft.rate_is_object) return bad_value(m, "not stand beside 'rate' when that is an object");
    return read_period(m, draft.period.emplace());
}

fault burst(limit_draft& draft, const member& m) {
    if (draft.burst) return bad_value(m, "stand in one place");
    return read_integer(m, 1, limits::limit_burst_max, draft.burst.emplace());
}

fault throttle(limit_draft& draft, const member& m) {
    pace_draft pace;
    if (auto f = read_pace(m, pace_rows, pace)) return f;
    draft.throttle = rate_rule{.limit = pace.limit, .period = pace.period, .burst = 1};
    return std::nullopt;
}

fault max_per_second(limit_draft& draft, const member& m) {
    return read_count(m, draft.max_per_second.emplace());
}

fault on_limit(limit_draft& draft, const member& m) {
    std::string name;
    if (auto f = read_string(m, 32, name)) return f;
    const auto action = parse_limit_action(name);
    if (!action) return bad_value(m, "be 'wait', 'reschedule', 'drop' or 'reject'");
    draft.rule.on_limit = *action;
    return std::nullopt;
}

fault group_key(limit_draft& draft, const member& m) {
    return read_key(m, draft.rule.group);
}

fault group_concurrency(limit_draft& draft, const member& m) {
    return read_integer(m, 0, limits::limit_concurrency_max, draft.rule.group_concurrency);
}

constexpr std::array group_rows{
    row<limit_draft>{"key", group_key, 0, decode::presence::required},
    row<limit_draft>{"concurrency", group_concurrency, 1, decode::presence::required},
};

fault group(limit_draft& draft, const member& m) {
    if (m.value.kind != json_kind::object) return wrong_type(m, "object");
    const std::string where = std::string(m.where) + std::string(m.name) + ".";
    std::uint32_t seen = 0;
    return read_members<limit_draft>(m.value, where, m.code, group_rows, draft, seen, unknown);
}

constexpr std::array limit_rows{
    row<limit_draft>{"key", key, 0},
    row<limit_draft>{"concurrency", concurrency, 1},
    row<limit_draft>{"rate", rate, 2},
    row<limit_draft>{"max_per_second", max_per_second, 3},
    row<limit_draft>{"period", period, 4},
    row<limit_draft>{"burst", burst, 5},
    row<limit_draft>{"throttle", throttle, 6},
    row<limit_draft>{"on_limit", on_limit, 7},
    row<limit_draft>{"group", group, 8},
};

/// Both are evenly spread: the slower one keeps to the other as well.
rate_rule slower(const rate_rule& a, const rate_rule& b) {
    return a.period.count() * b.limit > b.period.count() * a.limit ? a : b;
}

/// Makes one rate of the ways to write it.
fault put_together(limit_draft& draft, const member& whole) {
    const auto refuse = [&](std::string_view name, std::string_view rule) {
        return bad_value({"options.rate_limit.", name, whole.value, whole.code}, rule);
    };
    if (draft.max_per_second && (draft.limit || draft.throttle))
        return refuse("max_per_second", "not come with another rate");
    if (draft.limit && !draft.period) return refuse("period", "be given with 'rate'");
    if (draft.period && !draft.limit) return refuse("period", "come with 'rate'");
    auto& made = draft.rule.rate;
    if (draft.max_per_second) made = rate_rule{.limit = *draft.max_per_second};
    if (draft.limit) made = rate_rule{.limit = *draft.limit, .period = *draft.period};
    if (draft.throttle) made = made ? slower(*made, *draft.throttle) : *draft.throttle;
    if (draft.burst && (!made || draft.throttle))
        return refuse("burst", made ? "not come with 'throttle'" : "come with a rate");
    if (draft.burst) made->burst = *draft.burst;
    if (!made && !draft.rule.concurrency && draft.rule.group.empty())
        return bad_value(whole,
                         "name 'concurrency', 'rate', 'throttle', 'max_per_second' or 'group'");
    return std::nullopt;
}

}  // namespace

fault read_rate(const member& m, rate_rule& out) {
    pace_draft pace;
    if (auto f = read_pace(m, rate_rows, pace)) return f;
    out = {.limit = pace.limit, .period = pace.period, .burst = pace.burst.value_or(1)};
    return std::nullopt;
}

fault read_plain_key(const member& m, std::string& out) {
    if (auto f = read_string(m, limits::limit_key_bytes_max, out)) return f;
    if (is_limit_key(out)) return std::nullopt;
    return bad_value(
        m, "begin with a letter or a digit; more of them, '.', '_', ':' and '-' may follow");
}

fault read_limit(const member& m, std::shared_ptr<limit_rule>& out) {
    if (m.value.kind != json_kind::object) return wrong_type(m, "object");
    if (m.value.text.size() > text_bytes_max)
        return bad_value(m, "be at most " + std::to_string(text_bytes_max) + " bytes");
    limit_draft draft;
    std::uint32_t seen = 0;
    if (auto f = read_members<limit_draft>(m.value, "options.rate_limit.", m.code, limit_rows,
                                           draft, seen, unknown))
        return f;
    if (auto f = put_together(draft, m)) return f;
    draft.rule.text = m.value.text;
    out = std::make_shared<limit_rule>(std::move(draft.rule));
    return std::nullopt;
}

}  // namespace sluice::decode
