#include "server/http/api/worker_stream.hpp"

#include "proto/codec.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/worker_answers.hpp"
#include "server/http/api/worker_checks.hpp"
#include "server/http/body_stream.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <functional>

namespace sluice::http {
namespace {

/// One grant; and nothing more is done while more than this waits to be sent.
constexpr std::size_t jobs_at_once_max = 100;
constexpr std::size_t out_bytes_max = std::size_t{256} * 1024;
constexpr std::size_t answering_max = 16;

asio::awaitable<response> open_stream(services_ptr services, request r, path_values) {
    if (!r.stream)
        co_return error_response(
            error(errc::invalid_request, "Content-Type must be application/x-ndjson.",
                  R"("field":"Content-Type")"),
            r);
    const auto executor = co_await asio::this_coro::executor;
    co_return line_stream::answer(
        std::make_shared<worker_stream>(std::move(services), std::move(r), executor));
}

}  // namespace

void worker_stream::collect(std::string& piece) {
    if (out_.empty()) return;
    while (!out_.empty() && piece.size() < piece_bytes) {
        out_bytes_ -= out_.front().text.size();
        piece += out_.front().text;
        out_.pop_front();
    }
    changed_.notify_all();
}

void worker_stream::say(out_line line) {
    out_bytes_ += line.text.size();
    out_.push_back(std::move(line));
    changed_.notify_all();
}

bool worker_stream::is_full() const {
    return out_bytes_ > out_bytes_max;
}

asio::awaitable<void> worker_stream::until_less_waits() {
    while ((is_full() || answering_ >= answering_max) && !abandoned_) co_await changed_.wait();
}

asio::awaitable<void> worker_stream::take_lines() {
    while (!abandoned_ && !has_ended()) {
        co_await until_less_waits();
        const auto line = lines_.next();
        if (!line) break;
        auto wrong = co_await take_line(*line);
        if (!wrong) continue;
        if (fetch_) {
            out_line refusal;
            append_refusal(refusal.text, line->number, *wrong);
            say(std::move(refusal));
        } else {
            end_with(*wrong);  // nothing can follow: what it wants is not known
        }
    }
    if (request_.stream->end() == body_end::whole) stop_.request_stop();  // it wants no more
}

asio::awaitable<std::optional<error>> worker_stream::take_line(line_splitter::line line) {
    if (line.dropped) co_return why_dropped(line);
    auto said = decode_worker_line(line.text, services_->now().wall);
    if (!said) co_return said.error();
    if (!fetch_) {
        if (!said->answers.fetch)
            co_return error(errc::invalid_request, "The first line must have 'fetch'.",
                            R"("field":"fetch")");
        auto wanted = std::move(*said->answers.fetch);
        said->answers.fetch.reset();
        auto beginning = begin(std::move(wanted));
        auto refused = co_await std::move(beginning);
        if (refused) co_return refused;
    }
    if (said->answers.fetch)
        co_return error(errc::invalid_request, "Only the first line may have 'fetch'.",
                        R"("field":"fetch")");
    credits_ = std::min(credits_ + said->credits, worker_line::credits_max);
    changed_.notify_all();
    if (!said->answers_something()) co_return std::nullopt;
    auto& asked = said->answers;
    if (asked.worker_id.empty()) name_worker(asked, fetch_->worker_id);
    ++answering_;
    tasks_.spawn(answer_for(line.number, std::move(asked)));
    co_return std::nullopt;
}

asio::awaitable<std::optional<error>> worker_stream::begin(fetch_request wanted) {
    auto once = wanted;
    auto refused = co_await resolve(once);
    if (refused) co_return refused;
    wanted.wait = limits::wait_max;
    wanted.fetch_id.clear();
    fetch_ = std::move(wanted);
    fetching_ = true;
    tasks_.spawn(fetch());
    co_return std::nullopt;
}

/// The rule of a pool may change at any time.
asio::awaitable<std::optional<error>> worker_stream::resolve(fetch_request& wanted) {
    if (!wanted.pool.empty()) {
        auto missing = co_await resolve_pool(services_, request_, wanted);
        if (missing) co_return missing;
    }
    co_return check_fetch(request_, wanted);
}

asio::awaitable<void> worker_stream::fetch() {
    const auto stop = stop_.get_token();
    while (!stop.stop_requested()) {
        if (credits_ == 0 || is_full()) {
            co_await changed_.wait();
            continue;
        }
        auto wanted = *fetch_;
        const auto refused = co_await resolve(wanted);
        if (refused) {
            end_with(*refused);
            break;
        }
        wanted.count = std::min<std::size_t>(credits_, jobs_at_once_);
        const auto jobs = co_await services_->queue->fetch(std::move(wanted), stop);
        if (!jobs) {
            end_with(jobs.error());
            break;
        }
        hand_over(*jobs);
        if (!jobs->empty()) continue;
        // The time was up, or the worker was told to be quiet or to go on, or the server drains.
        if (is_draining()) break;
        const auto executor = co_await asio::this_coro::executor;
        co_await asio::post(executor, asio::use_awaitable);
    }
    fetching_ = false;
    changed_.notify_all();
}

void worker_stream::hand_over(const std::vector<job_record>& jobs) {
    for (const auto& job : jobs) {
        out_line line{"{\"job\":", std::pair{job.spec->id, job.lease}};
        append_leased_job(line.text, job);
        line.text += "}\n";
        say(std::move(line));
    }
    credits_ -= std::min<std::uint64_t>(credits_, jobs.size());
    jobs_at_once_ = is_full() ? std::max<std::size_t>(jobs_at_once_ / 2, 1)
                              : std::min(jobs_at_once_ * 2, jobs_at_once_max);
}

asio::awaitable<void> worker_stream::answer_for(std::uint64_t line, answers_request asked) {
    auto r = request_;
    r.stream.reset();
    const auto made = co_await answer_many(services_, std::move(r), std::move(asked));
    --answering_;
    out_line answer{"{\"line\":" + std::to_string(line) + ','};
    answer.text.append(made.body, 1);
    answer.text += '\n';
    say(std::move(answer));
}

/// What was granted and never left goes back without spending an attempt.
asio::awaitable<void> worker_stream::leave() {
    answers_request back;
    for (const auto& line : out_) {
        if (!line.job) continue;
        auto& each = back.nacks.emplace_back();
        each.job_id = line.job->first;
        each.lease = line.job->second;
        each.worker_id = fetch_->worker_id;
        each.release = true;
    }
    out_.clear();
    if (back.nacks.empty()) co_return;
    auto answering = services_->queue->answer_many(std::move(back));
    // Should the store fail, the leases are gone with it.
    [[maybe_unused]] const auto done = co_await std::move(answering);
}

void add_worker_stream_route(router& routes, const services_ptr& services) {
    routes.add("POST", "/ojs/v1/workers/stream", {.needs = scope::work, .takes_stream = true},
               std::bind_front(open_stream, services));
}

}  // namespace sluice::http
