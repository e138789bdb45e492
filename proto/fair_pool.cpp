#include "proto/fair_pool.hpp"

#include "proto/decode.hpp"
#include "proto/limits.hpp"
#include "proto/plain_name.hpp"

#include <algorithm>
#include <array>

namespace sluice {
namespace {

using decode::bad_value;
using decode::fault;
using decode::member;
using decode::presence;
using decode::row;

constexpr std::array<std::string_view, 4> strategy_names{"strict", "round-robin", "weighted",
                                                         "least-loaded"};

struct pool_draft {
    std::string_view expected_name;
    fair_pool made{};
    bool has_strategy = false;
    bool weighed = false;  ///< somebody gave a weight
    std::vector<fair_pool::share> weights{};
};

fair_pool::share* find_share(std::vector<fair_pool::share>& shares, std::string_view queue) {
    const auto found = std::ranges::find(shares, queue, &fair_pool::share::queue);
    return found == shares.end() ? nullptr : &*found;
}

fault add_queue(pool_draft& draft, const member& m, std::string name, std::int64_t weight) {
    if (find_share(draft.made.queues, name)) return bad_value(m, "not name a queue twice");
    if (draft.made.queues.size() == limits::fetch_queues_max)
        return bad_value(m, "not have more than 256 queues");
    draft.made.queues.push_back({std::move(name), weight});
    return std::nullopt;
}

fault read_weight(const member& m, std::int64_t& weight) {
    return decode::read_integer(m, 1, limits::pool_weight_max, weight);
}

/// `text` as the name of a queue, for what comes as the name of a member.
fault check_name(const member& m, const std::string& text) {
    if (text.size() <= limits::queue_bytes_max && is_plain_name(text)) return std::nullopt;
    return bad_value(m, "have names of queues");
}

fault name(pool_draft& draft, const member& m) {
    std::string given;
    if (auto f = decode::read_string(m, limits::queue_bytes_max, given)) return f;
    if (given != draft.expected_name) return bad_value(m, "be the name in the path");
    return std::nullopt;
}

fault strategy(pool_draft& draft, const member& m) {
    std::string given;
    if (auto f = decode::read_string(m, 32, given)) return f;
    const auto found = parse_pool_strategy(given);
    if (!found) return bad_value(m, "be 'strict', 'round-robin', 'weighted' or 'least-loaded'");
    draft.made.strategy = *found;
    draft.has_strategy = true;
    return std::nullopt;
}

fault listed_queues(pool_draft& draft, const member& m) {
    json_cursor elements(m.value);
    std::string unused;
    member element = m;
    while (elements.next(unused, element.value)) {
        std::string queue;
        if (auto f = decode::read_queue(element, queue)) return f;
        if (auto f = add_queue(draft, m, std::move(queue), 1)) return f;
    }
    return std::nullopt;
}

fault weighed_queues(pool_draft& draft, const member& m) {
    json_cursor members(m.value);
    std::string queue;
    json_value value;
    while (members.next(queue, value)) {
        if (auto f = check_name(m, queue)) return f;
        if (value.kind != json_kind::object) return bad_value(m, R"(hold {"weight":N} for each)");
        std::int64_t weight = 1;
        json_cursor inner(value);
        std::string key;
        json_value given;
        while (inner.next(key, given)) {
            const member of{"queues.", key, given, m.code};
            if (key != "weight") return decode::no_such_setting(inner, of);
            if (auto f = read_weight(of, weight)) return f;
            draft.weighed = true;
        }
        if (auto f = add_queue(draft, m, queue, weight)) return f;
    }
    return std::nullopt;
}

fault queues(pool_draft& draft, const member& m) {
    fault f;
    if (m.value.kind == json_kind::array)
        f = listed_queues(draft, m);
    else if (m.value.kind == json_kind::object)
        f = weighed_queues(draft, m);
    else
        return decode::wrong_type(m, "array or object");
    if (!f && draft.made.queues.empty()) return bad_value(m, "name one queue at least");
    return f;
}

fault weights(pool_draft& draft, const member& m) {
    if (m.value.kind != json_kind::object) return decode::wrong_type(m, "object");
    json_cursor members(m.value);
    std::string queue;
    json_value value;
    while (members.next(queue, value)) {
        std::int64_t weight = 1;
        if (auto f = read_weight({"weights.", queue, value, m.code}, weight)) return f;
        draft.weights.push_back({queue, weight});
        draft.weighed = true;
    }
    return std::nullopt;
}

/// Part of Open Job Spec, and not kept here: a rule that is not kept must not look like one.
fault not_kept(pool_draft&, const member& m) {
    if (m.value.text == "false") return std::nullopt;
    return error{errc::unsupported,
                 "Pools have no '" + std::string(m.name) + "' here; limits of runs go by the " +
                     "rate_limit of jobs and the concurrency of queues.",
                 "\"field\":\"" + std::string(m.name) + '"'};
}

constexpr std::array rows{
    row<pool_draft>{"name", name, 0},
    row<pool_draft>{"strategy", strategy, 1},
    row<pool_draft>{"queues", queues, 2, presence::required},
    row<pool_draft>{"weights", weights, 3},
    row<pool_draft>{"concurrency", not_kept, 4},
    row<pool_draft>{"isolated", not_kept, 5},
    row<pool_draft>{"starvation_prevention", not_kept, 6},
};

}  // namespace

std::string_view to_string(pool_strategy strategy) {
    return strategy_names[static_cast<std::size_t>(strategy)];
}

std::optional<pool_strategy> parse_pool_strategy(std::string_view name) {
    if (name == "round_robin") return pool_strategy::round_robin;
    if (name == "least_loaded") return pool_strategy::least_loaded;
    const auto found = std::ranges::find(strategy_names, name);
    if (found == strategy_names.end()) return std::nullopt;
    return static_cast<pool_strategy>(found - strategy_names.begin());
}

result<fair_pool> decode_fair_pool(std::string_view body, std::string_view name) {
    pool_draft draft{.expected_name = name};
    if (auto f = decode::read_settings<pool_draft>(body, rows, draft)) return *f;
    for (const auto& [queue, weight] : draft.weights) {
        auto* share = find_share(draft.made.queues, queue);
        if (!share)
            return error{errc::invalid_request, "'weights' names a queue that is not in 'queues'.",
                         R"("field":"weights")"};
        share->weight = weight;
    }
    if (!draft.has_strategy && draft.weighed) draft.made.strategy = pool_strategy::weighted;
    return std::move(draft.made);
}

std::string encode_fair_pool(const fair_pool& pool) {
    std::string text;
    json_writer out(text);
    out.begin_object().key("strategy").plain(to_string(pool.strategy));
    out.key("queues").begin_array();
    for (const auto& each : pool.queues) out.string(each.queue);
    out.end_array().key("weights").begin_object();
    for (const auto& each : pool.queues) out.key(each.queue).integer(each.weight);
    out.end_object().end_object();
    return text;
}

}  // namespace sluice
