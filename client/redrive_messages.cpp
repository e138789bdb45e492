#include "client/redrive_messages.hpp"

#include "client/json_view.hpp"

namespace sluice::client {
namespace {

redrive_info redrive_from(json_value value) {
    redrive_info redrive;
    redrive.text = raw_json{value.text};
    each_member(value, [&](std::string_view key, json_value member) {
        if (key == "id") set(redrive.id, member);
        if (key == "state") set(redrive.state, member);
        if (key == "canary") set(redrive.canaries, member);
        if (key == "created_at") set(redrive.created_at, member);
        if (key == "rate" && member.kind == json_kind::number)
            redrive.rate = json_number(member).value_or(0);
        each_member(member, [&](std::string_view name, json_value inner) {
            if (key == "filter" && name == "queue") set(redrive.queue, inner);
            if (key == "filter" && name == "type") set(redrive.type, inner);
            if (key == "counts" && name == "sent") set(redrive.sent, inner);
            if (key == "counts" && name == "skipped") set(redrive.skipped, inner);
            if (key == "counts" && name == "canaries_completed")
                set(redrive.canaries_completed, inner);
            if (key == "waits_for" && name == "reason") set(redrive.waits_for, inner);
            if (key == "waits_for" && name == "queue") set(redrive.waits_for_queue, inner);
            if (key == "stopped_by" && name == "job_id") set(redrive.stopped_by, inner);
            if (key == "stopped_by" && name == "state") set(redrive.stopped_state, inner);
            if (key == "stopped_by" && name == "error") set(redrive.stop_message, inner);
        });
    });
    return redrive;
}

}  // namespace

std::string encode(const new_redrive& redrive) {
    std::string text;
    json_writer out{text};
    out.begin_object().key("filter").begin_object();
    if (!redrive.queue.empty()) out.key("queue").string(redrive.queue);
    if (!redrive.type.empty()) out.key("type").string(redrive.type);
    if (!redrive.error_type.empty()) out.key("error_type").string(redrive.error_type);
    out.end_object();
    if (redrive.rate) out.key("rate").number(*redrive.rate);
    if (redrive.canaries) out.key("canary").integer(static_cast<std::int64_t>(*redrive.canaries));
    if (redrive.max) out.key("max").integer(static_cast<std::int64_t>(*redrive.max));
    out.end_object();
    return text;
}

std::optional<redrive_info> read_redrive(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root) return std::nullopt;
    std::optional<redrive_info> redrive;
    each_member(*root, [&](std::string_view key, json_value member) {
        if (key == "redrive" && member.kind == json_kind::object) redrive = redrive_from(member);
    });
    return redrive;
}

std::optional<redrive_list> read_redrives(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root) return std::nullopt;
    std::optional<redrive_list> list;
    each_member(*root, [&](std::string_view key, json_value member) {
        if (key != "redrives" || member.kind != json_kind::array) return;
        list.emplace().text = raw_json{root->text};
        each_element(member,
                     [&](json_value each) { list->redrives.push_back(redrive_from(each)); });
    });
    return list;
}

}  // namespace sluice::client
