#include "client/cli/bench/bench_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <utility>

namespace sluice::cli::bench {

using client::nothrow_await;

namespace {

constexpr auto drain_when_interrupted = std::chrono::seconds{5};

/// A name nobody else uses: what is in the queue at the end is deleted.
std::string scratch_name() {
    std::random_device random;
    return fmt::format("bench-{:08x}", static_cast<std::uint32_t>(random()));
}

std::unique_ptr<rate_plan> plan_for(const bench_options& options) {
    if (options.find_max) return std::make_unique<rate_search>(options.rates.front());
    return std::make_unique<rate_list>(options.rates);
}

}  // namespace

bool bench_report::objectives_met() const {
    if (options.objectives.empty()) return true;
    if (options.find_max) return best.has_value();
    return std::all_of(steps.begin(), steps.end(), [](const auto& each) { return each.met(); });
}

bench_session::bench_session(asio::any_io_executor executor, const context& ctx,
                             bench_options options, std::function<void(const bench_report&)> begun)
    : executor_(executor),
      ctx_(ctx),
      begun_(std::move(begun)),
      control_(executor, ctx.server),
      plan_(plan_for(options)),
      signals_(executor, SIGINT, SIGTERM),
      progress_(executor),
      helping_(executor) {
    report_.options = std::move(options);
    report_.url = ctx.server.url.text();
    report_.queue = scratch_name();
}

asio::awaitable<void> bench_session::run() {
    const bool welcome = co_await greet();
    if (!welcome) co_return;
    if (begun_) begun_(report_);
    helping_.spawn(watch_signals());
    helping_.spawn(show_progress());
    const auto& options = report_.options;
    if (options.handler.kind == handler_kind::remote) {
        workers_ = std::make_unique<remote_workers>(ctx_.server, report_.queue, options.workers,
                                                    options.handler.pause);
    }
    co_await run_plan();
    over_ = true;
    if (workers_) {
        auto refused = workers_->stop();
        if (refused && !failure_) failure_ = std::move(refused);
    }
    follower_.reset();
    if (!abandoned_) co_await purge(true);
    left_behind_ = left_behind_ || abandoned_;
    signals_.cancel();
    progress_.cancel();
    co_await helping_.join();
    clear_line();
}

/// One question that fails early, and the place in the stream of events to listen from.
asio::awaitable<bool> bench_session::greet() {
    auto health = co_await control_.health();
    if (health.has_error()) {
        failure_ = health.error();
        co_return false;
    }
    report_.server_version = health->version;
    report_.store = health->store;
    client::event_filter latest;
    latest.limit = 1;
    auto events = co_await control_.events(std::move(latest));
    if (events.has_error()) {
        failure_ = events.error();
        co_return false;
    }
    follower_ = std::make_unique<event_follower>(ctx_.server, report_.queue);
    follower_->start(events->last_id);
    co_return true;
}

asio::awaitable<void> bench_session::run_plan() {
    const auto& options = report_.options;
    const auto closed = std::optional<double>{};
    if (options.warmup.count() > 0) {
        warming_up_ = true;
        const auto rate = options.closed ? closed : std::optional{options.rates.front()};
        const bool going = co_await run_step(rate, options.warmup, false);
        warming_up_ = false;
        if (!going) co_return;
    }
    if (options.closed) {
        co_await run_step(closed, options.duration, true);
        co_return;
    }
    while (const auto rate = plan_->next()) {
        const bool going = co_await run_step(rate, options.duration, true);
        if (!going) break;
        plan_->heard(report_.steps.back().met());
    }
    report_.best = plan_->best();
}

asio::awaitable<bool> bench_session::run_step(std::optional<double> rate, nanoseconds duration,
                                              bool counts) {
    const auto& options = report_.options;
    load what{rate, duration, report_.queue};
    step_time_ = duration;
    step_ = std::make_unique<load_step>(executor_, ctx_.server, options, std::move(what), senders_,
                                        *follower_);
    co_await step_->run();
    const auto step = std::move(step_);
    if (step->failure() && !failure_) failure_ = step->failure();
    step_result& result = step->result();
    const bool something = result.run.created + result.errors + result.unsent > 0;
    const bool unfinished = result.unfinished() > 0;
    if (counts && something && !abandoned_) {
        judge(result, options.objectives);
        report_.steps.push_back(std::move(result));
    }
    if (failure_ || report_.interrupted) co_return false;
    // What is left of an overload must not be a load on the next step.
    if (unfinished) co_await purge(false);
    co_return true;
}

/// Waiting jobs are cancelled; with `all` those that have ended are deleted too, and the jobs just
/// cancelled among them.
asio::awaitable<void> bench_session::purge(bool all) {
    client::purge_order order;
    order.queue = report_.queue;
    order.states = "pending,scheduled,available,retryable,active";
    const int passes = all ? 2 : 1;
    for (int i = 0; i < passes; ++i) {
        if (i == 1) order.states = "completed,cancelled,discarded";
        do {
            auto removed = co_await control_.purge_queue(order);
            if (removed.has_error()) {
                left_behind_ = all;
                co_return;
            }
            order.cursor = std::move(removed->next_cursor);
        } while (!order.cursor.empty() && !abandoned_);
    }
}

asio::awaitable<void> bench_session::watch_signals() {
    while (!over_ || !abandoned_) {
        const auto [ec, number] = co_await signals_.async_wait(nothrow_await);
        if (ec) break;
        if (report_.interrupted) {
            abandoned_ = true;
            if (step_) step_->abandon();
            control_.close();
            break;
        }
        report_.interrupted = true;
        clear_line();
        note(ctx_, "Interrupted: what is open gets 5 s; Ctrl-C again leaves at once.\n");
        if (step_) step_->stop(drain_when_interrupted);
    }
}

asio::awaitable<void> bench_session::show_progress() {
    const auto pause = std::chrono::milliseconds{ctx_.err.tty ? 100 : 1000};
    while (!over_) {
        progress_.expires_after(pause);
        co_await progress_.async_wait(nothrow_await);
        if (step_ && !over_ && !ctx_.options.no_progress) show(step_->so_far());
    }
}

void bench_session::show(const load_step::progress& at) const {
    const auto& rate = step_->result().rate;
    std::string text =
        warming_up_ ? "  warm-up" : "  " + (rate ? format_rate(*rate) + "/s" : "closed loop");
    text += fmt::format("  {:.1f} of {:.0f}s  created {}  finished {}",
                        std::chrono::duration<double>(at.passed).count(),
                        std::chrono::duration<double>(step_time_).count(), format_count(at.created),
                        format_count(at.finished));
    if (at.errors > 0) text += "  errors " + format_count(at.errors);
    note(ctx_, ctx_.err.tty ? "\r" + text + "\x1b[K" : text + "\n");
}

void bench_session::clear_line() const {
    if (ctx_.err.tty && !ctx_.options.no_progress) note(ctx_, "\r\x1b[K");
}

exit_code bench_session::conclude() const {
    if (left_behind_) {
        note(ctx_, fmt::format("Jobs of this run are left in queue {}; remove them with: sluice "
                               "queue purge {} --state completed,cancelled,available --yes\n",
                               report_.queue, report_.queue));
    }
    if (failure_ && !abandoned_) return complain(ctx_, *failure_);
    if (report_.interrupted) return exit_code::interrupted;
    return report_.objectives_met() ? exit_code::ok : exit_code::missed;
}

}  // namespace sluice::cli::bench
