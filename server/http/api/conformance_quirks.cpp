#include "server/http/api/conformance_quirks.hpp"

#include "proto/json_text.hpp"

#include <algorithm>

namespace sluice::http {
namespace {

/// The member `name` of the object `value`; nothing when there is none of the kind asked for.
std::optional<json_value> member(json_value value, std::string_view name, json_kind kind) {
    json_cursor cursor(value);
    std::string key;
    json_value found;
    while (cursor.next(key, found)) {
        if (key == name && found.kind == kind) return found;
    }
    return std::nullopt;
}

worker_state directive_of(const job_spec& spec) {
    constexpr std::string_view name = "test_directive";
    if (spec.extra_options.find(name) == std::string::npos) return worker_state::running;
    const std::string options = '{' + spec.extra_options + '}';
    const auto metadata = member(json_root(options), "metadata", json_kind::object);
    if (!metadata) return worker_state::running;
    const auto directive = member(*metadata, name, json_kind::string);
    if (!directive) return worker_state::running;
    const std::string state = json_unescape(*directive);
    if (state == to_string(worker_state::quiet)) return worker_state::quiet;
    if (state == to_string(worker_state::terminate)) return worker_state::terminate;
    return worker_state::running;
}

}  // namespace

worker_state heartbeat_directive(const heartbeat_answer& answer) {
    worker_state state = answer.directive;
    for (const auto& beat : answer.jobs) {
        if (beat.spec) state = std::max(state, directive_of(*beat.spec));
    }
    return state;
}

std::string_view worker_health_word(worker_state state) {
    switch (state) {
        case worker_state::running:
            break;
        case worker_state::quiet:
            return "draining";
        case worker_state::terminate:
            return "shutting_down";
    }
    return "running";
}

}  // namespace sluice::http
