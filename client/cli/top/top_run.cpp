#include "client/cli/top/top_run.hpp"

#include "client/backoff.hpp"
#include "client/cli/text.hpp"
#include "client/cli/top/top_command.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <utility>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;
using client::nothrow_await;

constexpr std::string_view gap_note =
    "gap: events were dropped before they could be read, or the server was restarted; the rates "
    "are too low";
constexpr std::string_view again_note = "connected again";

timestamp wall_now() {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
}

std::string terminal_type() {
    const char* type = std::getenv("TERM");
    return type != nullptr ? type : "";
}

}  // namespace

top_output choose_top_output(const context& ctx, bool once, std::string_view terminal_type) {
    if (ctx.wants_json()) return top_output::json;
    if (ctx.options.output == output_format::plain) return top_output::tabs;
    if (!ctx.out.tty || terminal_type == "dumb") return top_output::lines;
    return once ? top_output::table : top_output::screen;
}

top_run::top_run(asio::any_io_executor executor, const context& ctx, top_settings settings)
    : executor_(executor),
      ctx_(ctx),
      settings_(std::move(settings)),
      output_(choose_top_output(ctx, settings_.once, terminal_type())),
      model_(queue_filter{settings_.queues}, clock::now()),
      server_(executor, ctx.server),
      events_(
          executor, ctx.server,
          {.types = top_model::event_types(), .queues = queue_filter{settings_.queues}.names()}),
      changed_(executor),
      signals_(executor, SIGINT, SIGTERM, SIGHUP),
      screen_(print),
      helpers_(executor) {
    scene_.url = ctx.server.url.text();
    scene_.settings = settings_;
    if (output_ != top_output::screen) return;
    signals_.add(SIGWINCH);
    signals_.add(SIGTSTP);
}

asio::awaitable<exit_code> top_run::run() {
    auto problem = co_await begin();
    if (problem) co_return complain(ctx_, *problem);
    helpers_.spawn(watch_signals());
    helpers_.spawn(follow());
    if (output_ == top_output::screen) {
        screen_.enter();
        scene_.note = "Rates and times come after one interval.";
        draw();
        scene_.note.clear();
    }
    co_await show_intervals();
    stop();
    co_await helpers_.join();
    screen_.leave();
    if (failure_) co_return complain(ctx_, *failure_);
    const bool too_early = signalled_ && settings_.once;
    co_return too_early ? exit_code::interrupted : exit_code::ok;
}

/// Events first: what happens between the two is then in both, and the next listing sets it right.
asio::awaitable<std::optional<client::failure>> top_run::begin() {
    auto problem = co_await events_.open();
    if (problem) co_return problem;
    auto listed = co_await server_.queues();
    if (listed.has_error()) co_return listed.error();
    model_.list(*listed, clock::now());
    seen_ = model_.take(clock::now(), settings_.order);
    co_return std::nullopt;
}

asio::awaitable<void> top_run::follow() {
    while (!stopped_) {
        auto news = co_await events_.next();
        if (stopped_) co_return;
        if (news.has_value()) {
            take(*news);
        } else if (!gives_up(news.error())) {
            set_away(stream_away_, news.error().message);
            co_await come_back();
        }
    }
}

/// Tries until the events are there again.
asio::awaitable<void> top_run::come_back() {
    client::backoff pause{250ms, 5s, std::random_device{}()};
    while (!stopped_) {
        co_await changed_.wait_until(clock::now() + pause.next());
        if (stopped_) co_return;
        auto problem = co_await events_.open();
        if (stopped_ || (problem && gives_up(*problem))) co_return;
        set_away(stream_away_, problem ? problem->message : "");
        if (!problem) co_return;
    }
}

void top_run::take(const std::vector<client::stream_news>& news) {
    const auto now = clock::now();
    for (const auto& each : news) {
        if (each.gap)
            model_.gap();
        else
            model_.add(each.event, now);
    }
}

asio::awaitable<void> top_run::show_intervals() {
    auto next = clock::now() + settings_.interval;
    while (!stopped_) {
        // Others may wake it up before its time.
        while (!stopped_ && clock::now() < next) {
            const bool woken = co_await changed_.wait_until(next);
            if (woken && !stopped_) draw();
        }
        if (stopped_) co_return;
        auto listed = co_await server_.queues();
        if (stopped_) co_return;
        end_interval(std::move(listed));
        if (settings_.once) co_return;
        next += settings_.interval;
        if (next <= clock::now()) next = clock::now() + settings_.interval;
    }
}

/// While there is no news the interval goes on: what is made up for later belongs to all of it.
void top_run::end_interval(client::outcome<std::vector<client::queue_info>> listed) {
    if (listed.has_error() && gives_up(listed.error())) return;
    set_away(listing_away_, listed.has_error() ? listed.error().message : "");
    if (away().empty()) {
        const auto now = clock::now();
        model_.list(*listed, now);
        seen_ = model_.take(now, settings_.order);
    }
    show();
}

void top_run::set_away(std::string& which, std::string why) {
    const bool before = !away().empty();
    which = std::move(why);
    const bool is_away = !away().empty();
    if (before == is_away) return;
    if (!is_away) scene_.reconnected = true;
    if (output_ == top_output::screen) return;
    if (is_away)
        note(ctx_, paint(ctx_.err, style::yellow, "waiting: ") + printable(away()) + "\n");
    else
        note(ctx_, std::string{again_note} + "\n");
}

bool top_run::gives_up(const client::failure& f) {
    if (may_come_back(f) && !settings_.once) return false;
    if (!failure_) failure_ = f;
    stop();
    return true;
}

void top_run::show() {
    scene_.at = wall_now();
    const bool connected = away().empty();
    scene_.away = away();
    scene_.note.clear();
    if (seen_.gap && connected) {
        scene_.note = gap_note;
        if (output_ != top_output::screen)
            note(ctx_, paint(ctx_.err, style::yellow, std::string{gap_note}) + "\n");
    } else if (scene_.reconnected) {
        scene_.note = again_note;
    }
    if (output_ == top_output::json) {
        if (!connected) seen_ = {};
        print(render_top_json(scene_, seen_));
    } else if (output_ == top_output::screen) {
        draw();
    } else if (connected) {
        if (output_ == top_output::table) {
            const auto lines = render_top_screen(scene_, seen_, ctx_.out, SIZE_MAX);
            for (const auto& line : lines) print(line + "\n");
        } else {
            const bool tabs = output_ == top_output::tabs;
            if (!tabs && !std::exchange(titles_shown_, true)) print(render_top_titles());
            print(render_top_lines(scene_, seen_, tabs));
        }
    }
    scene_.reconnected = false;
    // Nobody reads any more; main() says so.
    if (std::ferror(stdout) != 0) stop();
}

void top_run::draw() {
    if (output_ != top_output::screen) return;
    const auto term = probe_terminal(STDOUT_FILENO, ctx_.options.colour);
    screen_.draw(render_top_screen(scene_, seen_, term, height_of_terminal(STDOUT_FILENO)));
}

asio::awaitable<void> top_run::watch_signals() {
    while (!stopped_) {
        auto [ec, number] = co_await signals_.async_wait(nothrow_await);
        if (ec || stopped_) co_return;
        if (number == SIGWINCH) {
            changed_.notify_all();
        } else if (number == SIGTSTP) {
            screen_.leave();
            std::raise(SIGSTOP);  // goes on here
            screen_.enter();
            draw();
        } else {
            signalled_ = true;
            stop();
        }
    }
}

void top_run::stop() {
    stopped_ = true;
    events_.close();
    server_.close();
    signals_.cancel();
    changed_.notify_all();
}

namespace {

asio::awaitable<exit_code> run_top(asio::any_io_executor executor, const context& ctx,
                                   top_settings settings) {
    top_run run{executor, ctx, std::move(settings)};
    const auto code = co_await run.run();
    co_return code;
}

}  // namespace

exit_code show_top(const context& ctx, const top_settings& settings) {
    return run_to_end([&](auto executor) { return run_top(executor, ctx, settings); });
}

}  // namespace sluice::cli
