#include "client/backoff.hpp"
#include "client/cli/commands.hpp"
#include "client/cli/log_view.hpp"
#include "client/cli/text.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>
#include <optional>
#include <random>
#include <utility>

namespace sluice::cli {
namespace {

using steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// How long one question waits for a line.
constexpr auto poll = 20s;

/// In the order of the lines: where both streams are one terminal they stand as they came.
void write(const std::vector<log_chunk>& chunks) {
    for (const auto& [aside, text] : chunks) {
        std::FILE* const to = aside ? stderr : stdout;
        std::fwrite(text.data(), 1, text.size(), to);
        std::fflush(to);
    }
}

asio::awaitable<void> sleep(asio::any_io_executor executor, std::chrono::milliseconds time) {
    asio::steady_timer timer(executor, time);
    co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<exit_code> show(asio::any_io_executor executor, const context& ctx,
                                log_options options) {
    client::client server{executor, ctx.server};
    const std::string subject = "job " + options.job;
    client::backoff pause{250ms, 5s, std::random_device{}()};
    std::optional<steady::time_point> away_since;
    client::log_filter filter;
    for (;;) {
        const auto asked = steady::now();
        auto log = co_await server.log(options.job, filter);
        if (log.has_error()) {
            const bool first = !away_since;
            if (first) away_since = steady::now();
            const bool patient = options.follow && may_come_back(log.error()) &&
                                 steady::now() - *away_since < ctx.options.timeout;
            if (!patient) co_return complain(ctx, log.error(), subject);
            if (first)
                note(ctx, paint(ctx.err, style::yellow, "waiting: ") +
                              printable(log.error().message) + "\n");
            co_await sleep(executor, pause.next());
            continue;
        }
        if (std::exchange(away_since, std::nullopt)) note(ctx, "connected again\n");
        write(render_log(*log, ctx, options.timestamps));
        filter.after = log->next;
        if (!log->more && (log->ended || !options.follow)) co_return exit_code::ok;
        // A server that is about to stop does not let anybody wait.
        const bool hurried =
            filter.wait.count() > 0 && log->lines.empty() && steady::now() - asked < 1s;
        if (hurried)
            co_await sleep(executor, pause.next());
        else
            pause.reset();
        filter.wait = log->more || !options.follow ? 0ms : std::chrono::milliseconds{poll};
    }
}

}  // namespace

exit_code show_log(const context& ctx, const log_options& options) {
    return run_to_end([&](auto executor) { return show(executor, ctx, options); });
}

}  // namespace sluice::cli
