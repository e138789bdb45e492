#include "client/cli/commands.hpp"
#include "client/cli/cron_view.hpp"
#include "client/cli/job_view.hpp"
#include "client/cli/text.hpp"

#include <chrono>

namespace sluice::cli {
namespace {

using client::cron_info;
using client::outcome;

timestamp current_time() {
    return std::chrono::time_point_cast<timestamp::duration>(std::chrono::system_clock::now());
}

/// What a command has made of a cron job, or why it could not.
exit_code tell(const context& ctx, const outcome<cron_info>& cron, std::string_view subject) {
    if (cron.has_error()) return complain(ctx, cron.error(), subject);
    print(render_cron_line(*cron, ctx.options.output, ctx.out));
    return exit_code::ok;
}

std::string subject_of(const std::string& name) {
    return "cron job " + name;
}

asio::awaitable<exit_code> list(asio::any_io_executor executor, const context& ctx,
                                std::optional<bool> enabled) {
    client::client server{executor, ctx.server};
    auto crons = co_await server.crons(enabled);
    if (crons.has_error()) co_return complain(ctx, crons.error());
    if (crons->crons.empty() && ctx.options.output == output_format::table) {
        note(ctx, enabled ? "No such cron jobs.\n" : "No cron jobs.\n");
        co_return exit_code::ok;
    }
    print(render_crons(*crons, ctx.options.output, ctx.out, current_time()));
    co_return exit_code::ok;
}

asio::awaitable<exit_code> show(asio::any_io_executor executor, const context& ctx,
                                std::string name) {
    client::client server{executor, ctx.server};
    auto cron = co_await server.cron(name);
    if (cron.has_error() || ctx.options.output != output_format::table) {
        co_return tell(ctx, cron, subject_of(name));
    }
    print(render_cron(*cron, ctx.out));
    co_return exit_code::ok;
}

/// Prints what became of a cron job; in a table `remark` says it.
exit_code tell_change(const context& ctx, const outcome<cron_info>& cron, const std::string& name,
                      std::string_view remark) {
    if (cron.has_error() || ctx.options.output != output_format::table) {
        return tell(ctx, cron, subject_of(name));
    }
    std::string line = printable(cron->name) + "  ";
    line += remark.empty() ? (cron->enabled ? "enabled" : "disabled") : remark;
    if (remark.empty() && cron->next_run_at) line += "  next " + whole_seconds(*cron->next_run_at);
    print(line + "\n");
    return exit_code::ok;
}

asio::awaitable<exit_code> add(asio::any_io_executor executor, const context& ctx,
                               client::new_cron cron) {
    client::client server{executor, ctx.server};
    const std::string name = cron.name;
    auto made = co_await server.set_cron(std::move(cron));
    co_return tell_change(ctx, made, name, {});
}

asio::awaitable<exit_code> enable(asio::any_io_executor executor, const context& ctx,
                                  std::string name, bool enabled) {
    client::client server{executor, ctx.server};
    auto changed = co_await server.enable_cron(name, enabled);
    co_return tell_change(ctx, changed, name, {});
}

asio::awaitable<exit_code> remove(asio::any_io_executor executor, const context& ctx,
                                  std::string name) {
    client::client server{executor, ctx.server};
    auto gone = co_await server.delete_cron(name);
    co_return tell_change(ctx, gone, name, "deleted");
}

asio::awaitable<exit_code> preview(asio::any_io_executor executor, const context& ctx,
                                   std::string name, std::size_t count) {
    client::client server{executor, ctx.server};
    auto times = co_await server.preview_cron(name, count);
    if (times.has_error()) co_return complain(ctx, times.error(), subject_of(name));
    if (times->times.empty() && ctx.options.output == output_format::table) {
        note(ctx, printable(name) + " is never due again.\n");
        co_return exit_code::ok;
    }
    print(render_preview(*times, ctx.options.output, ctx.out));
    co_return exit_code::ok;
}

}  // namespace

exit_code list_crons(const context& ctx, std::optional<bool> enabled) {
    return run_to_end([&](auto executor) { return list(executor, ctx, enabled); });
}

exit_code show_cron(const context& ctx, const std::string& name) {
    return run_to_end([&](auto executor) { return show(executor, ctx, name); });
}

exit_code set_cron(const context& ctx, const client::new_cron& cron) {
    return run_to_end([&](auto executor) { return add(executor, ctx, cron); });
}

exit_code enable_cron(const context& ctx, const std::string& name, bool enabled) {
    return run_to_end([&](auto executor) { return enable(executor, ctx, name, enabled); });
}

exit_code delete_cron(const context& ctx, const std::string& name) {
    return run_to_end([&](auto executor) { return remove(executor, ctx, name); });
}

exit_code preview_cron(const context& ctx, const std::string& name, std::size_t count) {
    return run_to_end([&](auto executor) { return preview(executor, ctx, name, count); });
}

}  // namespace sluice::cli
