#include "proto/bulk.hpp"
#include "proto/decode.hpp"
#include "proto/limits.hpp"
#include "proto/type_pattern.hpp"

#include <array>
#include <charconv>

namespace sluice {
namespace {

using decode::fault;
using decode::member;
using decode::presence;
using decode::row;

fault queue(bulk_filter& filter, const member& m) {
    return decode::read_queue(m, filter.queue);
}

fault type(bulk_filter& filter, const member& m) {
    if (auto f = decode::read_string(m, limits::type_bytes_max, filter.type)) return f;
    const auto prefix = pattern_prefix(filter.type);
    const auto star = prefix.value_or(filter.type).find('*');
    // "*" would be a filter that says nothing.
    if (filter.type.empty() || star != std::string_view::npos ||
        (prefix && (prefix->empty() || *prefix == ".")))
        return decode::bad_value(m, "be a type, or a prefix that ends in '.*'");
    return std::nullopt;
}

fault error_type(bulk_filter& filter, const member& m) {
    if (auto f = decode::read_string(m, limits::error_type_bytes_max, filter.error_type)) return f;
    if (filter.error_type.empty()) return decode::bad_value(m, "not be empty");
    return std::nullopt;
}

fault state(bulk_filter& filter, const member& m) {
    std::string name;
    if (auto f = decode::read_string(m, 64, name)) return f;
    filter.state = parse_job_state(name);
    if (!filter.state) return decode::bad_value(m, "be one of the eight job states");
    return std::nullopt;
}

fault dead_letter(bulk_filter& filter, const member& m) {
    return decode::read_boolean(m, filter.dead_letter.emplace());
}

fault read_time(const member& m, std::optional<timestamp>& out) {
    std::string text;
    if (auto f = decode::read_string(m, 64, text)) return f;
    out = parse_timestamp(text);
    if (!out) return decode::bad_value(m, "be a time as RFC 3339 has it");
    return std::nullopt;
}

fault since(bulk_filter& filter, const member& m) {
    return read_time(m, filter.since);
}

fault until(bulk_filter& filter, const member& m) {
    return read_time(m, filter.until);
}

fault ids(bulk_filter& filter, const member& m) {
    if (m.value.kind != json_kind::array) return decode::wrong_type(m, "array");
    json_cursor elements{m.value};
    std::string unused;
    member element = m;
    while (elements.next(unused, element.value)) {
        if (filter.ids.size() == limits::bulk_ids_max)
            return decode::bad_value(
                m, "not name more than " + std::to_string(limits::bulk_ids_max) + " jobs");
        if (auto f = decode::read_job_id(element, filter.ids.emplace_back())) return f;
    }
    // Nothing to choose from is not the same as everything.
    if (filter.ids.empty()) return decode::bad_value(m, "name a job at least");
    return std::nullopt;
}

constexpr std::array dead_letter_rows{
    row<bulk_filter>{"queue", queue, 0},           row<bulk_filter>{"type", type, 1},
    row<bulk_filter>{"error_type", error_type, 2}, row<bulk_filter>{"since", since, 3},
    row<bulk_filter>{"until", until, 4},
};

constexpr std::array filter_rows{
    row<bulk_filter>{"queue", queue, 0},
    row<bulk_filter>{"type", type, 1},
    row<bulk_filter>{"error_type", error_type, 2},
    row<bulk_filter>{"state", state, 3},
    row<bulk_filter>{"dead_letter", dead_letter, 4},
    row<bulk_filter>{"since", since, 5},
    row<bulk_filter>{"until", until, 6},
    row<bulk_filter>{"ids", ids, 7},
};

fault refuse_unknown(const json_cursor&, const member& m) {
    return decode::bad_value(m, "not be here: nothing is known by this name");
}

fault filter(bulk_request& bulk, const member& m) {
    if (m.value.kind != json_kind::object) return decode::wrong_type(m, "object");
    std::uint32_t seen = 0;
    return decode::read_members<bulk_filter>(m.value, "filter.", m.code, filter_rows, bulk.filter,
                                             seen, refuse_unknown);
}

fault confirm(bulk_request& bulk, const member& m) {
    return decode::read_boolean(m, bulk.confirm);
}

fault dry_run(bulk_request& bulk, const member& m) {
    return decode::read_boolean(m, bulk.dry_run);
}

fault limit(bulk_request& bulk, const member& m) {
    std::int64_t number = 0;
    if (auto f = decode::read_integer(m, 1, limits::bulk_jobs_max, number)) return f;
    bulk.limit = static_cast<std::size_t>(number);
    return std::nullopt;
}

fault cursor(bulk_request& bulk, const member& m) {
    std::string text;
    if (auto f = decode::read_string(m, 32, text)) return f;
    std::int64_t seq = 0;
    const auto* const last = text.data() + text.size();
    const auto [end, problem] = std::from_chars(text.data(), last, seq);
    if (text.empty() || end != last || problem != std::errc{} || seq < 0)
        return decode::bad_value(m, "be the 'next_cursor' of an earlier answer");
    bulk.before_seq = seq;
    return std::nullopt;
}

constexpr std::array bulk_rows{
    row<bulk_request>{"filter", filter, 0, presence::required},
    row<bulk_request>{"confirm", confirm, 1},
    row<bulk_request>{"dry_run", dry_run, 2},
    row<bulk_request>{"limit", limit, 3},
    row<bulk_request>{"cursor", cursor, 4},
};

/// Whether it leaves out anything at all. That a job is no dead letter says next to nothing.
bool narrows(const bulk_filter& filter) {
    return !filter.queue.empty() || !filter.type.empty() || !filter.error_type.empty() ||
           !filter.ids.empty() || filter.state || filter.dead_letter.value_or(false) ||
           filter.since || filter.until;
}

bool fits_type(std::string_view wanted, std::string_view type) {
    const auto prefix = pattern_prefix(wanted);
    return prefix ? type.starts_with(*prefix) : type == wanted;
}

}  // namespace

fault decode::read_dead_letter_filter(const member& m, bulk_filter& out) {
    if (m.value.kind != json_kind::object) return wrong_type(m, "object");
    std::uint32_t seen = 0;
    if (auto f = read_members<bulk_filter>(m.value, "filter.", m.code, dead_letter_rows, out, seen,
                                           refuse_unknown))
        return f;
    if (narrows(out)) return std::nullopt;
    return bad_value(m,
                     "say which dead letters are meant: by 'queue', 'type', 'error_type', "
                     "'since' or 'until'");
}

bool fits(const bulk_filter& filter, const job_record& job) {
    const auto& spec = *job.spec;
    if (!filter.queue.empty() && spec.queue != filter.queue) return false;
    if (!filter.type.empty() && !fits_type(filter.type, spec.type)) return false;
    if (filter.state && job.state != *filter.state) return false;
    if (filter.dead_letter && job.dead_letter != *filter.dead_letter) return false;
    if (filter.since && job.received_at < *filter.since) return false;
    if (filter.until && job.received_at >= *filter.until) return false;
    if (filter.ended_before && !(job.finished_at && *job.finished_at < *filter.ended_before))
        return false;
    return filter.error_type.empty() ||
           (!job.failures.empty() && job.failures.back().type == filter.error_type);
}

result<bulk_request> decode_bulk(std::string_view body) {
    const auto root = decode::open_object(body);
    if (!root) return root.error();
    bulk_request bulk;
    std::uint32_t seen = 0;
    if (auto f = decode::read_members<bulk_request>(*root, "", errc::invalid_request, bulk_rows,
                                                    bulk, seen, refuse_unknown))
        return *std::move(f);
    if (!narrows(bulk.filter))
        return error(errc::invalid_request,
                     "The filter must say which jobs are meant: by 'ids', 'queue', 'type', "
                     "'error_type', 'state', 'dead_letter', 'since' or 'until'.",
                     R"("field":"filter")");
    return bulk;
}

}  // namespace sluice
