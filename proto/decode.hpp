#pragma once

#include "proto/error.hpp"
#include "proto/job.hpp"
#include "proto/json_text.hpp"
#include "proto/limit_rule.hpp"
#include "proto/requests.hpp"
#include "proto/workflow.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What the decoders of this room share; nobody else includes this. A decoder is a table: one row
/// per member with the function that checks and keeps it.
namespace sluice {
struct bulk_filter;
}

namespace sluice::decode {

/// Nothing when all is well.
using fault = std::optional<error>;

/// A member of an object that came over the wire. Errors about it name `where` + `name`, such as
/// "options.retry.max_attempts".
struct member {
    std::string_view where;  ///< empty, or a path that ends in a dot
    std::string_view name;
    json_value value;
    errc code = errc::invalid_request;
};

fault wrong_type(const member& m, std::string_view expected);
/// The member has the right type but a value that is refused; `rule` ends the sentence "'x' must".
fault bad_value(const member& m, std::string_view rule);

fault read_string(const member& m, std::size_t bytes_max, std::string& out);
fault read_boolean(const member& m, bool& out);
fault read_integer(const member& m, std::int64_t min, std::int64_t max, std::int64_t& out);
/// Whole units from 0 to `max`.
fault read_duration(const member& m, std::chrono::milliseconds unit, std::chrono::milliseconds max,
                    std::chrono::milliseconds& out);
/// The same; 0 leaves `out` empty, which stands for the default.
fault read_timeout(const member& m, std::chrono::milliseconds unit,
                   std::optional<std::chrono::milliseconds>& out);
/// An array of at most `count_max` strings of at most `bytes_max` bytes.
fault read_strings(const member& m, std::size_t count_max, std::size_t bytes_max,
                   std::vector<std::string>& out);
fault read_job_id(const member& m, uuid& out);
/// A text that no server ever issued is lease_lost.
fault read_lease(const member& m, std::optional<lease_token>& out);
fault read_type(const member& m, std::string& out);
fault read_queue(const member& m, std::string& out);

/// A body that must be a JSON object: checked as a whole, then handed out.
result<json_value> open_object(std::string_view body);

/// Moves `detail` ("job 3") in front of the message and adds `members` to the details.
error within(error e, std::string_view what, std::string members);

enum class presence : std::uint8_t {
    optional,  ///< null counts as absent
    nullable,  ///< may be absent; null has a meaning of its own
    required,
};

template <class Target>
struct row {
    std::string_view name;
    fault (*read)(Target&, const member&);
    /// Rows with the same slot are names for one thing: only one of them may be given.
    std::uint8_t slot;
    presence needed = presence::optional;
};

fault given_twice(const member& m);
fault missing(std::string_view where, std::string_view name, errc code);

template <class Target>
const row<Target>* find_row(std::span<const row<Target>> rows, std::string_view name) {
    for (const auto& each : rows)
        if (each.name == name) return &each;
    return nullptr;
}

/// Reads an object by its table. `seen` collects the slots that were given; it may already hold
/// some from an enclosing object. `unknown` is called as fault(cursor, member) for other members.
template <class Target, class Unknown>
fault read_members(json_value object, std::string_view where, errc code,
                   std::span<const row<Target>> rows, Target& target, std::uint32_t& seen,
                   Unknown unknown) {
    json_cursor members{object};
    std::string key;
    json_value value;
    while (members.next(key, value)) {
        const member m{where, key, value, code};
        const auto* const found = find_row(rows, key);
        if (found == nullptr) {
            if (auto f = unknown(members, m)) return f;
            continue;
        }
        const auto bit = std::uint32_t{1} << found->slot;
        if ((seen & bit) != 0) return given_twice(m);
        seen |= bit;
        if (value.kind == json_kind::null && found->needed == presence::optional) continue;
        if (auto f = found->read(target, m)) return f;
    }
    for (const auto& each : rows) {
        const bool given = (seen & std::uint32_t{1} << each.slot) != 0;
        if (each.needed == presence::required && !given) return missing(where, each.name, code);
    }
    return std::nullopt;
}

/// The same for requests whose unknown members mean nothing.
template <class Target>
fault read_members(json_value object, std::string_view where, errc code,
                   std::span<const row<Target>> rows, Target& target) {
    std::uint32_t seen = 0;
    return read_members(object, where, code, rows, target, seen,
                        [](const json_cursor&, const member&) -> fault { return std::nullopt; });
}

/// For whatever an operator sets: a typing error would quietly set nothing.
fault no_such_setting(const json_cursor& members, const member& m);

/// A body that holds settings by their table, into `out`, which may hold some already.
template <class Target>
fault read_settings(std::string_view body, std::span<const row<Target>> rows, Target& out) {
    const auto object = open_object(body);
    if (!object) return object.error();
    std::uint32_t seen = 0;
    return read_members<Target>(*object, "", errc::invalid_request, rows, out, seen,
                                no_such_setting);
}

/// Unknown members of a job, kept as they came: `"x_a":1,"x_b":[2]`.
class extra_members {
public:
    fault keep(std::string_view key_text, const member& m);
    raw_json take() { return std::move(text_); }

private:
    std::vector<std::string> names_;
    raw_json text_;
};

/// `m.value` must be the object `retry` of a job.
fault read_retry(const member& m, retry_policy& policy, raw_json& extra, bool& names_max_attempts);
/// Also for `max_attempts` outside of `retry`.
fault read_max_attempts(const member& m, std::uint32_t& out);

/// `m.value` must be `unique` of a job.
fault read_unique(const member& m, std::shared_ptr<const unique_rule>& out);

/// `m.value` must be `{"limit":N,"period":"PT1M","burst":B}`, the last one optional.
fault read_rate(const member& m, rate_rule& out);
/// A key as is_limit_key has it.
fault read_plain_key(const member& m, std::string& out);
/// `m.value` must be `rate_limit` of a job. The key is left empty when there is none.
fault read_limit(const member& m, std::shared_ptr<limit_rule>& out);

/// `m.value` must be a filter of dead letters: the members of a bulk filter that say something
/// about them. One that leaves nothing out is refused, as are members that are not known.
fault read_dead_letter_filter(const member& m, bulk_filter& out);

/// One job, in text that was checked.
result<job_spec> read_job(json_value job, timestamp now);
/// The jobs of the array `name`. The error's details name the index of the first bad one.
result<std::vector<job_spec>> read_jobs(json_value array, std::string_view name, std::size_t max,
                                        timestamp now);
fault read_fetch(const member& m, std::optional<fetch_request>& out);

/// Fills in what the nodes depend on; `lists` has the `depends_on` of each. Refuses a ref that
/// comes twice, names nothing, or leads in a circle. `list` is the member the nodes came in.
fault read_edges(std::string_view list, const std::vector<std::optional<json_value>>& lists,
                 std::vector<workflow_node>& nodes);

}  // namespace sluice::decode
