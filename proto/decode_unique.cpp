#include "proto/decode.hpp"
#include "proto/limits.hpp"
#include "proto/unique.hpp"

#include <array>
#include <string>

namespace sluice::decode {
namespace {

struct unique_draft {
    unique_rule rule;
    unique_dimensions by;
};

fault keys(unique_draft& draft, const member& m) {
    std::vector<std::string> names;
    if (auto f = read_strings(m, 8, 16, names)) return f;
    for (const auto& name : names) {
        if (name == "queue")
            draft.by.queue = true;
        else if (name == "args")
            draft.by.args = true;
        else if (name == "meta")
            draft.by.meta = true;
        else if (name != "type")  // which always counts
            return bad_value(m, "hold only 'type', 'queue', 'args' and 'meta'");
    }
    return std::nullopt;
}

fault read_key_names(const member& m, std::vector<std::string>& out) {
    if (auto f = read_strings(m, limits::unique_keys_max, limits::unique_key_bytes_max, out))
        return f;
    if (out.empty()) return bad_value(m, "name at least one member");
    return std::nullopt;
}

fault args_keys(unique_draft& draft, const member& m) {
    return read_key_names(m, draft.by.args_keys);
}

fault meta_keys(unique_draft& draft, const member& m) {
    return read_key_names(m, draft.by.meta_keys);
}

fault period(unique_draft& draft, const member& m) {
    std::string text;
    if (auto f = read_string(m, 64, text)) return f;
    const auto duration = parse_iso_duration(text);
    if (!duration) return bad_value(m, "be an ISO 8601 duration such as 'PT1H'");
    if (duration->count() == 0 || *duration > limits::unique_period_max)
        return bad_value(m, "be longer than 0 and at most 366 days");
    draft.rule.period = *duration;
    return std::nullopt;
}

fault states(unique_draft& draft, const member& m) {
    std::vector<std::string> names;
    if (auto f = read_strings(m, job_state_count, 16, names)) return f;
    draft.rule.states = state_set{};
    for (const auto& name : names) {
        const auto state = parse_job_state(name);
        if (!state) return bad_value(m, "hold only states of jobs, such as 'available'");
        draft.rule.states.add(*state);
    }
    if (draft.rule.states.empty()) return bad_value(m, "name at least one state");
    return std::nullopt;
}

fault on_conflict(unique_draft& draft, const member& m) {
    std::string name;
    if (auto f = read_string(m, 32, name)) return f;
    const auto policy = parse_conflict_policy(name);
    if (!policy)
        return bad_value(m, "be 'reject', 'ignore', 'replace' or 'replace_except_schedule'");
    draft.rule.on_conflict = *policy;
    return std::nullopt;
}

constexpr std::array unique_rows{
    row<unique_draft>{"keys", keys, 0},           row<unique_draft>{"args_keys", args_keys, 1},
    row<unique_draft>{"meta_keys", meta_keys, 2}, row<unique_draft>{"period", period, 3},
    row<unique_draft>{"states", states, 4},       row<unique_draft>{"on_conflict", on_conflict, 5},
};

/// A name that is not known is refused: a typing error would quietly make more jobs unique, or
/// fewer.
fault read_draft(const member& m, unique_draft& draft) {
    if (m.value.kind != json_kind::object) return wrong_type(m, "object");
    std::uint32_t seen = 0;
    auto f = read_members<unique_draft>(m.value, "options.unique.", m.code, unique_rows, draft,
                                        seen, [](const json_cursor&, const member& each) -> fault {
                                            return bad_value(
                                                each, "not be there: 'unique' has no such member");
                                        });
    if (f) return f;
    const auto refuse = [&](std::string_view name, std::string_view rule) {
        return bad_value({"options.unique.", name, m.value, m.code}, rule);
    };
    if (draft.by.meta && draft.by.meta_keys.empty())
        return refuse("meta_keys", "be given when 'keys' holds 'meta'");
    if (!draft.by.meta && !draft.by.meta_keys.empty())
        return refuse("meta_keys", "come with 'meta' in 'keys'");
    if (!draft.by.args && !draft.by.args_keys.empty())
        return refuse("args_keys", "come with 'args' in 'keys'");
    return std::nullopt;
}

}  // namespace

fault read_unique(const member& m, std::shared_ptr<const unique_rule>& out) {
    unique_draft draft;
    if (auto f = read_draft(m, draft)) return f;
    draft.rule.text = m.value.text;
    out = std::make_shared<const unique_rule>(std::move(draft.rule));
    return std::nullopt;
}

}  // namespace sluice::decode

namespace sluice {

unique_dimensions unique_dimensions_of(const unique_rule& rule) {
    decode::unique_draft draft;
    // Decoded before, so there is no fault in it.
    static_cast<void>(decode::read_draft({"options.", "unique", json_root(rule.text)}, draft));
    return std::move(draft.by);
}

}  // namespace sluice
