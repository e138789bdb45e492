#include "proto/codec.hpp"
#include "proto/cron.hpp"
#include "proto/json_text.hpp"

namespace sluice {
namespace {

void append_time(json_writer& out, std::string_view name, const std::optional<timestamp>& at) {
    out.key(name);
    if (at)
        out.time(*at);
    else
        out.null();
}

}  // namespace

std::string_view to_string(overlap_policy policy) {
    switch (policy) {
        case overlap_policy::skip:
            return "skip";
        case overlap_policy::allow:
            return "allow";
        case overlap_policy::cancel_previous:
            return "cancel_previous";
        case overlap_policy::enqueue:
            return "enqueue";
    }
    return {};
}

std::optional<overlap_policy> parse_overlap_policy(std::string_view name) {
    for (const auto policy : {overlap_policy::skip, overlap_policy::allow,
                              overlap_policy::cancel_previous, overlap_policy::enqueue})
        if (to_string(policy) == name) return policy;
    return std::nullopt;
}

std::string_view to_string(catch_up_policy policy) {
    switch (policy) {
        case catch_up_policy::one:
            return "one";
        case catch_up_policy::none:
            return "none";
        case catch_up_policy::all:
            return "all";
    }
    return {};
}

std::optional<catch_up_policy> parse_catch_up_policy(std::string_view name) {
    for (const auto policy : {catch_up_policy::one, catch_up_policy::none, catch_up_policy::all})
        if (to_string(policy) == name) return policy;
    return std::nullopt;
}

void append_cron(std::string& out, const cron_record& record) {
    const auto& given = record.definition;
    json_writer writer(out);
    writer.begin_object().key("name").plain(given.name);
    writer.key("expression").string(given.expression).key("timezone").plain(given.timezone);
    writer.key("overlap_policy").plain(to_string(given.overlap));
    writer.key("catch_up").plain(to_string(given.catch_up));
    writer.key("enabled").boolean(given.enabled);
    if (!given.description.empty()) writer.key("description").string(given.description);
    writer.key("job_template").raw(given.job);
    writer.key("created_at").time(record.created_at);
    append_time(writer, "last_run_at", record.last_run_at);
    append_time(writer, "next_run_at", record.next_run_at);
    writer.key("run_count").integer(static_cast<std::int64_t>(record.run_count));
    if (record.last_job_id) writer.key("last_job_id").id(*record.last_job_id);
    writer.end_object();
}

}  // namespace sluice
