#include "proto/codec.hpp"
#include "proto/decode.hpp"
#include "proto/fairness.hpp"
#include "proto/limit_rule.hpp"
#include "proto/limits.hpp"
#include "proto/webhook.hpp"

#include <algorithm>
#include <array>

namespace sluice::decode {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct job_draft {
    job_spec spec;
    timestamp now;
    std::uint32_t seen = 0;                     ///< slots of both the job and its `options`
    std::optional<std::uint32_t> max_attempts;  ///< given outside of `retry`
    bool retry_names_max_attempts = false;
    std::shared_ptr<limit_rule> limit;
    std::string fairness_key;
    std::optional<std::int64_t> fairness_weight, cost;
};

fault specversion(job_draft&, const member& m) {
    std::string version;
    if (auto f = read_string(m, 64, version)) return f;
    if (version == "1" || version.starts_with("1.")) return std::nullopt;
    return error{errc::unsupported, "This server speaks Open Job Spec 1.0 only.",
                 R"("field":"specversion","supported":["1.0"])"};
}

fault id(job_draft& draft, const member& m) {
    draft.spec.client_id = true;
    return read_job_id(m, draft.spec.id);
}

/// Deliveries are signed in the server's name: nobody else may have one made.
fault type(job_draft& draft, const member& m) {
    if (auto f = read_type(m, draft.spec.type)) return f;
    if (draft.spec.type == webhook_job_type)
        return bad_value(m, "not be the one of the server's own deliveries");
    return std::nullopt;
}
fault queue(job_draft& draft, const member& m) {
    if (auto f = read_queue(m, draft.spec.queue)) return f;
    if (draft.spec.queue == webhook_queue)
        return bad_value(m, "not be the one of the server's own deliveries");
    return std::nullopt;
}

fault args(job_draft& draft, const member& m) {
    if (m.value.kind != json_kind::array) return wrong_type(m, "array");
    draft.spec.args = m.value.text;
    return std::nullopt;
}

fault meta(job_draft& draft, const member& m) {
    if (m.value.kind != json_kind::object) return wrong_type(m, "object");
    draft.spec.meta = m.value.text;
    return std::nullopt;
}

fault tags(job_draft& draft, const member& m) {
    std::vector<std::string> checked;
    if (auto f = read_strings(m, limits::tags_max, limits::tag_bytes_max, checked)) return f;
    draft.spec.tags = m.value.text;
    return std::nullopt;
}

fault schema(job_draft& draft, const member& m) {
    return read_string(m, limits::schema_bytes_max, draft.spec.schema);
}

/// `upper` is upper case already.
bool same_ignoring_case(std::string_view text, std::string_view upper) {
    return std::equal(text.begin(), text.end(), upper.begin(), upper.end(), [](char a, char b) {
        return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b;
    });
}

fault priority(job_draft& draft, const member& m) {
    if (m.value.kind == json_kind::string) {
        static constexpr std::array<std::pair<std::string_view, int>, 3> names{
            {{"HIGH", 10}, {"NORMAL", 0}, {"LOW", -10}}};
        const auto name = json_unescape(m.value);
        for (const auto& [known, number] : names) {
            if (!same_ignoring_case(name, known)) continue;
            draft.spec.priority = number;
            return std::nullopt;
        }
        return bad_value(m, "be a number, or 'high', 'normal' or 'low'");
    }
    std::int64_t number = 0;
    if (auto f = read_integer(m, limits::priority_min, limits::priority_max, number)) return f;
    draft.spec.priority = static_cast<int>(number);
    return std::nullopt;
}

/// `text` keeps an absolute time as the producer wrote it, so that it comes back that way.
fault read_time(const member& m, timestamp now, std::optional<timestamp>& time, std::string& text) {
    if (auto f = read_string(m, 64, text)) return f;
    time = parse_timestamp_or_offset(text, now);
    if (!time)
        return bad_value(m, "be an RFC 3339 time with its offset, or '+' and an ISO 8601 duration");
    if (text.starts_with('+')) text.clear();
    return std::nullopt;
}

fault scheduled_at(job_draft& draft, const member& m) {
    return read_time(m, draft.now, draft.spec.scheduled_at, draft.spec.scheduled_at_text);
}

fault expires_at(job_draft& draft, const member& m) {
    return read_time(m, draft.now, draft.spec.expires_at, draft.spec.expires_at_text);
}

fault produced_at(job_draft& draft, const member& m) {
    std::string text;
    if (auto f = read_string(m, 64, text)) return f;
    draft.spec.produced_at = parse_timestamp(text);
    if (!draft.spec.produced_at) return bad_value(m, "be an RFC 3339 time with its offset");
    return std::nullopt;
}

fault timeout_ms(job_draft& draft, const member& m) {
    return read_timeout(m, milliseconds{1}, draft.spec.timeout);
}

fault timeout(job_draft& draft, const member& m) {
    return read_timeout(m, seconds{1}, draft.spec.timeout);
}

fault visibility_timeout_ms(job_draft& draft, const member& m) {
    return read_timeout(m, milliseconds{1}, draft.spec.visibility_timeout);
}

fault visibility_timeout(job_draft& draft, const member& m) {
    return read_timeout(m, seconds{1}, draft.spec.visibility_timeout);
}

fault pending(job_draft& draft, const member& m) {
    return read_boolean(m, draft.spec.pending);
}

fault durability(job_draft& draft, const member& m) {
    std::string name;
    if (auto f = read_string(m, 64, name)) return f;
    draft.spec.durability = parse_durability(name);
    if (!draft.spec.durability) return bad_value(m, "be 'fsync', 'written' or 'memory'");
    return std::nullopt;
}

fault retry(job_draft& draft, const member& m) {
    const member strict{m.where, m.name, m.value, errc::validation_failed};
    return read_retry(strict, draft.spec.retry, draft.spec.extra_retry,
                      draft.retry_names_max_attempts);
}

fault max_attempts(job_draft& draft, const member& m) {
    const member strict{m.where, m.name, m.value, errc::validation_failed};
    return read_max_attempts(strict, draft.max_attempts.emplace());
}

fault unique(job_draft& draft, const member& m) {
    return read_unique(m, draft.spec.unique);
}

fault rate_limit(job_draft& draft, const member& m) {
    return read_limit(m, draft.limit);
}

fault fairness_key(job_draft& draft, const member& m) {
    return read_plain_key(m, draft.fairness_key);
}

fault fairness_weight(job_draft& draft, const member& m) {
    return read_integer(m, 1, limits::fairness_weight_max, draft.fairness_weight.emplace());
}

fault cost(job_draft& draft, const member& m) {
    return read_integer(m, 1, limits::fairness_cost_max, draft.cost.emplace());
}

enum slot : std::uint8_t {
    s_specversion,
    s_id,
    s_type,
    s_args,
    s_meta,
    s_options,
    s_queue,
    s_priority,
    s_tags,
    s_schema,
    s_scheduled_at,
    s_expires_at,
    s_produced_at,
    s_timeout,
    s_visibility_timeout,
    s_pending,
    s_retry,
    s_max_attempts,
    s_unique,
    s_rate_limit,
    s_durability,
    s_fairness_key,
    s_fairness_weight,
    s_cost,
};

fault options(job_draft& draft, const member& m);

constexpr std::array option_rows{
    row<job_draft>{"queue", queue, s_queue},
    row<job_draft>{"priority", priority, s_priority},
    row<job_draft>{"retry", retry, s_retry},
    row<job_draft>{"tags", tags, s_tags},
    row<job_draft>{"timeout_ms", timeout_ms, s_timeout},
    row<job_draft>{"timeout", timeout, s_timeout},
    row<job_draft>{"visibility_timeout_ms", visibility_timeout_ms, s_visibility_timeout},
    row<job_draft>{"visibility_timeout", visibility_timeout, s_visibility_timeout},
    row<job_draft>{"delay_until", scheduled_at, s_scheduled_at},
    row<job_draft>{"scheduled_at", scheduled_at, s_scheduled_at},
    row<job_draft>{"expires_at", expires_at, s_expires_at},
    row<job_draft>{"produced_at", produced_at, s_produced_at},
    row<job_draft>{"pending", pending, s_pending},
    row<job_draft>{"max_attempts", max_attempts, s_max_attempts},
    row<job_draft>{"schema", schema, s_schema},
    row<job_draft>{"unique", unique, s_unique},
    row<job_draft>{"rate_limit", rate_limit, s_rate_limit},
    row<job_draft>{"durability", durability, s_durability},
    row<job_draft>{"fairness_key", fairness_key, s_fairness_key},
    row<job_draft>{"fairness_weight", fairness_weight, s_fairness_weight},
    row<job_draft>{"cost", cost, s_cost},
};

constexpr std::array own_rows{
    row<job_draft>{"type", type, s_type, presence::required},
    row<job_draft>{"args", args, s_args, presence::required},
    row<job_draft>{"options", options, s_options},
    row<job_draft>{"meta", meta, s_meta},
    row<job_draft>{"id", id, s_id},
    row<job_draft>{"specversion", specversion, s_specversion},
};

/// Set by the server alone; what a client says of them is ignored (ojs-core.md §5.3). That covers
/// all that `append_job` writes, so that a job read from the server can be sent again.
constexpr std::array<std::string_view, 28> server_names{"state",
                                                        "attempt",
                                                        "created_at",
                                                        "enqueued_at",
                                                        "started_at",
                                                        "completed_at",
                                                        "cancelled_at",
                                                        "discarded_at",
                                                        "activated_at",
                                                        "next_attempt_at",
                                                        "error",
                                                        "errors",
                                                        "result",
                                                        "lease",
                                                        "lease_expires_at",
                                                        "retry_delay_ms",
                                                        "timeline",
                                                        "attempts",
                                                        "dead_letter",
                                                        "interruptions",
                                                        "previous_state",
                                                        "workflow_id",
                                                        "parent_results",
                                                        "children",
                                                        "progress",
                                                        "progress_message",
                                                        "progress_data",
                                                        "progress_at"};

constexpr auto join_rows() {
    std::array<row<job_draft>, own_rows.size() + option_rows.size()> rows{};
    std::copy(own_rows.begin(), own_rows.end(), rows.begin());
    std::copy(option_rows.begin(), option_rows.end(), rows.begin() + own_rows.size());
    return rows;
}

/// `options` may also stand flat in the job, as the core text has them.
constexpr auto job_rows = join_rows();

fault options(job_draft& draft, const member& m) {
    if (m.value.kind != json_kind::object) return wrong_type(m, "object");
    extra_members unknown;
    auto f = read_members<job_draft>(m.value, "options.", m.code, option_rows, draft, draft.seen,
                                     [&](const json_cursor& at, const member& each) {
                                         return unknown.keep(at.key_text(), each);
                                     });
    if (!f) draft.spec.extra_options = unknown.take();
    return f;
}

fault keep_fairness(job_draft& draft, json_value job) {
    const auto weight = draft.fairness_weight;
    const auto cost = draft.cost;
    if (!draft.fairness_key.empty())
        draft.spec.fairness = std::make_shared<const fairness_rule>(
            fairness_rule{std::move(draft.fairness_key), weight.value_or(1), cost.value_or(1)});
    // Without a key it would say nothing, and whoever gave it would never know.
    else if (weight || cost)
        return bad_value({"options.", cost ? "cost" : "fairness_weight", job},
                         "come with a fairness_key");
    return std::nullopt;
}

bool set_by_server(std::string_view name) {
    return std::find(server_names.begin(), server_names.end(), name) != server_names.end();
}

}  // namespace

result<job_spec> read_job(json_value job, timestamp now) {
    job_draft draft;
    draft.now = now;
    extra_members unknown;
    auto f = read_members<job_draft>(job, "", errc::invalid_request, job_rows, draft, draft.seen,
                                     [&](const json_cursor& at, const member& each) -> fault {
                                         if (set_by_server(each.name)) return std::nullopt;
                                         return unknown.keep(at.key_text(), each);
                                     });
    if (f) return *std::move(f);
    draft.spec.extra = unknown.take();
    if (draft.max_attempts && !draft.retry_names_max_attempts)
        draft.spec.retry.max_attempts = *draft.max_attempts;
    if (draft.limit && draft.limit->key.empty()) draft.limit->key = draft.spec.queue;
    if (draft.limit && draft.limit->group == draft.limit->key)
        return *bad_value({"options.rate_limit.", "group", job}, "have a key of its own");
    draft.spec.limit = std::move(draft.limit);
    if (auto wrong = keep_fairness(draft, job)) return *std::move(wrong);
    return std::move(draft.spec);
}

result<std::vector<job_spec>> read_jobs(json_value array, std::string_view name, std::size_t max,
                                        timestamp now) {
    std::vector<job_spec> specs;
    json_cursor elements{array};
    std::string unused;
    json_value each;
    while (elements.next(unused, each)) {
        const auto index = [&] { return std::to_string(specs.size()); };
        if (specs.size() == max)
            return error{
                errc::validation_failed,
                "'" + std::string(name) + "' holds at most " + std::to_string(max) + " jobs.",
                "\"field\":\"" + std::string(name) + '"'};
        if (each.kind != json_kind::object)
            return within(*wrong_type({"", name, each}, "object"), "Job " + index(),
                          "\"index\":" + index());
        auto spec = read_job(each, now);
        if (!spec) return within(spec.error(), "Job " + index(), "\"index\":" + index());
        // Jobs of a batch are mostly alike; to make room again and again would move each twice.
        if (specs.empty()) specs.reserve(std::min(max, array.text.size() / each.text.size() + 1));
        specs.push_back(std::move(*spec));
    }
    return specs;
}

}  // namespace sluice::decode

namespace sluice {

result<job_spec> decode_job(std::string_view body, timestamp now) {
    const auto job = decode::open_object(body);
    if (!job) return job.error();
    return decode::read_job(*job, now);
}

result<std::vector<job_spec>> decode_batch(std::string_view body, timestamp now) {
    const auto root = decode::open_object(body);
    if (!root) return root.error();
    std::optional<json_value> jobs;
    static constexpr std::array rows{decode::row<std::optional<json_value>>{
        "jobs",
        [](std::optional<json_value>& out, const decode::member& m) -> decode::fault {
            if (m.value.kind != json_kind::array) return decode::wrong_type(m, "array");
            out = m.value;
            return std::nullopt;
        },
        0, decode::presence::required}};
    if (auto f = decode::read_members<std::optional<json_value>>(*root, "", errc::invalid_request,
                                                                 rows, jobs))
        return *std::move(f);
    auto specs = decode::read_jobs(*jobs, "jobs", limits::batch_jobs_max, now);
    if (!specs) return specs;
    if (specs->empty())
        return error{errc::invalid_request, "'jobs' must not be empty.", R"("field":"jobs")"};
    return specs;
}

}  // namespace sluice
