#include "client/cli/commands.hpp"
#include "client/cli/job_view.hpp"
#include "client/cli/table.hpp"
#include "client/cli/text.hpp"
#include "proto/json_text.hpp"
#include "proto/state.hpp"

#include <fmt/format.h>

namespace sluice::cli {
namespace {

std::uint64_t count_of(const client::queue_info& queue, std::string_view state) {
    for (const auto& [name, count] : queue.jobs) {
        if (name == state) return count;
    }
    return 0;
}

std::string render_queues(const std::vector<client::queue_info>& queues, const context& ctx) {
    if (ctx.options.output == output_format::json) {
        std::string out = "{\"queues\":[";
        for (const auto& q : queues)
            out += (out.back() == '[' ? "" : ",") + printable_json(one_line(q.text), ctx.out);
        return out + "]}\n";
    }
    std::string out;
    if (ctx.options.output == output_format::jsonl) {
        for (const auto& q : queues) out += printable_json(one_line(q.text), ctx.out) + "\n";
        return out;
    }
    table rows({{"queue", align::left, true},
                {"available", align::right},
                {"scheduled", align::right},
                {"retryable", align::right},
                {"active", align::right},
                {"completed", align::right},
                {"discarded", align::right},
                {""}});
    for (const auto& q : queues) {
        std::vector<std::string> cells{q.name};
        for (const auto* state :
             {"available", "scheduled", "retryable", "active", "completed", "discarded"}) {
            cells.push_back(format_count(count_of(q, state)));
        }
        cells.push_back(q.paused ? "paused" : "");
        rows.add(std::move(cells));
    }
    return ctx.options.output == output_format::plain ? rows.render_plain() : rows.render(ctx.out);
}

std::string render_start_latency(const client::start_latency_info& info, const terminal& term) {
    std::string out = fmt::format("  {:.6g} % are to start within {}", info.objective * 100,
                                  printable(info.within));
    if (info.burning) out += "  " + paint(term, style::red, "burning");
    out += "\n";
    for (const auto& window : info.windows)
        out += fmt::format("  {:>4}  {:.6g} % did of {}, burn rate {:.3g}\n",
                           printable(window.name), window.compliance * 100,
                           format_count(window.good + window.bad), window.burn_rate);
    return out;
}

std::string render_queue(const client::queue_info& queue, const terminal& term) {
    std::string out = paint(term, style::bold, "Queue " + printable(queue.name)) +
                      (queue.paused ? "  " + paint(term, style::yellow, "paused") : "") + "\n";
    for (const auto& [state, count] : queue.jobs) {
        out += "  " + pad(state, 10, align::left) + pad(format_count(count), 12, align::right);
        const auto known = parse_job_state(state);
        if (known && is_terminal(*known)) out += "  since the server started";
        out += "\n";
    }
    if (queue.start_latency) out += render_start_latency(*queue.start_latency, term);
    return out;
}

asio::awaitable<exit_code> list(asio::any_io_executor executor, const context& ctx) {
    client::client server{executor, ctx.server};
    auto queues = co_await server.queues();
    if (queues.has_error()) co_return complain(ctx, queues.error());
    if (queues->empty() && ctx.options.output == output_format::table) {
        note(ctx, "No queues yet; the first job makes one.\n");
        co_return exit_code::ok;
    }
    print(render_queues(*queues, ctx));
    co_return exit_code::ok;
}

asio::awaitable<exit_code> show(asio::any_io_executor executor, const context& ctx,
                                std::vector<std::string> names) {
    client::client server{executor, ctx.server};
    std::vector<client::queue_info> found;
    exit_code code = exit_code::ok;
    for (auto& name : names) {
        const std::string subject = "queue " + name;
        auto queue = co_await server.queue(std::move(name));
        if (queue.has_error()) {
            code = complain(ctx, queue.error(), subject);
            if (queue.error().kind == client::failure_kind::unreachable) break;
            continue;
        }
        found.push_back(std::move(*queue));
    }
    if (found.empty()) co_return code;
    if (ctx.options.output != output_format::table) {
        print(render_queues(found, ctx));
    } else {
        for (const auto& queue : found) print(render_queue(queue, ctx.out));
    }
    co_return code == exit_code::ok ? code : exit_code::partial;
}

asio::awaitable<exit_code> switch_queue(asio::any_io_executor executor, const context& ctx,
                                        std::string name, bool paused) {
    client::client server{executor, ctx.server};
    const std::string subject = "queue " + name;
    auto call = paused ? server.pause_queue(std::move(name)) : server.resume_queue(std::move(name));
    auto queue = co_await std::move(call);
    if (queue.has_error()) co_return complain(ctx, queue.error(), subject);
    if (ctx.wants_json()) {
        print(printable_json(one_line(queue->text), ctx.out) + "\n");
    } else if (ctx.options.output == output_format::plain) {
        print(render_queues({*queue}, ctx));
    } else {
        print(printable(queue->name) + "  " + (queue->paused ? "paused" : "active") + "\n");
    }
    co_return exit_code::ok;
}

asio::awaitable<exit_code> check(asio::any_io_executor executor, const context& ctx,
                                 bool readiness) {
    client::client server{executor, ctx.server};
    auto question = readiness ? server.ready() : server.health();
    auto health = co_await std::move(question);
    if (health.has_error()) co_return complain(ctx, health.error());
    if (ctx.wants_json()) {
        print(one_line(health->text) + "\n");
    } else if (ctx.options.output == output_format::plain) {
        print(printable(health->status) + "\n");
    } else {
        const auto how = health->ready ? style::green : style::red;
        std::string line =
            paint(ctx.out, how, printable(health->status)) + "  " + ctx.server.url.text();
        if (!health->version.empty()) line += "  sluiced " + printable(health->version);
        if (!health->store.empty()) line += "  " + printable(health->store);
        if (!health->reason.empty()) line += "\n  " + printable(health->reason);
        print(line + "\n");
    }
    co_return health->ready ? exit_code::ok : exit_code::failed;
}

}  // namespace

exit_code list_queues(const context& ctx) {
    return run_to_end([&](auto executor) { return list(executor, ctx); });
}

exit_code show_queues(const context& ctx, const std::vector<std::string>& names) {
    return run_to_end([&](auto executor) { return show(executor, ctx, names); });
}

exit_code pause_queue(const context& ctx, const std::string& name) {
    return run_to_end([&](auto executor) { return switch_queue(executor, ctx, name, true); });
}

exit_code resume_queue(const context& ctx, const std::string& name) {
    return run_to_end([&](auto executor) { return switch_queue(executor, ctx, name, false); });
}

exit_code show_health(const context& ctx, bool readiness) {
    return run_to_end([&](auto executor) { return check(executor, ctx, readiness); });
}

exit_code show_version(const context& ctx) {
    print(ctx.wants_json() ? "{\"schema\":\"sluice.version/1\",\"version\":\"" SLUICE_VERSION
                             "\"}\n"
                           : "sluice " SLUICE_VERSION "\n");
    return exit_code::ok;
}

}  // namespace sluice::cli
