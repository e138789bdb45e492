#include "client/client.hpp"

#include "client/url.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace sluice::client {

using verb = boost::beast::http::verb;

namespace {

constexpr std::string_view api = "/ojs/v1";

/// The server's answer names no more queues than this.
constexpr std::size_t queues_a_page = 1000;

std::string path(std::string_view rest) {
    return std::string{api} + std::string{rest};
}

std::string path(std::string_view before, std::string_view name, std::string_view after = {}) {
    return path(before) + encode_component(name) + std::string{after};
}

/// Collects `name=value` pairs of a query.
class query {
public:
    void add(std::string_view name, std::string_view value) {
        if (value.empty()) return;
        text_ += text_.empty() ? '?' : '&';
        text_ += std::string{name} + "=" + encode_component(value);
    }
    void add_list(std::string_view name, const std::vector<std::string>& values) {
        std::string joined;
        for (const auto& value : values) joined += (joined.empty() ? "" : ",") + value;
        add(name, joined);
    }
    const std::string& text() const { return text_; }

private:
    std::string text_;
};

std::string jobs_target(std::string_view base, const job_filter& filter) {
    query q;
    q.add("state", filter.state);
    q.add("queue", filter.queue);
    q.add("type", filter.type);
    q.add("limit", std::to_string(filter.limit));
    q.add("cursor", filter.after);
    return path(base) + q.text();
}

std::string events_target(const event_filter& filter) {
    query q;
    q.add_list("types", filter.types);
    q.add_list("queues", filter.queues);
    if (filter.after) q.add("after", std::to_string(*filter.after));
    if (filter.wait.count() > 0) q.add("wait_ms", std::to_string(filter.wait.count()));
    q.add("limit", std::to_string(filter.limit));
    return path("/events") + q.text();
}

call post_call(std::string target, std::string body) {
    call request;
    request.method = verb::post;
    request.target = std::move(target);
    request.body = std::move(body);
    return request;
}

call push_call(std::string target, std::string body, std::string idempotency_key) {
    call request = post_call(std::move(target), std::move(body));
    request.repeatable = !idempotency_key.empty();
    if (request.repeatable) {
        request.fields.emplace_back("Idempotency-Key", std::move(idempotency_key));
    }
    return request;
}

call plain_call(verb method, std::string target) {
    call request;
    request.method = method;
    request.target = std::move(target);
    request.repeatable = method == verb::get;
    return request;
}

failure not_understood() {
    failure f;
    f.message = "the answer is not what the API promises; is this a Sluice server?";
    return f;
}

/// The value a body stands for, or the failure that the reply or the body is.
template <class Read>
auto value_of(const outcome<reply>& answer, Read read)
    -> outcome<typename decltype(read(std::string_view{}))::value_type> {
    if (answer.has_error()) return answer.error();
    auto value = read(answer->body);
    if (!value) return not_understood();
    return std::move(*value);
}

}  // namespace

client::client(asio::any_io_executor executor, settings with)
    : connection_(std::move(executor), std::move(with)) {}

asio::awaitable<outcome<reply>> client::ask(call request) {
    auto answer = co_await connection_.exchange(std::move(request));
    if (answer.has_error() || answer->status < 300) co_return answer;
    failure f = read_error(answer->status, answer->body);
    if (f.request_id.empty()) f.request_id = answer->request_id;
    int seconds = 0;
    const auto& text = answer->retry_after;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (bad == std::errc{} && end != text.data()) f.retry_after = std::chrono::seconds{seconds};
    co_return f;
}

asio::awaitable<outcome<job_info>> client::push(new_job job, std::string idempotency_key) {
    call request = push_call(path("/jobs"), encode(job), std::move(idempotency_key));
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_job);
}

asio::awaitable<outcome<std::vector<job_info>>> client::push_batch(std::vector<new_job> jobs,
                                                                   std::string idempotency_key) {
    call request = push_call(path("/jobs/batch"), encode_batch(jobs), std::move(idempotency_key));
    auto answer = co_await ask(std::move(request));
    auto stored = value_of(answer, read_jobs);
    if (stored.has_error()) co_return stored.error();
    co_return std::move(stored->jobs);
}

asio::awaitable<outcome<job_info>> client::get(std::string id) {
    call request = plain_call(verb::get, path("/jobs/", id));
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_job);
}

asio::awaitable<outcome<job_info>> client::wait(std::string id, std::chrono::seconds wait) {
    call request = plain_call(verb::get, path("/jobs/", id));
    request.fields.emplace_back("Prefer", "wait=" + std::to_string(wait.count()));
    request.wait = wait;
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_job);
}

asio::awaitable<outcome<job_info>> client::cancel(std::string id) {
    call request = plain_call(verb::delete_, path("/jobs/", id));
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_job);
}

asio::awaitable<outcome<job_list>> client::list(job_filter filter) {
    call request = plain_call(verb::get, jobs_target("/jobs", filter));
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_jobs);
}

asio::awaitable<outcome<log_lines>> client::log(std::string id, log_filter filter) {
    query q;
    q.add("after", std::to_string(filter.after));
    q.add("limit", std::to_string(filter.limit));
    if (filter.wait.count() > 0) q.add("wait_ms", std::to_string(filter.wait.count()));
    call request = plain_call(verb::get, path("/jobs/", id, "/log") + q.text());
    request.wait = filter.wait;
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_log);
}

asio::awaitable<outcome<std::vector<queue_info>>> client::queues() {
    std::vector<queue_info> all;
    for (;;) {
        query q;
        if (!all.empty()) q.add("offset", std::to_string(all.size()));
        call request = plain_call(verb::get, path("/queues") + q.text());
        auto answer = co_await ask(std::move(request));
        auto page = value_of(answer, read_queues);
        if (page.has_error()) co_return page;
        const bool whole = page->size() < queues_a_page;
        std::move(page->begin(), page->end(), std::back_inserter(all));
        if (whole) co_return all;
    }
}

asio::awaitable<outcome<queue_info>> client::queue(std::string name) {
    call request = plain_call(verb::get, path("/queues/", name, "/stats"));
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_queue);
}

asio::awaitable<outcome<queue_info>> client::pause_queue(std::string name) {
    call request = plain_call(verb::post, path("/queues/", name, "/pause"));
    request.repeatable = true;
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_queue);
}

asio::awaitable<outcome<queue_info>> client::resume_queue(std::string name) {
    call request = plain_call(verb::post, path("/queues/", name, "/resume"));
    request.repeatable = true;
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_queue);
}

asio::awaitable<outcome<queue_settings>> client::set_queue(std::string name, queue_change change) {
    call request = post_call(path("/admin/queues/", name, "/config"), encode(change));
    request.method = verb::patch;
    request.repeatable = true;
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_queue_settings);
}

asio::awaitable<outcome<purge_info>> client::purge_queue(purge_order order) {
    query q;
    q.add("states", order.states);
    if (!order.older_than.empty()) q.add("older_than", order.older_than);
    if (!order.cursor.empty()) q.add("cursor", order.cursor);
    q.add("confirm", "true");
    call request =
        plain_call(verb::delete_, path("/admin/queues/", order.queue, "/jobs") + q.text());
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_purge);
}

asio::awaitable<outcome<cron_info>> client::set_cron(new_cron cron) {
    call request = post_call(path("/cron"), encode(cron));
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_cron);
}

asio::awaitable<outcome<cron_info>> client::cron(std::string name) {
    call request = plain_call(verb::get, path("/cron/", name));
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_cron);
}

asio::awaitable<outcome<cron_list>> client::crons(std::optional<bool> enabled) {
    query q;
    if (enabled) q.add("enabled", *enabled ? "true" : "false");
    call request = plain_call(verb::get, path("/cron") + q.text());
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_crons);
}

asio::awaitable<outcome<cron_info>> client::enable_cron(std::string name, bool enabled) {
    call request = post_call(path("/cron/", name), encode_cron_switch(enabled));
    request.method = verb::patch;
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_cron);
}

asio::awaitable<outcome<cron_info>> client::delete_cron(std::string name) {
    call request = plain_call(verb::delete_, path("/cron/", name));
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_cron);
}

asio::awaitable<outcome<cron_preview>> client::preview_cron(std::string name, std::size_t count) {
    query q;
    q.add("count", std::to_string(count));
    call request = plain_call(verb::get, path("/cron/", name, "/preview") + q.text());
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_cron_preview);
}

asio::awaitable<outcome<job_list>> client::dead_letters(job_filter filter) {
    call request = plain_call(verb::get, jobs_target("/dead-letter", filter));
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_jobs);
}

asio::awaitable<outcome<job_info>> client::retry_dead_letter(std::string id) {
    call request = plain_call(verb::post, path("/dead-letter/", id, "/retry"));
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_job);
}

asio::awaitable<outcome<bool>> client::delete_dead_letter(std::string id) {
    call request = plain_call(verb::delete_, path("/dead-letter/", id));
    auto answer = co_await ask(std::move(request));
    if (answer.has_error()) co_return answer.error();
    co_return true;
}

asio::awaitable<outcome<redrive_info>> client::begin_redrive(new_redrive redrive) {
    call request = post_call(path("/dead-letter/redrives"), encode(redrive));
    request.repeatable = false;
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_redrive);
}

asio::awaitable<outcome<redrive_info>> client::redrive(std::string id) {
    call request = plain_call(verb::get, path("/dead-letter/redrives/", id));
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_redrive);
}

asio::awaitable<outcome<redrive_list>> client::redrives() {
    call request = plain_call(verb::get, path("/dead-letter/redrives"));
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_redrives);
}

asio::awaitable<outcome<redrive_info>> client::cancel_redrive(std::string id) {
    call request = plain_call(verb::delete_, path("/dead-letter/redrives/", id));
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_redrive);
}

asio::awaitable<outcome<event_list>> client::events(event_filter filter) {
    call request = plain_call(verb::get, events_target(filter));
    request.wait = filter.wait;
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_events);
}

asio::awaitable<outcome<job_list>> client::fetch(fetch_order order) {
    call request = post_call(path("/workers/fetch"), encode(order));
    request.wait = order.wait;
    request.repeatable = false;
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_jobs);
}

asio::awaitable<outcome<answer_info>> client::answer(lease_name lease, std::string worker_id,
                                                     job_outcome how,
                                                     std::optional<fetch_order> fetch) {
    const auto* next = fetch ? &*fetch : nullptr;
    const auto* done = std::get_if<completed>(&how);
    call request = done != nullptr
                       ? post_call(path("/workers/ack"), encode_ack(lease, worker_id, *done, next))
                       : post_call(path("/workers/nack"), encode_nack(lease, worker_id, how, next));
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_answer);
}

asio::awaitable<outcome<beat_info>> client::heartbeat(beat_order order) {
    call request = post_call(path("/workers/heartbeat"), encode(order));
    auto answer = co_await ask(std::move(request));
    co_return value_of(answer, read_beat);
}

asio::awaitable<outcome<bool>> client::report_progress(lease_name lease, std::string worker_id,
                                                       progress_report report) {
    call request = post_call(path("/jobs/", lease.job_id, "/progress"),
                             encode_progress(lease, worker_id, report));
    request.method = verb::put;
    auto answer = co_await ask(std::move(request));
    if (answer.has_error()) co_return answer.error();
    co_return true;
}

asio::awaitable<outcome<bool>> client::append_log(lease_name lease, std::string worker_id,
                                                  std::vector<log_text> lines) {
    call request =
        post_call(path("/jobs/", lease.job_id, "/log"), encode_log(lease, worker_id, lines));
    request.repeatable = false;
    auto answer = co_await ask(std::move(request));
    if (answer.has_error()) co_return answer.error();
    co_return true;
}

// A server that is not well answers 503 with the same body; that is an answer, not a failure.
asio::awaitable<outcome<health_info>> client::health() {
    call request = plain_call(verb::get, path("/health"));
    auto answer = co_await connection_.exchange(std::move(request));
    if (answer.has_value() && answer->status != 200 && answer->status != 503) {
        co_return read_error(answer->status, answer->body);
    }
    auto health = value_of(answer, read_health);
    if (health.has_value()) health->ready = answer->status == 200;
    co_return health;
}

asio::awaitable<outcome<health_info>> client::ready() {
    call request = plain_call(verb::get, "/readyz");
    auto answer = co_await connection_.exchange(std::move(request));
    if (answer.has_error()) co_return answer.error();
    if (answer->status != 200 && answer->status != 503) {
        co_return read_error(answer->status, answer->body);
    }
    health_info health = read_health(answer->body).value_or(health_info{});
    health.ready = answer->status == 200;
    if (health.status.empty()) health.status = health.ready ? "ok" : "not ready";
    co_return health;
}

}  // namespace sluice::client
