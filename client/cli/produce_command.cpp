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

void show_report(const context& ctx, const run_report& run) {
    const bool plain = ctx.options.output == output_format::plain;
    print(plain ? render_plain_report(run) : render_report(run, ctx.out));
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

/// One run over HTTP, with its report and what there is to say after it.
exit_code run_over_http(const context& ctx, const produce_options& options, run_report& report) {
    live_view view = make_view(ctx, options);
    asio::io_context io{1};
    produce_run run{io.get_executor(), ctx, options, view,
                    [&ctx](const run_report& begun) { show_header(ctx, begun); }};
    asio::co_spawn(io, run.run(), [](std::exception_ptr broken) {
        if (broken) std::rethrow_exception(broken);
    });
    io.run();
    if (run.worth_reporting()) {
        report = run.report();
        if (!ctx.wants_json()) show_report(ctx, report);
        note(ctx, render_warnings(report, ctx.err));
    }
    const exit_code code = run.conclude();
    if (code == exit_code::ok && options.hints && !ctx.wants_json()) show_next(ctx, report);
    return code;
}

run_report run_in_process(const context& ctx, const produce_options& options) {
    live_view view = make_view(ctx, options);
    run_report begun = begin_report(options);
    begun.in_process = true;
    show_header(ctx, begun);
    run_report report = run_baseline(options, view);
    if (!ctx.wants_json()) show_report(ctx, report);
    return report;
}

}  // namespace

exit_code produce(const context& ctx, const produce_options& options) {
    std::ofstream saved;
    if (!options.save.empty()) saved.open(options.save, std::ios::binary | std::ios::trunc);
    if (!options.save.empty() && !saved) {
        complain(ctx, "cannot write to " + options.save, "Name a file in a folder of yours.");
        return exit_code::usage;
    }
    exit_code code = exit_code::ok;
    run_report over_http;
    run_report in_process;
    const bool network = options.baseline != baseline_choice::only;
    if (network) code = run_over_http(ctx, options, over_http);
    const bool reported = over_http.created > 0;
    const bool baseline = options.baseline != baseline_choice::none && code == exit_code::ok;
    if (baseline) {
        if (reported && ctx.options.output == output_format::table) print("\n");
        in_process = run_in_process(ctx, options);
    }
    if (ctx.options.output == output_format::table && reported && baseline) {
        print("\n" + render_comparison({summarize(over_http), summarize(in_process)}, ctx.out));
    }
    if (!reported && !baseline) return code;
    const std::string json = reported ? encode_report(over_http, baseline ? &in_process : nullptr)
                                      : encode_report(in_process, nullptr);
    if (ctx.wants_json()) print(json);
    if (saved.is_open() && !(saved << json).flush()) {
        complain(ctx, "cannot write all of " + options.save, "Is the disk full?");
        return exit_code::failed;
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
