#include "proto/codec.hpp"
#include "server/http/api/admin_page.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/job_list.hpp"

#include <algorithm>
#include <functional>
#include <map>

namespace sluice::http {
namespace {

constexpr std::string_view kind = "dead_letter_job";

/// Pages by number cost what comes before them; beyond this many jobs the cursor is the way.
constexpr std::uint64_t numbered_jobs_max = 1000;
/// Names told of in the statistics: those with the most dead letters.
constexpr std::size_t names_max = 100;

asio::awaitable<result<dead_letter_summary>> visible_groups(services_ptr services, request r) {
    auto summary = co_await services->queue->dead_letters();
    if (!summary) co_return summary.error();
    std::erase_if(summary->groups,
                  [&](const auto& group) { return !queue_allowed(r, group.queue); });
    co_return std::move(*summary);
}

/// How many the caller may see, of `queue` and `type` where they are given. Exact unless it is
/// asked by type and there are very many.
asio::awaitable<result<std::uint64_t>> count(services_ptr services, request r, std::string queue,
                                             std::string type) {
    std::uint64_t total = 0;
    if (type.empty()) {
        auto queues = co_await services->queue->queues();
        if (!queues) co_return queues.error();
        for (const auto& each : *queues)
            if (queue_allowed(r, each.name) && (queue.empty() || each.name == queue))
                total += each.dead_letters;
        co_return total;
    }
    auto summary = co_await visible_groups(services, r);
    if (!summary) co_return summary.error();
    for (const auto& group : summary->groups)
        if (group.type == type && (queue.empty() || group.queue == queue)) total += group.count;
    co_return total;
}

response page_of(const request& r, const admin_page& page, std::uint64_t skipped, job_page found,
                 std::uint64_t total) {
    auto& jobs = found.jobs;
    const auto before = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(skipped, jobs.size()));
    jobs.erase(jobs.begin(), jobs.begin() + before);
    std::erase_if(jobs, [&](const auto& job) { return !queue_allowed(r, job.spec->queue); });
    const auto& next = found.next_before_seq;
    response answer;
    answer.body.reserve(256 + encoded_size(jobs));
    json_writer out(answer.body);
    out.begin_object().key("items").begin_array();
    for (const auto& job : jobs) {
        out.raw("");
        append_job(answer.body, job);
    }
    out.end_array().key("pagination").begin_object();
    append_pagination(out, page, total, next.has_value());
    if (next) out.key("next_cursor").string(std::to_string(*next));
    out.end_object().end_object();
    return answer;
}

asio::awaitable<response> list_dead_letters(services_ptr services, request r, path_values) {
    const auto page = read_admin_page(r);
    if (!page) co_return error_response(page.error(), r);
    const auto cursor = read_cursor(r);
    if (!cursor) co_return error_response(cursor.error(), r);
    const std::uint64_t skipped = *cursor ? 0 : page->offset();
    if (skipped > 0 && skipped + page->size > numbered_jobs_max) {
        const auto refused =
            bad_parameter("page", "small; use 'cursor' with the 'next_cursor' of the page before");
        co_return error_response(refused, r);
    }
    job_query query;
    query.dead_letter = true;
    query.queue = r.query_value("queue").value_or("");
    query.type = r.query_value("type").value_or("");
    query.limit = skipped + page->size;
    query.before_seq = *cursor;
    auto total = co_await count(services, r, query.queue, query.type);
    if (!total) co_return error_response(total.error(), r);
    auto found = co_await services->queue->list(std::move(query));
    if (!found) co_return error_response(found.error(), r);
    co_return page_of(r, *page, skipped, std::move(*found), *total);
}

using tally = std::map<std::string, std::uint64_t>;

/// `"name":count,...`, those with the most first.
void append_tally(json_writer& out, std::string_view name, const tally& counted) {
    std::vector<std::pair<std::string, std::uint64_t>> most(counted.begin(), counted.end());
    std::stable_sort(most.begin(), most.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    if (most.size() > names_max) most.resize(names_max);
    out.key(name).begin_object();
    // Names of queues and types need no escaping.
    for (const auto& [each, count] : most) out.key(each).integer(static_cast<std::int64_t>(count));
    out.end_object();
}

asio::awaitable<response> dead_letter_statistics(services_ptr services, request r, path_values) {
    auto queues = co_await services->queue->queues();
    if (!queues) co_return error_response(queues.error(), r);
    auto summary = co_await visible_groups(services, r);
    if (!summary) co_return error_response(summary.error(), r);
    tally by_queue, by_type;
    std::uint64_t total = 0;
    for (const auto& queue : *queues) {
        if (queue.dead_letters == 0 || !queue_allowed(r, queue.name)) continue;
        by_queue[queue.name] = queue.dead_letters;
        total += queue.dead_letters;
    }
    std::optional<timestamp> oldest, newest;
    for (const auto& group : summary->groups) {
        by_type[group.type] += group.count;
        oldest = std::min(oldest.value_or(group.oldest), group.oldest);
        newest = std::max(newest.value_or(group.newest), group.newest);
    }
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("total").integer(static_cast<std::int64_t>(total));
    append_tally(out, "by_queue", by_queue);
    append_tally(out, "by_type", by_type);
    if (oldest) out.key("oldest_at").time(*oldest);
    if (newest) out.key("newest_at").time(*newest);
    out.key("complete").boolean(summary->complete).end_object();
    co_return answer;
}

/// The dead letter of a path, if the caller may touch it.
asio::awaitable<result<job_record>> find_dead_letter(services_ptr services, request r,
                                                     std::string id) {
    const auto parsed = parse_uuid(id);
    if (!parsed) co_return not_found(kind, id);
    auto job = co_await services->queue->info(*parsed);
    if (!job) co_return named(job.error(), kind, id);
    if (!job->dead_letter || !queue_allowed(r, job->spec->queue)) co_return not_found(kind, id);
    co_return job;
}

asio::awaitable<response> get_dead_letter(services_ptr services, request r, path_values values) {
    auto job = co_await find_dead_letter(services, r, values[0]);
    if (!job) co_return error_response(job.error(), r);
    co_return flat_job_answer(*job);
}

asio::awaitable<response> retry_dead_letter(services_ptr services, request r, path_values values) {
    auto job = co_await find_dead_letter(services, r, values[0]);
    if (!job) co_return error_response(job.error(), r);
    auto revived = co_await services->queue->retry_dead_letter(job->spec->id);
    if (!revived) co_return error_response(named(revived.error(), kind, values[0]), r);
    co_return flat_job_answer(*revived);
}

asio::awaitable<response> delete_dead_letter(services_ptr services, request r, path_values values) {
    auto job = co_await find_dead_letter(services, r, values[0]);
    if (!job) co_return error_response(job.error(), r);
    auto deleted = co_await services->queue->delete_dead_letter(job->spec->id);
    if (!deleted) co_return error_response(named(deleted.error(), kind, values[0]), r);
    response answer;
    answer.status = 204;
    co_return answer;
}

}  // namespace

void add_admin_dead_letter_routes(router& routes, const services_ptr& services) {
    const route_options read{.needs = scope::read};
    const route_options admin{.needs = scope::admin};
    const std::string base = "/ojs/v1/admin/dead-letter";
    routes.add("GET", base, read, std::bind_front(list_dead_letters, services));
    routes.add("GET", base + "/stats", read, std::bind_front(dead_letter_statistics, services));
    routes.add("GET", base + "/{id}", read, std::bind_front(get_dead_letter, services));
    routes.add("DELETE", base + "/{id}", admin, std::bind_front(delete_dead_letter, services));
    routes.add("POST", base + "/{id}/retry", admin, std::bind_front(retry_dead_letter, services));
}

}  // namespace sluice::http
