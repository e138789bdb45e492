#include "client/cli/baseline.hpp"
#include "client/cli/commands.hpp"
#include "client/cli/produce_run.hpp"
#include "client/cli/report_json.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

namespace sluice::cli {
namespace {

live_view make_view(const context& ctx, const produce_options& options) {
    const auto mode =
        choose_view(ctx.err, options.work.count, ctx.options.quiet, ctx.options.no_progress);
    return live_view{mode, ctx.err, [&ctx](std::string_view text) { note(ctx, text); }};
}

void show_header(const context& ctx, const run_report& run) {
    if (ctx.options.output != output_format::table) return;
    print(render_header(run, ctx.out));
}

asio::awaitable<exit_code> over_http(asio::any_io_executor executor, const context& ctx,
                                     produce_options options, run_report& report) {
    live_view view = make_view(ctx, options);
    produce_run run{executor, ctx, std::move(options), view,
                    [&ctx](const run_report& begun) { show_header(ctx, begun); }};
    const exit_code code = co_await run.run();
    if (run.worth_reporting()) report = run.report();
    co_return code;
}

void show_report(const context& ctx, const run_report& run) {
    if (ctx.options.output == output_format::plain) {
        print(fmt::format("{}\t{}\t{}\t{}\n", run.label, run.finished(),
                          run.waiting.quantile(0.5).count() / 1000,
                          run.waiting.max().count() / 1000));
        return;
    }
    print(render_report(run, ctx.out));
    note(ctx, render_warnings(run, ctx.err));
}

void show_next(const context& ctx, const run_report& run) {
    if (run.sample_id.empty()) return;
    const auto& signs = glyphs_of(ctx.err);
    note(ctx, paint(ctx.err, style::dim,
                    fmt::format("\nSee one job: sluice job get {}\nThis run as JSON: the same "
                                "with --json {} every option: sluice produce --help",
                                printable(run.sample_id), signs.dot)) +
                  "\n");
}

}  // namespace

exit_code produce(const context& ctx, const produce_options& options) {
    run_report over_network;
    run_report in_process;
    exit_code code = exit_code::ok;
    const bool network = options.baseline != baseline_choice::only;
    if (network) {
        code = run_to_end(
            [&](auto executor) { return over_http(executor, ctx, options, over_network); });
    }
    const bool reported = network && over_network.created > 0;
    const bool text = !ctx.wants_json();
    if (reported && text) show_report(ctx, over_network);

    const bool baseline = options.baseline == baseline_choice::only ||
                          (options.baseline == baseline_choice::also && code == exit_code::ok);
    if (baseline) {
        live_view view = make_view(ctx, options);
        run_report begun = begin_report(options);
        begun.in_process = true;
        begun.label = "synchronous";
        if (network && text) note(ctx, "\n");
        show_header(ctx, begun);
        in_process = run_baseline(options, view);
        if (text) show_report(ctx, in_process);
    }
    if (text && reported && baseline && ctx.options.output == output_format::table) {
        print("\n" + render_comparison({summarize(over_network), summarize(in_process)}, ctx.out));
    }
    const auto as_json = [&](bool pretty) {
        return reported ? encode_report(over_network, baseline ? &in_process : nullptr, pretty)
                        : encode_report(in_process, nullptr, pretty);
    };
    if (!text && (reported || baseline)) print(as_json(ctx.options.output == output_format::json));
    if (text && reported) show_next(ctx, over_network);
    if (!options.save.empty() && (reported || baseline)) {
        std::ofstream file{options.save, std::ios::binary};
        if (!(file << as_json(true) << std::flush)) {
            complain(ctx, "cannot write " + options.save, "The report is not saved.");
            return code == exit_code::ok ? exit_code::failed : code;
        }
    }
    return code;
}

exit_code compare_reports(const context& ctx, const std::vector<std::string>& files) {
    std::vector<run_summary> runs;
    for (const auto& name : files) {
        std::ifstream file{name, std::ios::binary};
        if (!file) {
            complain(ctx, "cannot read " + name, "Write one with: sluice produce --json > FILE");
            return exit_code::usage;
        }
        const std::string text{std::istreambuf_iterator<char>{file}, {}};
        auto read = read_reports(text);
        if (read.has_error()) {
            complain(ctx, name + ": " + read.error().text,
                     "Write one with: sluice produce --json > FILE");
            return exit_code::usage;
        }
        runs.insert(runs.end(), read->begin(), read->end());
    }
    print(render_comparison(runs, ctx.out));
    return exit_code::ok;
}

}  // namespace sluice::cli
