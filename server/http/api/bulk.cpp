#include "proto/bulk.hpp"
#include "proto/json_text.hpp"
#include "proto/limits.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/bulk_run.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/queue_json.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <utility>

namespace sluice::http {
namespace {

/// Which jobs the path alone speaks of.
enum class among : std::uint8_t { all, dead_letters };

std::optional<error> refuse(const request& r, const bulk_request& asked) {
    if (!asked.confirm && !asked.dry_run)
        return error(errc::invalid_request,
                     "Changing many jobs needs \"confirm\": true. To see how many there would be, "
                     "ask with \"dry_run\": true.",
                     R"("field":"confirm")");
    const auto& queue = asked.filter.queue;
    if (!queue.empty() && !queue_allowed(r, queue)) return forbidden_queue(queue);
    return std::nullopt;
}

response bulk_answer(bulk_action action, bool dry_run, const bulk_outcome& outcome) {
    const auto count = [](std::uint64_t number) { return static_cast<std::int64_t>(number); };
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("action").plain(to_string(action)).key("dry_run").boolean(dry_run);
    out.key("matched").integer(count(outcome.matched));
    out.key("succeeded").integer(count(outcome.succeeded));
    out.key("failed").integer(count(outcome.failed));
    out.key("skipped").integer(count(outcome.skipped));
    out.key("errors").begin_array();
    for (const auto& failure : outcome.failures) {
        out.begin_object().key("job_id").id(failure.job_id);
        out.key("code").plain(to_string(failure.why.code));
        out.key("error").string(failure.why.message).end_object();
    }
    out.end_array().key("has_more").boolean(outcome.more);
    if (outcome.next_cursor) out.key("next_cursor").string(std::to_string(*outcome.next_cursor));
    out.end_object();
    return answer;
}

asio::awaitable<response> change_many(services_ptr services, bulk_action action, among which,
                                      request r, path_values) {
    auto asked = decode_bulk(r.body);
    if (!asked) co_return error_response(asked.error(), r);
    if (const auto refused = refuse(r, *asked)) co_return error_response(*refused, r);
    if (which == among::dead_letters) asked->filter.dead_letter = true;
    const bool dry_run = asked->dry_run;
    bulk_run run(services, r, action, std::move(*asked));
    auto outcome = co_await run.run();
    if (!outcome) co_return error_response(outcome.error(), r);
    co_return bulk_answer(action, dry_run, *outcome);
}

struct purge_request {
    std::vector<job_state> states;
    std::optional<timestamp> older_than;
    /// Where an earlier call ended: in the first of `states`, below this job.
    std::optional<std::int64_t> before_seq;
};

/// The state and the job where a purge is to go on. Those of states before it are done.
bool read_cursor(std::string_view text, purge_request& purge) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return false;
    const auto state = parse_job_state(text.substr(0, colon));
    const auto begin = std::ranges::find(purge.states, state);
    purge.states.erase(purge.states.begin(), begin);
    const auto digits = text.substr(colon + 1);
    const auto* const last = digits.data() + digits.size();
    std::int64_t seq = 0;
    const auto [end, problem] = std::from_chars(digits.data(), last, seq);
    purge.before_seq = seq;
    return !purge.states.empty() && problem == std::errc{} && end == last && seq >= 0;
}

std::string cursor_text(job_state state, std::int64_t before_seq) {
    return std::string(to_string(state)) + ':' + std::to_string(before_seq);
}

/// The members of ojs-admin-api.md §6.5, in the query: a DELETE with a body is refused before it
/// comes here. Unknown ones are refused, for they may be names misspelt that were to leave jobs
/// out.
result<purge_request> read_purge(const request& r) {
    purge_request purge;
    for (const auto& [name, value] : r.query)
        if (name != "states" && name != "older_than" && name != "confirm" && name != "cursor")
            return bad_parameter(name, "left out: nothing is known by this name");
    for (const auto& name : list_parameter(r, "states")) {
        const auto state = parse_job_state(name);
        if (!state) return bad_parameter("states", "a list of job states");
        purge.states.push_back(*state);
    }
    if (purge.states.empty()) return bad_parameter("states", "a list of job states");
    if (const auto text = r.query_value("older_than")) {
        purge.older_than = parse_timestamp(*text);
        if (!purge.older_than) return bad_parameter("older_than", "a time as RFC 3339 has it");
        if (!std::ranges::all_of(purge.states, is_terminal))
            return bad_parameter("older_than", "left out unless all states are terminal");
    }
    if (r.query_value("confirm") != "true") return bad_parameter("confirm", "true");
    if (const auto text = r.query_value("cursor"); text && !read_cursor(*text, purge))
        return bad_parameter("cursor", "what an earlier answer gave, with the same states");
    return purge;
}

/// Those that have ended are deleted, others cancelled; the rest is for a call with the cursor that
/// is answered. A retry is harmless: what is done is done.
asio::awaitable<response> purge_queue(services_ptr services, request r, path_values values) {
    const std::string& name = values[0];
    if (!is_queue_name(name)) co_return error_response(malformed_queue_name(), r);
    if (!queue_allowed(r, name)) co_return error_response(forbidden_queue(name), r);
    const auto purge = read_purge(r);
    if (!purge) co_return error_response(purge.error(), r);
    bulk_outcome all;
    std::string next;
    auto before_seq = purge->before_seq;
    for (const auto state : purge->states) {
        bulk_request asked;
        asked.filter.queue = name;
        asked.filter.state = state;
        asked.filter.ended_before = purge->older_than;
        asked.limit = limits::bulk_jobs_max;
        asked.before_seq = std::exchange(before_seq, std::nullopt);
        const auto action = is_terminal(state) ? bulk_action::remove : bulk_action::cancel;
        bulk_run run(services, r, action, std::move(asked));
        auto running = run.run();
        const auto outcome = co_await std::move(running);
        if (!outcome) co_return error_response(outcome.error(), r);
        all.succeeded += outcome->succeeded;
        all.failed += outcome->failed;
        if (!outcome->next_cursor) continue;
        next = cursor_text(state, *outcome->next_cursor);
        break;
    }
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("purged_count").integer(static_cast<std::int64_t>(all.succeeded));
    out.key("failed").integer(static_cast<std::int64_t>(all.failed));
    out.key("states").begin_array();
    for (const auto state : purge->states) out.plain(to_string(state));
    out.end_array().key("has_more").boolean(!next.empty());
    if (!next.empty()) out.key("next_cursor").plain(next);
    out.end_object();
    co_return answer;
}

}  // namespace

void add_bulk_routes(router& routes, const services_ptr& services) {
    const route_options admin{.needs = scope::admin};
    for (const auto action : {bulk_action::retry, bulk_action::cancel, bulk_action::remove}) {
        routes.add("POST", "/ojs/v1/admin/jobs/bulk/" + std::string(to_string(action)), admin,
                   std::bind_front(change_many, services, action, among::all));
    }
    routes.add("DELETE", "/ojs/v1/admin/queues/{name}/jobs", admin,
               std::bind_front(purge_queue, services));
    routes.add("POST", "/ojs/v1/admin/dead-letter/retry", admin,
               std::bind_front(change_many, services, bulk_action::retry, among::dead_letters));
}

}  // namespace sluice::http
