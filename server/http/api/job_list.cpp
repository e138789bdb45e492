#include "server/http/api/job_list.hpp"

#include "proto/json_text.hpp"

#include <algorithm>

namespace sluice::http {
namespace {

constexpr std::uint64_t page_jobs_default = 50;
constexpr std::uint64_t page_jobs_max = 1000;

}  // namespace

result<page_request> read_page(const request& r) {
    const auto limit = number_parameter(r, "limit", page_jobs_default, page_jobs_max);
    if (!limit) return limit.error();
    if (*limit == 0) return bad_parameter("limit", "at least 1");
    const auto offset = number_parameter(r, "offset", 0, UINT64_MAX);
    if (!offset) return offset.error();
    if (*offset + *limit > page_jobs_max && *offset > 0) {
        return bad_parameter("offset",
                             "small; use 'cursor' with the 'next_cursor' of the page before");
    }
    page_request page;
    page.limit = *limit;
    page.offset = *offset;
    const auto cursor = read_cursor(r);
    if (!cursor) return cursor.error();
    page.before_seq = *cursor;
    return page;
}

result<std::optional<std::int64_t>> read_cursor(const request& r) {
    std::optional<std::int64_t> cursor;
    if (!r.query_value("cursor")) return cursor;
    const auto before = number_parameter(r, "cursor", 0, INT64_MAX);
    if (!before) return bad_parameter("cursor", "the 'next_cursor' of the page before");
    cursor = static_cast<std::int64_t>(*before);
    return cursor;
}

void apply(const page_request& page, job_query& query) {
    query.limit = page.limit + page.offset;
    query.before_seq = page.before_seq;
}

response page_answer(const request& r, const page_request& page, const job_query& query,
                     job_page found) {
    auto& jobs = found.jobs;
    const auto skipped = std::min(page.offset, jobs.size());
    jobs.erase(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(skipped));
    std::erase_if(jobs, [&](const auto& job) { return !queue_allowed(r, job.spec->queue); });
    const bool more = found.next_before_seq.has_value();
    const std::string next = more ? std::to_string(*found.next_before_seq) : std::string();
    // How many there are in other people's queues is not for everyone.
    const bool count = query.dead_letter && r.queue_patterns.empty();
    const auto total = static_cast<std::int64_t>(found.total);

    response answer;
    answer.body.reserve(256 + encoded_size(jobs));
    answer.body += '{';
    append_jobs(answer.body, jobs);
    answer.body += ',';
    std::string rest;
    json_writer out(rest);
    out.begin_object();
    if (more) out.key("next_cursor").string(next);
    if (count) out.key("total").integer(total);
    out.key("pagination").begin_object();
    if (count) out.key("total").integer(total);
    out.key("limit").integer(static_cast<std::int64_t>(page.limit));
    out.key("offset").integer(static_cast<std::int64_t>(page.offset));
    out.key("has_more").boolean(more);
    if (more) out.key("next_cursor").string(next);
    out.end_object().end_object();
    answer.body.append(rest, 1);
    return answer;
}

}  // namespace sluice::http
