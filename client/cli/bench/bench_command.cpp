#include "client/cli/bench/bench_report.hpp"
#include "client/cli/bench/hgrm.hpp"
#include "client/cli/commands.hpp"

#include <fmt/format.h>

#include <fstream>

namespace sluice::cli {
namespace {

using namespace bench;

/// A file that is opened before the run, so that a name that is no good is known at once.
struct output_file {
    std::string name;
    std::ofstream stream;
};

std::optional<exit_code> open(const context& ctx, output_file& file) {
    if (file.name.empty()) return std::nullopt;
    file.stream.open(file.name, std::ios::binary | std::ios::trunc);
    if (file.stream) return std::nullopt;
    complain(ctx, "cannot write to " + file.name, "Name a file in a folder of yours.");
    return exit_code::usage;
}

std::optional<exit_code> write(const context& ctx, output_file& file, const std::string& text) {
    if (!file.stream.is_open() || (file.stream << text).flush()) return std::nullopt;
    complain(ctx, "cannot write all of " + file.name, "Is the disk full?");
    return exit_code::failed;
}

void show_report(const context& ctx, const bench_report& report) {
    if (ctx.wants_json()) {
        print(encode_report(report));
    } else if (ctx.options.output == output_format::plain) {
        print(render_plain_report(report));
    } else {
        print(render_report(report, ctx.out));
    }
    note(ctx, render_warnings(report, ctx.err));
}

}  // namespace

exit_code run_bench(const context& ctx, const bench_options& options) {
    output_file hdr{options.hdr, {}};
    output_file plot{options.plot, {}};
    if (const auto bad = open(ctx, hdr)) return *bad;
    if (const auto bad = open(ctx, plot)) return *bad;

    asio::io_context io{1};
    bench_session session{io.get_executor(), ctx, options, [&ctx](const bench_report& begun) {
                              if (ctx.options.output != output_format::table) return;
                              print(render_header(begun, ctx.out));
                          }};
    asio::co_spawn(io, session.run(), [](std::exception_ptr broken) {
        if (broken) std::rethrow_exception(broken);
    });
    io.run();
    const auto& report = session.report();
    if (session.worth_reporting()) {
        show_report(ctx, report);
        if (const auto bad = write(ctx, plot, draw_report(report))) return *bad;
        if (const auto bad = write(ctx, hdr, encode_hgrm(report.steps.back().run.overall))) {
            return *bad;
        }
    }
    return session.conclude();
}

}  // namespace sluice::cli
