#include "client/asio.hpp"
#include "client/cli/commands.hpp"
#include "client/cli/job_view.hpp"
#include "client/cli/table.hpp"
#include "client/cli/text.hpp"
#include "proto/json_text.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fmt/format.h>

#include <chrono>

namespace sluice::cli {
namespace {

using client::redrive_info;

constexpr std::chrono::milliseconds look_again{500};

std::string canaries_of(const redrive_info& redrive) {
    return fmt::format("{}/{}", redrive.canaries_completed, redrive.canaries);
}

std::string remark_on(const redrive_info& redrive) {
    if (!redrive.stopped_by.empty()) return redrive.stopped_by + " was " + redrive.stopped_state;
    if (redrive.waits_for.empty()) return {};
    return "waits: " + redrive.waits_for +
           (redrive.waits_for_queue.empty() ? "" : " " + redrive.waits_for_queue);
}

std::vector<std::string> cells_of(const redrive_info& redrive) {
    return {redrive.id,
            redrive.state,
            redrive.queue,
            redrive.type,
            std::to_string(redrive.sent),
            canaries_of(redrive),
            remark_on(redrive)};
}

/// One line for people.
std::string describe(const redrive_info& redrive) {
    std::string line = printable(redrive.id) + "  " + printable(redrive.state);
    line += "  sent " + format_count(redrive.sent);
    if (redrive.canaries > 0) line += "  canaries " + canaries_of(redrive);
    const auto remark = remark_on(redrive);
    return line + (remark.empty() ? "" : "  " + printable(remark)) + "\n";
}

/// The same, a line of JSON, or cells as in the list.
std::string render_line(const redrive_info& redrive, const context& ctx) {
    if (ctx.wants_json()) return printable_json(one_line(redrive.text), ctx.out) + "\n";
    if (ctx.options.output == output_format::plain) {
        std::string line;
        for (const auto& cell : cells_of(redrive))
            line += (line.empty() ? "" : "\t") + printable(cell);
        return line + "\n";
    }
    return describe(redrive);
}

std::string render_list(const client::redrive_list& list, const context& ctx) {
    if (ctx.options.output == output_format::json)
        return printable_json(one_line(list.text), ctx.out) + "\n";
    if (ctx.options.output == output_format::table) {
        table rows({{"redrive"},
                    {"state"},
                    {"queue", align::left, true},
                    {"type", align::left, true},
                    {"sent", align::right},
                    {"canaries", align::right},
                    {"", align::left, true}});
        for (const auto& redrive : list.redrives) rows.add(cells_of(redrive));
        return rows.render(ctx.out);
    }
    std::string out;
    for (const auto& redrive : list.redrives) out += render_line(redrive, ctx);
    return out;
}

std::string subject_of(const std::string& id) {
    return "redrive " + id;
}

/// Asks until it is over, and tells each time that it is in another state or waits for something
/// else.
asio::awaitable<client::outcome<redrive_info>> follow(asio::any_io_executor executor,
                                                      client::client& server, const context& ctx,
                                                      redrive_info redrive) {
    asio::steady_timer pause(executor);
    std::string told;
    for (;;) {
        if (redrive.over()) co_return redrive;
        if (told != redrive.state + redrive.waits_for) note(ctx, describe(redrive));
        told = redrive.state + redrive.waits_for;
        pause.expires_after(look_again);
        co_await pause.async_wait(asio::use_awaitable);
        auto now = co_await server.redrive(redrive.id);
        if (now.has_error()) co_return now;
        redrive = std::move(*now);
    }
}

asio::awaitable<exit_code> begin(asio::any_io_executor executor, const context& ctx,
                                 client::new_redrive asked, bool wait) {
    client::client server{executor, ctx.server};
    auto redrive = co_await server.begin_redrive(std::move(asked));
    if (redrive.has_error()) co_return complain(ctx, redrive.error());
    if (!wait) {
        print(render_line(*redrive, ctx));
        co_return exit_code::ok;
    }
    const auto subject = subject_of(redrive->id);
    auto following = follow(executor, server, ctx, std::move(*redrive));
    auto over = co_await std::move(following);
    if (over.has_error()) co_return complain(ctx, over.error(), subject);
    print(render_line(*over, ctx));
    if (over->state == "completed") co_return exit_code::ok;
    if (!over->stopped_by.empty())
        complain(ctx,
                 "its canary " + over->stopped_by + " was " + over->stopped_state +
                     (over->stop_message.empty() ? "" : ": " + over->stop_message),
                 "Nothing more was sent. See the job: sluice job get " + over->stopped_by);
    co_return exit_code::failed;
}

asio::awaitable<exit_code> show_all(asio::any_io_executor executor, const context& ctx) {
    client::client server{executor, ctx.server};
    auto all = co_await server.redrives();
    if (all.has_error()) co_return complain(ctx, all.error());
    if (all->redrives.empty() && ctx.options.output == output_format::table) {
        note(ctx, "No redrives.\n");
        co_return exit_code::ok;
    }
    print(render_list(*all, ctx));
    co_return exit_code::ok;
}

asio::awaitable<exit_code> cancel(asio::any_io_executor executor, const context& ctx,
                                  std::string id) {
    client::client server{executor, ctx.server};
    auto cancelled = co_await server.cancel_redrive(id);
    if (cancelled.has_error()) co_return complain(ctx, cancelled.error(), subject_of(id));
    print(render_line(*cancelled, ctx));
    co_return exit_code::ok;
}

}  // namespace

exit_code begin_redrive(const context& ctx, const client::new_redrive& asked, bool wait) {
    return run_to_end([&](auto executor) { return begin(executor, ctx, asked, wait); });
}

exit_code list_redrives(const context& ctx) {
    return run_to_end([&](auto executor) { return show_all(executor, ctx); });
}

exit_code cancel_redrive(const context& ctx, const std::string& id) {
    return run_to_end([&](auto executor) { return cancel(executor, ctx, id); });
}

}  // namespace sluice::cli
