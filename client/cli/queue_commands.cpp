#include "client/cli/commands.hpp"
#include "client/cli/job_view.hpp"
#include "client/cli/text.hpp"

#include <fmt/format.h>

#include <utility>

namespace sluice::cli {
namespace {

std::string description_of(const client::queue_settings& queue) {
    auto text = fmt::format("{}  holds {} jobs", printable(queue.name), queue.depth);
    if (queue.bound.max_depth == 0)
        text += ", any number may come";
    else
        text += fmt::format(" of at most {}, then: {}", queue.bound.max_depth,
                            printable(queue.bound.strategy));
    if (queue.concurrency) text += fmt::format("; {} may run at a time", *queue.concurrency);
    if (queue.start_latency)
        text +=
            fmt::format("; {:.6g} % are to start within {}", queue.start_latency->objective * 100,
                        printable(queue.start_latency->within));
    return text + "\n";
}

/// As `sluice queue set --slo` takes it.
std::string slo_of(const client::queue_settings& queue) {
    if (!queue.start_latency) return "none";
    return fmt::format("p{:.6g}<{}", queue.start_latency->objective * 100,
                       printable(queue.start_latency->within));
}

asio::awaitable<exit_code> set(asio::any_io_executor executor, const context& ctx, std::string name,
                               client::queue_change change) {
    client::client server{executor, ctx.server};
    const std::string subject = "queue " + name;
    auto queue = co_await server.set_queue(std::move(name), std::move(change));
    if (queue.has_error()) co_return complain(ctx, queue.error(), subject);
    if (ctx.wants_json()) {
        print(printable_json(one_line(queue->text), ctx.out) + "\n");
    } else if (ctx.options.output == output_format::plain) {
        print(fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", printable(queue->name), queue->depth,
                          queue->bound.max_depth, printable(queue->bound.strategy),
                          queue->concurrency ? std::to_string(*queue->concurrency) : "any",
                          slo_of(*queue)));
    } else {
        print(description_of(*queue));
    }
    co_return exit_code::ok;
}

/// One request changes some thousands of jobs: goes on until there are no more.
asio::awaitable<exit_code> purge(asio::any_io_executor executor, const context& ctx,
                                 client::purge_order order) {
    client::client server{executor, ctx.server};
    client::purge_info sum;
    do {
        auto step = co_await server.purge_queue(order);
        if (step.has_error()) co_return complain(ctx, step.error(), "queue " + order.queue);
        sum.purged += step->purged;
        sum.failed += step->failed;
        order.cursor = std::move(step->next_cursor);
    } while (!order.cursor.empty());
    if (ctx.wants_json()) {
        print(fmt::format("{{\"purged_count\":{},\"failed\":{}}}\n", sum.purged, sum.failed));
    } else if (ctx.options.output == output_format::plain) {
        print(fmt::format("{}\t{}\n", sum.purged, sum.failed));
    } else {
        print(fmt::format("{}  {} job{} purged", printable(order.queue), sum.purged,
                          sum.purged == 1 ? "" : "s"));
        print(sum.failed > 0 ? fmt::format(", {} are still needed\n", sum.failed) : "\n");
    }
    co_return sum.failed > 0 ? exit_code::partial : exit_code::ok;
}

}  // namespace

exit_code set_queue(const context& ctx, const std::string& name,
                    const client::queue_change& change) {
    return run_to_end([&](auto executor) { return set(executor, ctx, name, change); });
}

exit_code purge_queue(const context& ctx, const client::purge_order& order, bool confirmed) {
    const auto question =
        fmt::format("Remove all jobs of {} that are {}?", order.queue, order.states);
    if (!confirmed)
        if (const auto no = confirm(ctx, "purging a queue", question)) return *no;
    return run_to_end([&](auto executor) { return purge(executor, ctx, order); });
}

}  // namespace sluice::cli
