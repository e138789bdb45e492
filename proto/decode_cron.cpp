#include "proto/codec.hpp"
#include "proto/cron.hpp"
#include "proto/decode.hpp"
#include "proto/limits.hpp"
#include "proto/plain_name.hpp"

#include <array>

namespace sluice {
namespace {

using decode::fault;
using decode::member;
using decode::presence;
using decode::row;

struct cron_draft {
    cron_definition made;
    raw_json given_template;
    raw_json flat_members;  ///< members of a job that stood beside the others
    bool has_args = false;  ///< `args` is among them
};

fault name(cron_draft& draft, const member& m) {
    if (auto f = decode::read_string(m, limits::cron_name_bytes_max, draft.made.name)) return f;
    if (!is_plain_name(draft.made.name))
        return decode::bad_value(m,
                                 "be made of a-z, 0-9, '-' and '.' and begin with a letter or "
                                 "digit");
    return std::nullopt;
}

fault expression(cron_draft& draft, const member& m) {
    return decode::read_string(m, limits::cron_expression_bytes_max, draft.made.expression);
}

fault timezone(cron_draft& draft, const member& m) {
    return decode::read_string(m, limits::cron_name_bytes_max, draft.made.timezone);
}

fault description(cron_draft& draft, const member& m) {
    return decode::read_string(m, limits::cron_description_bytes_max, draft.made.description);
}

fault enabled(cron_draft& draft, const member& m) {
    return decode::read_boolean(m, draft.made.enabled);
}

fault overlap(cron_draft& draft, const member& m) {
    std::string given;
    if (auto f = decode::read_string(m, 64, given)) return f;
    const auto policy = parse_overlap_policy(given);
    if (!policy) return decode::bad_value(m, "be skip, allow, cancel_previous or enqueue");
    draft.made.overlap = *policy;
    return std::nullopt;
}

fault catch_up(cron_draft& draft, const member& m) {
    std::string given;
    if (auto f = decode::read_string(m, 64, given)) return f;
    const auto policy = parse_catch_up_policy(given);
    if (!policy) return decode::bad_value(m, "be one, none or all");
    draft.made.catch_up = *policy;
    return std::nullopt;
}

fault job_template(cron_draft& draft, const member& m) {
    if (m.value.kind != json_kind::object) return decode::wrong_type(m, "object");
    draft.given_template = m.value.text;
    return std::nullopt;
}

fault flat(cron_draft& draft, const member& m) {
    draft.has_args = draft.has_args || m.name == "args";
    draft.flat_members += draft.flat_members.empty() ? "\"" : ",\"";
    draft.flat_members.append(m.name).append("\":").append(m.value.text);
    return std::nullopt;
}

constexpr std::array cron_rows{
    row<cron_draft>{"name", name, 0, presence::required},
    row<cron_draft>{"expression", expression, 1},
    row<cron_draft>{"cron", expression, 1},
    row<cron_draft>{"timezone", timezone, 2},
    row<cron_draft>{"job_template", job_template, 3},
    row<cron_draft>{"overlap_policy", overlap, 4},
    row<cron_draft>{"catch_up", catch_up, 5},
    row<cron_draft>{"enabled", enabled, 6},
    row<cron_draft>{"description", description, 7},
    row<cron_draft>{"type", flat, 8},
    row<cron_draft>{"args", flat, 9},
    row<cron_draft>{"options", flat, 10},
    row<cron_draft>{"meta", flat, 11},
};

error refuse(std::string_view field, std::string message) {
    return {errc::invalid_request, std::move(message), "\"field\":\"" + std::string(field) + "\""};
}

bool names_our_own(const raw_json& meta) {
    json_cursor members(json_root(meta));
    std::string key;
    json_value value;
    while (members.next(key, value))
        if (key == "cron_name" || key == "cron_triggered_at") return true;
    return false;
}

/// The job a registration is to make, or what is wrong with it.
fault put_together(cron_draft& draft, timestamp now) {
    if (!draft.given_template.empty() && !draft.flat_members.empty())
        return refuse("job_template", "'job_template' must not come with members of a job.");
    auto& job = draft.made.job;
    job = draft.given_template;
    if (job.empty()) {
        if (!draft.has_args)
            draft.flat_members += draft.flat_members.empty() ? "\"args\":[]" : ",\"args\":[]";
        job = "{" + draft.flat_members + "}";
    }
    if (job.size() > limits::cron_template_bytes_max)
        return refuse("job_template", "The job must not take more than " +
                                          std::to_string(limits::cron_template_bytes_max) +
                                          " bytes.");
    const auto spec = decode_job(job, now);
    if (!spec) {
        auto wrong = spec.error();
        wrong.message.insert(0, "job_template: ");
        return wrong;
    }
    if (spec->client_id)
        return refuse("job_template.id", "A job that is made again and again must not have an id.");
    if (spec->pending && draft.made.overlap != overlap_policy::allow)
        return refuse("job_template.options.pending",
                      "A pending job goes with the overlap policy 'allow' only.");
    if (spec->unique)
        return refuse("job_template.options.unique",
                      "What keeps jobs of a schedule apart is its overlap policy, not 'unique'.");
    if (!spec->meta.empty() && names_our_own(spec->meta))
        return refuse("job_template.meta",
                      "'cron_name' and 'cron_triggered_at' are set by the server.");
    return std::nullopt;
}

}  // namespace

result<cron_definition> decode_cron(std::string_view body, timestamp now) {
    const auto root = decode::open_object(body);
    if (!root) return root.error();
    cron_draft draft;
    if (auto f =
            decode::read_members<cron_draft>(*root, "", errc::invalid_request, cron_rows, draft))
        return *std::move(f);
    if (draft.made.expression.empty()) return refuse("expression", "'expression' is missing.");
    if (auto f = put_together(draft, now)) return *std::move(f);
    return std::move(draft.made);
}

result<bool> decode_cron_switch(std::string_view body) {
    const auto root = decode::open_object(body);
    if (!root) return root.error();
    bool on = true;
    static constexpr std::array rows{row<bool>{
        "enabled", [](bool& out, const member& m) { return decode::read_boolean(m, out); }, 0,
        presence::required}};
    if (auto f = decode::read_members<bool>(*root, "", errc::invalid_request, rows, on))
        return *std::move(f);
    return on;
}

}  // namespace sluice
