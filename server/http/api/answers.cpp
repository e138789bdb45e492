#include "server/http/api/answers.hpp"

#include "proto/codec.hpp"
#include "proto/json_text.hpp"
#include "proto/limits.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::http {
namespace {

std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string_view trimmed(std::string_view text) {
    const auto from = text.find_first_not_of(" \t");
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

/// Calls `visit` for each part of a comma-separated list, without the white space around it.
template <class Visit>
void each_part(std::string_view list, Visit visit) {
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        visit(trimmed(list.substr(0, comma)));
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
}

/// The whole of `text` as a number; more than 64 bits count as the largest.
std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (end != text.data() + text.size() || text.empty()) return std::nullopt;
    if (problem == std::errc::result_out_of_range) return UINT64_MAX;
    return number;
}

/// In milliseconds with three decimals.
void append_milliseconds(std::string& out, std::string_view name,
                         std::chrono::nanoseconds duration) {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, us / 1000).ptr;
    const auto rest = static_cast<int>(us % 1000);
    const char decimals[] = {'.', static_cast<char>('0' + rest / 100),
                             static_cast<char>('0' + rest / 10 % 10),
                             static_cast<char>('0' + rest % 10)};
    if (!out.empty()) out += ", ";
    out.append(name).append(";dur=").append(text, end).append(decimals, sizeof decimals);
}

/// Bytes of the names, times and numbers of a job.
constexpr std::size_t envelope_bytes = 900;

}  // namespace

error not_found(std::string_view kind, std::string_view id) {
    std::string what(kind);
    std::replace(what.begin(), what.end(), '_', ' ');
    // An id from a path may be anything, and as long as a target may be.
    const auto shown = id.substr(0, 128);
    std::string message = "There is no ";
    message.append(what).append(" '").append(shown).append("'.");
    std::string details = "\"resource_type\":" + quoted(kind);
    details += ",\"resource_id\":" + quoted(shown);
    return error(errc::not_found, std::move(message), std::move(details));
}

error named(error e, std::string_view kind, std::string_view id) {
    if (e.code == errc::not_found) return not_found(kind, id);
    return e;
}

error forbidden_queue(std::string_view queue) {
    std::string message = "This token may not use the queue '";
    message.append(queue).append("'.");
    return error(errc::forbidden, std::move(message), "\"queue\":" + quoted(queue));
}

std::optional<error> check_worker_id(std::string_view id) {
    if (!id.starts_with("sluice.")) return std::nullopt;
    return error(errc::invalid_request,
                 "Worker ids that begin with 'sluice.' are the server's own.",
                 R"("field":"worker_id")");
}

error bad_parameter(std::string_view name, std::string_view expected) {
    std::string message = "The query parameter '";
    message.append(name).append("' must be ").append(expected).append(".");
    return error(errc::invalid_request, std::move(message), "\"parameter\":" + quoted(name));
}

result<std::uint64_t> number_parameter(const request& r, std::string_view name,
                                       std::uint64_t fallback, std::uint64_t max) {
    const auto text = r.query_value(name);
    if (!text) return fallback;
    const auto number = parse_number(*text);
    if (!number) return bad_parameter(name, "a whole number that is not negative");
    return std::min(*number, max);
}

std::vector<std::string> list_parameter(const request& r, std::string_view name) {
    std::vector<std::string> parts;
    each_part(r.query_value(name).value_or(""), [&](std::string_view part) {
        if (!part.empty()) parts.emplace_back(part);
    });
    return parts;
}

result<std::optional<std::chrono::seconds>> preferred_wait(const request& r) {
    std::optional<std::chrono::seconds> wait;
    bool too_long = false;
    each_part(r.field("prefer"), [&](std::string_view preference) {
        constexpr std::string_view name = "wait=";
        if (wait || !preference.starts_with(name)) return;
        // What cannot be understood is ignored (RFC 7240 §2).
        const auto seconds = parse_number(preference.substr(name.size()));
        if (!seconds) return;
        constexpr auto max = std::chrono::duration_cast<std::chrono::seconds>(limits::wait_max);
        too_long = *seconds > static_cast<std::uint64_t>(max.count());
        wait = too_long ? max : std::chrono::seconds(*seconds);
    });
    if (too_long)
        return error(errc::invalid_request, "Prefer: wait is at most 60 seconds.",
                     R"("field":"Prefer","max":60)");
    return wait;
}

void add_preference_applied(response& answer, std::chrono::seconds wait) {
    answer.fields.emplace_back("Preference-Applied", "wait=" + std::to_string(wait.count()));
}

void add_server_timing(response& answer, const request& r,
                       std::chrono::steady_clock::time_point parsed,
                       std::optional<std::chrono::microseconds> commit) {
    std::string value;
    value.reserve(64);
    append_milliseconds(value, "parse", parsed - r.received);
    if (commit) append_milliseconds(value, "commit", *commit);
    append_milliseconds(value, "total", std::chrono::steady_clock::now() - r.received);
    answer.fields.emplace_back("Server-Timing", std::move(value));
}

response job_answer(const job_record& job, int status) {
    response answer;
    answer.status = status;
    answer.body.reserve(encoded_size(job));
    answer.body += "{\"job\":";
    append_job(answer.body, job);
    answer.body += '}';
    return answer;
}

response flat_job_answer(const job_record& job) {
    response answer;
    answer.body.reserve(encoded_size(job));
    append_job(answer.body, job);
    return answer;
}

void append_jobs(std::string& out, const std::vector<job_record>& jobs) {
    out += "\"jobs\":[";
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (i > 0) out += ',';
        append_job(out, jobs[i]);
    }
    out += ']';
}

void append_leased_jobs(std::string& out, const std::vector<job_record>& jobs) {
    out += "\"jobs\":[";
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (i > 0) out += ',';
        append_leased_job(out, jobs[i]);
    }
    out += ']';
}

std::size_t encoded_size(const job_record& job) {
    const auto& spec = *job.spec;
    return envelope_bytes + spec.args.size() + spec.meta.size() + spec.tags.size() +
           spec.extra.size() + spec.extra_options.size() + job.result.size() +
           job.failures.size() * 256 + job.attempts.size() * 160;
}

std::size_t encoded_size(const std::vector<job_record>& jobs) {
    std::size_t bytes = 32;
    for (const auto& job : jobs) bytes += encoded_size(job);
    return bytes;
}

}  // namespace sluice::http
