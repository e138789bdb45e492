#include "proto/redrive.hpp"

#include "proto/decode.hpp"
#include "proto/json_text.hpp"
#include "proto/limits.hpp"
#include "proto/stored.hpp"

#include <array>

namespace sluice {
namespace {

using decode::bad_value;
using decode::fault;
using decode::member;
using decode::presence;
using decode::row;

fault filter(redrive_request& asked, const member& m) {
    return decode::read_dead_letter_filter(m, asked.filter);
}

fault rate(redrive_request& asked, const member& m) {
    const auto number =
        m.value.kind == json_kind::number ? json_number(m.value) : std::optional<double>{};
    if (!number) return decode::wrong_type(m, "number");
    if (!(*number >= limits::redrive_rate_min && *number <= limits::redrive_rate_max))
        return bad_value(m, "be from 0.001 to 10000 jobs in a second");
    asked.rate = *number;
    return std::nullopt;
}

fault canary(redrive_request& asked, const member& m) {
    std::int64_t count = 0;
    if (auto f = decode::read_integer(m, 0, limits::redrive_canaries_max, count)) return f;
    asked.canary = static_cast<std::size_t>(count);
    return std::nullopt;
}

fault max(redrive_request& asked, const member& m) {
    std::int64_t count = 0;
    if (auto f = decode::read_integer(m, 1, limits::redrive_jobs_max, count)) return f;
    asked.max = static_cast<std::uint64_t>(count);
    return std::nullopt;
}

constexpr std::array request_rows{
    row<redrive_request>{"filter", filter, 0, presence::required},
    row<redrive_request>{"rate", rate, 1},
    row<redrive_request>{"canary", canary, 2},
    row<redrive_request>{"max", max, 3},
};

std::int64_t whole(std::uint64_t count) {
    return static_cast<std::int64_t>(count);
}

std::size_t completed_canaries(const redrive_record& redrive) {
    std::size_t count = 0;
    for (const auto& each : redrive.canaries) count += each.completed ? 1 : 0;
    return count;
}

void append_filter(json_writer& out, const bulk_filter& filter) {
    out.key("filter").begin_object();
    stored::write_string(out, "queue", filter.queue);
    stored::write_string(out, "type", filter.type);
    stored::write_string(out, "error_type", filter.error_type);
    if (filter.since) out.key("since").time(*filter.since);
    if (filter.until) out.key("until").time(*filter.until);
    out.end_object();
}

void append_stop(json_writer& out, const redrive_stop& stop) {
    out.key("stopped_by").begin_object().key("job_id").id(stop.job_id);
    out.key("state").plain(to_string(stop.state));
    stored::write_string(out, "error_type", stop.error_type);
    stored::write_string(out, "error", stop.message);
    out.end_object();
}

void write_canaries(json_writer& out, const std::vector<redrive_canary>& canaries) {
    out.key("canaries").begin_array();
    for (const auto& each : canaries)
        out.begin_array().id(each.job_id).integer(each.seq).boolean(each.completed).end_array();
    out.end_array();
}

redrive_canary read_canary(const stored::field& f) {
    redrive_canary made;
    int at = 0;
    stored::each_element(f, [&](const stored::field& each) {
        if (at == 0) made.job_id = require(parse_uuid(string(each)), each);
        if (at == 1) made.seq = stored::number<std::int64_t>(each);
        if (at == 2) made.completed = require(json_boolean(each.value), each);
        ++at;
    });
    if (at != 3) stored::refuse(f);
    return made;
}

redrive_stop read_stop(const stored::field& f) {
    redrive_stop made;
    stored::each_member(f, [&](const stored::field& each) {
        if (each.name == "job_id") made.job_id = require(parse_uuid(string(each)), each);
        if (each.name == "state") made.state = require(parse_job_state(string(each)), each);
        if (each.name == "error_type") made.error_type = string(each);
        if (each.name == "error") made.message = string(each);
    });
    return made;
}

bulk_filter read_filter(const stored::field& f) {
    bulk_filter made;
    stored::each_member(f, [&](const stored::field& each) {
        if (each.name == "queue") made.queue = string(each);
        if (each.name == "type") made.type = string(each);
        if (each.name == "error_type") made.error_type = string(each);
        if (each.name == "since") made.since = require(parse_timestamp(string(each)), each);
        if (each.name == "until") made.until = require(parse_timestamp(string(each)), each);
    });
    return made;
}

}  // namespace

std::string_view to_string(redrive_state state) {
    constexpr std::array<std::string_view, 5> names{"canary", "running", "completed", "stopped",
                                                    "cancelled"};
    return names[static_cast<std::size_t>(state)];
}

std::string_view to_string(redrive_wait wait) {
    constexpr std::array<std::string_view, 6> names{"",           "canaries", "queue_paused",
                                                    "queue_full", "disk",     "server"};
    return names[static_cast<std::size_t>(wait)];
}

result<redrive_request> decode_redrive(std::string_view body) {
    redrive_request asked;
    if (auto f = decode::read_settings<redrive_request>(body, request_rows, asked)) return *f;
    return asked;
}

void append_redrive(std::string& text, const redrive_view& view) {
    const auto& redrive = view.redrive;
    json_writer out(text);
    out.begin_object().key("id").plain(redrive.id).key("state").plain(to_string(redrive.state));
    append_filter(out, redrive.asked.filter);
    out.key("rate").number(redrive.asked.rate).key("canary").integer(whole(redrive.asked.canary));
    if (redrive.asked.max) out.key("max").integer(whole(*redrive.asked.max));
    out.key("counts").begin_object().key("sent").integer(whole(redrive.sent));
    out.key("skipped").integer(whole(redrive.skipped));
    out.key("canaries_sent").integer(whole(redrive.canaries.size()));
    out.key("canaries_completed").integer(whole(completed_canaries(redrive))).end_object();
    out.key("canaries").begin_array();
    for (const auto& each : redrive.canaries) out.id(each.job_id);
    out.end_array();
    if (view.waits_for != redrive_wait::nothing) {
        out.key("waits_for").begin_object().key("reason").plain(to_string(view.waits_for));
        stored::write_string(out, "queue", view.queue);
        out.end_object();
    }
    if (redrive.stopped_by) append_stop(out, *redrive.stopped_by);
    out.key("created_at").time(redrive.created_at);
    if (redrive.ended_at) out.key("ended_at").time(*redrive.ended_at);
    out.end_object();
}

std::string encode_stored_redrive(const redrive_record& redrive) {
    std::string text;
    json_writer out(text);
    out.begin_object();
    append_filter(out, redrive.asked.filter);
    out.key("rate").number(redrive.asked.rate).key("canary").integer(whole(redrive.asked.canary));
    if (redrive.asked.max) out.key("max").integer(whole(*redrive.asked.max));
    out.key("state").integer(static_cast<std::int64_t>(redrive.state));
    stored::write_time(out, "created", redrive.created_at);
    stored::write_time(out, "ended", redrive.ended_at);
    out.key("sent").integer(whole(redrive.sent)).key("skipped").integer(whole(redrive.skipped));
    if (redrive.cursor) out.key("cursor").integer(*redrive.cursor);
    out.key("exhausted").boolean(redrive.exhausted);
    write_canaries(out, redrive.canaries);
    if (redrive.stopped_by) append_stop(out, *redrive.stopped_by);
    out.end_object();
    return text;
}

redrive_record decode_stored_redrive(std::string_view id, std::string_view text) {
    redrive_record made;
    made.id = id;
    stored::each_member(stored::open(text), [&](const stored::field& f) {
        if (f.name == "filter") made.asked.filter = read_filter(f);
        if (f.name == "rate") made.asked.rate = require(json_number(f.value), f);
        if (f.name == "canary") made.asked.canary = stored::number<std::size_t>(f);
        if (f.name == "max") made.asked.max = stored::number<std::uint64_t>(f);
        if (f.name == "state") made.state = stored::enumerator(f, redrive_state::cancelled);
        if (f.name == "created") made.created_at = time(f);
        if (f.name == "ended") made.ended_at = time(f);
        if (f.name == "sent") made.sent = stored::number<std::uint64_t>(f);
        if (f.name == "skipped") made.skipped = stored::number<std::uint64_t>(f);
        if (f.name == "cursor") made.cursor = stored::number<std::int64_t>(f);
        if (f.name == "exhausted") made.exhausted = require(json_boolean(f.value), f);
        if (f.name == "canaries")
            stored::each_element(
                f, [&](const stored::field& each) { made.canaries.push_back(read_canary(each)); });
        if (f.name == "stopped_by") made.stopped_by = read_stop(f);
    });
    if (!(made.asked.rate > 0)) stored::refuse({"rate", {}});
    return made;
}

}  // namespace sluice
