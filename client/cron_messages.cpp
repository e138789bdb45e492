#include "client/cron_messages.hpp"

#include "client/json_view.hpp"

namespace sluice::client {
namespace {

cron_info cron_from(json_value value) {
    cron_info cron;
    cron.text = raw_json{value.text};
    each_member(value, [&](std::string_view key, json_value member) {
        if (key == "name") set(cron.name, member);
        if (key == "expression") set(cron.expression, member);
        if (key == "timezone") set(cron.timezone, member);
        if (key == "overlap_policy") set(cron.overlap, member);
        if (key == "catch_up") set(cron.catch_up, member);
        if (key == "description") set(cron.description, member);
        if (key == "enabled") set(cron.enabled, member);
        if (key == "run_count") set(cron.run_count, member);
        if (key == "last_job_id") set(cron.last_job_id, member);
        if (key == "created_at") set(cron.created_at, member);
        if (key == "last_run_at") set(cron.last_run_at, member);
        if (key == "next_run_at") set(cron.next_run_at, member);
        if (key == "job_template") cron.job = raw_json{member.text};
    });
    return cron;
}

cron_time time_from(json_value value) {
    cron_time time;
    time.text = raw_json{value.text};
    each_member(value, [&](std::string_view key, json_value member) {
        if (key == "at") set(time.at, member);
        if (key == "runs") set(time.runs, member);
        if (key == "skipped") set(time.skipped, member);
    });
    return time;
}

}  // namespace

std::string encode(const new_cron& cron) {
    std::string text;
    json_writer out{text};
    out.begin_object().key("name").string(cron.name);
    out.key("expression").string(cron.expression).key("timezone").string(cron.timezone);
    out.key("overlap_policy").plain(to_string(cron.overlap));
    out.key("catch_up").plain(to_string(cron.catch_up));
    out.key("enabled").boolean(cron.enabled);
    if (!cron.description.empty()) out.key("description").string(cron.description);
    out.key("job_template").raw(encode(cron.job)).end_object();
    return text;
}

std::string encode_cron_switch(bool enabled) {
    return enabled ? R"({"enabled":true})" : R"({"enabled":false})";
}

std::optional<cron_info> read_cron(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root) return std::nullopt;
    std::optional<cron_info> cron;
    each_member(*root, [&](std::string_view key, json_value member) {
        if (key == "cron" && member.kind == json_kind::object) cron = cron_from(member);
    });
    return cron;
}

std::optional<cron_list> read_crons(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root) return std::nullopt;
    std::optional<cron_list> list;
    each_member(*root, [&](std::string_view key, json_value member) {
        if (key != "crons" || member.kind != json_kind::array) return;
        list.emplace().text = raw_json{root->text};
        each_element(member, [&](json_value each) { list->crons.push_back(cron_from(each)); });
    });
    return list;
}

std::optional<cron_preview> read_cron_preview(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root) return std::nullopt;
    cron_preview preview;
    bool has_times = false;
    preview.text = raw_json{root->text};
    each_member(*root, [&](std::string_view key, json_value member) {
        if (key == "name") set(preview.name, member);
        if (key == "expression") set(preview.expression, member);
        if (key == "timezone") set(preview.timezone, member);
        if (key != "occurrences" || member.kind != json_kind::array) return;
        has_times = true;
        each_element(member, [&](json_value each) { preview.times.push_back(time_from(each)); });
    });
    if (!has_times) return std::nullopt;
    return preview;
}

}  // namespace sluice::client
