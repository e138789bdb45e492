#include "proto/codec.hpp"
#include "proto/fairness.hpp"
#include "proto/limit_rule.hpp"
#include "proto/stored.hpp"
#include "proto/unique.hpp"

namespace sluice {
namespace {

using namespace stored;

void write_retry(json_writer& out, const job_spec& spec) {
    const auto& policy = spec.retry;
    const retry_policy standard;
    if (policy == standard && spec.extra_retry.empty()) return;
    out.key("retry").begin_object();
    if (policy.max_attempts != standard.max_attempts) out.key("max").integer(policy.max_attempts);
    if (policy.initial_interval != standard.initial_interval)
        out.key("initial").integer(policy.initial_interval.count());
    if (policy.backoff_coefficient != standard.backoff_coefficient)
        out.key("coefficient").number(policy.backoff_coefficient);
    if (policy.max_interval != standard.max_interval)
        out.key("cap").integer(policy.max_interval.count());
    if (policy.jitter != standard.jitter) out.key("jitter").boolean(policy.jitter);
    if (policy.strategy != standard.strategy)
        out.key("strategy").integer(static_cast<int>(policy.strategy));
    if (policy.on_exhaustion != standard.on_exhaustion)
        out.key("exhaustion").integer(static_cast<int>(policy.on_exhaustion));
    if (!policy.non_retryable_errors.empty()) {
        out.key("final").begin_array();
        for (const auto& type : policy.non_retryable_errors) out.string(type);
        out.end_array();
    }
    write_members(out, "extra", spec.extra_retry);
    out.end_object();
}

void read_retry(const field& f, job_spec& spec) {
    auto& policy = spec.retry;
    if (f.name == "max") {
        policy.max_attempts = number<std::uint32_t>(f);
    } else if (f.name == "initial") {
        policy.initial_interval = duration(f);
    } else if (f.name == "coefficient") {
        policy.backoff_coefficient = require(json_number(f.value), f);
    } else if (f.name == "cap") {
        policy.max_interval = duration(f);
    } else if (f.name == "jitter") {
        policy.jitter = require(json_boolean(f.value), f);
    } else if (f.name == "strategy") {
        policy.strategy = enumerator(f, backoff_strategy::polynomial);
    } else if (f.name == "exhaustion") {
        policy.on_exhaustion = enumerator(f, exhaustion::dead_letter);
    } else if (f.name == "final") {
        policy.non_retryable_errors.clear();
        each_element(
            f, [&](const field& type) { policy.non_retryable_errors.push_back(string(type)); });
    } else if (f.name == "extra") {
        spec.extra_retry = members(f);
    } else {
        refuse(f);
    }
}

void write_unique(json_writer& out, const unique_rule& rule) {
    out.key("unique").begin_object().key("text").raw(rule.text);
    if (rule.states != unfinished_states) out.key("states").integer(rule.states.bits());
    write_duration(out, "period", rule.period);
    if (rule.on_conflict != conflict_policy::reject)
        out.key("conflict").integer(static_cast<int>(rule.on_conflict));
    out.end_object();
}

std::shared_ptr<const unique_rule> read_unique(const field& f) {
    auto rule = std::make_shared<unique_rule>();
    each_member(f, [&](const field& each) {
        if (each.name == "text")
            rule->text = each.value.text;
        else if (each.name == "states")
            rule->states = state_set{number<std::uint8_t>(each)};
        else if (each.name == "period")
            rule->period = duration(each);
        else if (each.name == "conflict")
            rule->on_conflict = enumerator(each, conflict_policy::replace_except_schedule);
        else
            refuse(each);
    });
    return rule;
}

void write_limit(json_writer& out, const limit_rule& rule) {
    out.key("limit").begin_object().key("text").raw(rule.text).key("key").string(rule.key);
    if (rule.concurrency) out.key("concurrency").integer(*rule.concurrency);
    if (rule.rate) {
        out.key("rate").integer(rule.rate->limit);
        out.key("period").integer(rule.rate->period.count());
        out.key("burst").integer(rule.rate->burst);
    }
    if (rule.on_limit != limit_action::wait)
        out.key("action").integer(static_cast<int>(rule.on_limit));
    if (!rule.group.empty())
        out.key("group").string(rule.group).key("of_group").integer(rule.group_concurrency);
    out.end_object();
}

std::shared_ptr<const limit_rule> read_limit(const field& f) {
    auto rule = std::make_shared<limit_rule>();
    const auto rate = [&]() -> rate_rule& {
        return rule->rate ? *rule->rate : rule->rate.emplace();
    };
    const auto count = [](const field& each, std::int64_t min = 1) {
        const auto value = number<std::int64_t>(each);
        if (value < min) refuse(each);
        return value;
    };
    each_member(f, [&](const field& each) {
        if (each.name == "text")
            rule->text = each.value.text;
        else if (each.name == "key")
            rule->key = string(each);
        else if (each.name == "concurrency")
            rule->concurrency = count(each, 0);
        else if (each.name == "rate")
            rate().limit = count(each);
        else if (each.name == "period")
            rate().period = std::chrono::milliseconds{count(each)};
        else if (each.name == "burst")
            rate().burst = count(each);
        else if (each.name == "action")
            rule->on_limit = enumerator(each, limit_action::reject);
        else if (each.name == "group")
            rule->group = string(each);
        else if (each.name == "of_group")
            rule->group_concurrency = count(each, 0);
        else
            refuse(each);
    });
    if (rule->key.empty()) refuse(f);
    return rule;
}

void read_spec(const field& f, job_spec& spec) {
    if (f.name == "client_id") {
        spec.client_id = require(json_boolean(f.value), f);
    } else if (f.name == "meta") {
        spec.meta = f.value.text;
    } else if (f.name == "tags") {
        spec.tags = f.value.text;
    } else if (f.name == "schema") {
        spec.schema = string(f);
    } else if (f.name == "extra") {
        spec.extra = members(f);
    } else if (f.name == "options") {
        spec.extra_options = members(f);
    } else if (f.name == "retry") {
        each_member(f, [&](const field& each) { read_retry(each, spec); });
    } else if (f.name == "timeout") {
        spec.timeout = duration(f);
    } else if (f.name == "visibility") {
        spec.visibility_timeout = duration(f);
    } else if (f.name == "scheduled") {
        spec.scheduled_at = time(f);
    } else if (f.name == "scheduled_text") {
        spec.scheduled_at_text = string(f);
    } else if (f.name == "expires") {
        spec.expires_at = time(f);
    } else if (f.name == "expires_text") {
        spec.expires_at_text = string(f);
    } else if (f.name == "produced") {
        spec.produced_at = time(f);
    } else if (f.name == "pending") {
        spec.pending = require(json_boolean(f.value), f);
    } else if (f.name == "durability") {
        spec.durability = require(parse_durability(string(f)), f);
    } else if (f.name == "workflow") {
        spec.workflow = require(parse_uuid(string(f)), f);
    } else if (f.name == "unique") {
        spec.unique = read_unique(f);
    } else if (f.name == "limit") {
        spec.limit = read_limit(f);
    } else if (f.name == "fairness") {
        auto rule = require(parse_fairness_text(string(f)), f);
        spec.fairness = std::make_shared<const fairness_rule>(std::move(rule));
    } else {
        refuse(f);
    }
}

}  // namespace

std::string encode_stored_spec(const job_spec& spec) {
    std::string text;
    json_writer out{text};
    out.begin_object();
    if (spec.client_id) out.key("client_id").boolean(true);
    write_raw(out, "meta", spec.meta);
    write_raw(out, "tags", spec.tags);
    write_string(out, "schema", spec.schema);
    write_members(out, "extra", spec.extra);
    write_members(out, "options", spec.extra_options);
    write_retry(out, spec);
    write_duration(out, "timeout", spec.timeout);
    write_duration(out, "visibility", spec.visibility_timeout);
    write_time(out, "scheduled", spec.scheduled_at);
    write_string(out, "scheduled_text", spec.scheduled_at_text);
    write_time(out, "expires", spec.expires_at);
    write_string(out, "expires_text", spec.expires_at_text);
    write_time(out, "produced", spec.produced_at);
    if (spec.pending) out.key("pending").boolean(true);
    if (spec.durability) out.key("durability").string(to_string(*spec.durability));
    if (spec.unique) write_unique(out, *spec.unique);
    if (spec.limit) write_limit(out, *spec.limit);
    if (spec.fairness) out.key("fairness").string(fairness_text(*spec.fairness));
    if (spec.workflow) out.key("workflow").id(*spec.workflow);
    out.end_object();
    if (text == "{}") text.clear();
    return text;
}

void decode_stored_spec(std::string_view text, job_spec& spec) {
    if (text.empty()) return;
    each_member(open(text), [&](const field& f) { read_spec(f, spec); });
}

}  // namespace sluice
