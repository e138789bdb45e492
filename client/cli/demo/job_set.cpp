#include "client/cli/demo/job_set.hpp"

#include "client/json_view.hpp"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <csignal>
#include <utility>

namespace sluice::cli {

using client::nothrow_await;

namespace {

constexpr auto longest_wait = std::chrono::seconds{20};

bool is_final(const client::failure& f) {
    return f.kind != client::failure_kind::refused || f.status == 401 || f.status == 429 ||
           f.status >= 500;
}

}  // namespace

std::string set_job::result_text() const {
    const auto value = client::parse_answer(job.result);
    if (value && value->kind == json_kind::string) return json_unescape(*value);
    return job.result;
}

std::string set_job::state() const {
    if (refused) return "refused";
    if (id.empty()) return "not submitted";
    return job.state.empty() ? "unknown" : job.state;
}

std::string set_job::problem() const {
    if (refused) return refused->message;
    return job.error_message.empty() ? state() : job.error_message;
}

std::string set_job::problem_type() const {
    std::string type;
    const auto root = client::parse_answer(job.text);
    if (!root) return type;
    client::each_member(*root, [&](std::string_view key, json_value member) {
        if (key != "error") return;
        client::each_member(member, [&](std::string_view inner, json_value value) {
            if (inner == "type") client::set(type, value);
        });
    });
    return type;
}

std::size_t set_outcome::good() const {
    return static_cast<std::size_t>(
        std::count_if(jobs.begin(), jobs.end(), [](const auto& each) { return each.good(); }));
}

nanoseconds set_outcome::sum_of_pauses() const {
    nanoseconds sum{0};
    for (const auto& each : jobs) sum += each.pause;
    return sum;
}

exit_code set_outcome::conclude(const context& ctx) const {
    if (broken) return complain(ctx, *broken);
    if (interrupted) return exit_code::interrupted;
    const auto well = good();
    if (well == jobs.size()) return exit_code::ok;
    return well == 0 ? exit_code::failed : exit_code::partial;
}

job_set::job_set(asio::any_io_executor executor, const context& ctx, std::vector<set_job> jobs,
                 set_events events)
    : executor_(executor),
      ctx_(ctx),
      events_(std::move(events)),
      submitter_(executor, ctx.server),
      canceller_(executor, ctx.server),
      signals_(executor, SIGINT, SIGTERM),
      following_(executor),
      helping_(executor) {
    outcome_.jobs = std::move(jobs);
}

asio::awaitable<void> job_set::run() {
    start_ = steady::now();
    helping_.spawn(watch_signals());
    for (std::size_t i = 0; i < outcome_.jobs.size() && !outcome_.interrupted; ++i) {
        co_await submit(i);
        if (outcome_.broken) break;
    }
    co_await following_.join();
    outcome_.elapsed = passed();
    over_ = true;
    signals_.cancel();
    co_await helping_.join();
}

asio::awaitable<void> job_set::submit(std::size_t index) {
    client::new_job what = outcome_.jobs[index].what;
    auto stored = co_await submitter_.push(std::move(what));
    auto& job = outcome_.jobs[index];
    if (stored.has_error() && is_final(stored.error())) {
        break_off(stored.error());
        co_return;
    }
    job.created_at = passed();
    if (stored.has_error()) {
        job.refused = stored.error();
        end(index);
        co_return;
    }
    job.id = stored->id;
    if (events_.created) events_.created(index, job);
    following_.spawn(follow(index));
    if (outcome_.interrupted) co_await cancel(submitter_, index);
}

asio::awaitable<void> job_set::follow(std::size_t index) {
    followers_.push_back(std::make_unique<client::client>(executor_, ctx_.server));
    auto& server = *followers_.back();
    for (;;) {
        auto job = co_await server.wait(outcome_.jobs[index].id, longest_wait);
        if (job.has_error()) {
            break_off(job.error());
            co_return;
        }
        if (!job->terminal()) continue;
        outcome_.jobs[index].job = std::move(*job);
        end(index);
        co_return;
    }
}

void job_set::end(std::size_t index) {
    auto& job = outcome_.jobs[index];
    job.ended_at = passed();
    // This may be heard before the answer to our own request.
    if (outcome_.interrupted && job.job.state == "cancelled") job.cancelled = true;
    outcome_.order.push_back(index);
    if (events_.ended) events_.ended(index, job);
}

asio::awaitable<void> job_set::watch_signals() {
    while (!over_) {
        const auto [ec, number] = co_await signals_.async_wait(nothrow_await);
        if (over_) break;
        if (ec) continue;
        if (outcome_.interrupted) {
            leave();
            continue;
        }
        outcome_.interrupted = true;
        if (events_.interrupted) events_.interrupted();
        helping_.spawn(cancel_what_is_left());
    }
}

asio::awaitable<void> job_set::cancel_what_is_left() {
    for (std::size_t i = 0; i < outcome_.jobs.size() && !over_; ++i) {
        const auto& job = outcome_.jobs[i];
        if (!job.id.empty() && !job.ended_at) co_await cancel(canceller_, i);
    }
}

asio::awaitable<void> job_set::cancel(client::client& with, std::size_t index) {
    auto gone = co_await with.cancel(outcome_.jobs[index].id);
    // One that has just ended cannot be cancelled; its follower hears how it ended.
    if (gone.has_value()) outcome_.jobs[index].cancelled = true;
}

// The first failure counts; what we end ourselves is none.
void job_set::break_off(const client::failure& why) {
    if (!outcome_.broken && why.kind != client::failure_kind::closed) outcome_.broken = why;
    leave();
}

void job_set::leave() {
    submitter_.close();
    canceller_.close();
    for (auto& each : followers_) each->close();
}

set_outcome run_set(const context& ctx, std::vector<set_job> jobs, set_events events) {
    asio::io_context io{1};
    job_set set{io.get_executor(), ctx, std::move(jobs), std::move(events)};
    asio::co_spawn(io, set.run(), [](std::exception_ptr broken) {
        if (broken) std::rethrow_exception(broken);
    });
    io.run();
    return set.take();
}

}  // namespace sluice::cli
