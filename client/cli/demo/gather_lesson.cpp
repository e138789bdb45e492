#include "client/cli/demo/demo_settings.hpp"
#include "client/cli/demo/lesson_report.hpp"
#include "client/cli/demo/own_server.hpp"
#include "client/cli/demo/stage.hpp"
#include "client/cli/work_plan.hpp"

#include <fmt/format.h>

namespace sluice::cli {
namespace {

std::vector<set_job> jobs_of(const demo_settings& with, const gather_lesson& what) {
    work_options options;
    options.pause = with.scaled(what.pause);
    options.count = what.count;
    options.seed = with.seed;
    const work_plan plan{options};
    std::vector<set_job> jobs;
    for (std::size_t i = 0; i < what.count; ++i) {
        set_job job;
        job.what.type = square_type;
        job.what.args = plan.args(i);
        const auto work = read_square_args(job.what.args).value_or(square_work{});
        job.pause = work.pause;
        job.name = fmt::format("{} squared, takes {}", format_number(work.number),
                               format_latency(work.pause));
        jobs.push_back(std::move(job));
    }
    return jobs;
}

void show_result(const stage& on, std::size_t index, const set_job& job) {
    on.result(job.good() ? style::cyan : style::red, job.good() ? "finished" : job.job.state, index,
              fmt::format("{} = {}", job.name, job.good() ? job.result_text() : job.problem()));
}

void show_end(const context& ctx, const stage& on, const set_outcome& set) {
    if (set.interrupted) {
        on.say("Interrupted. Cancelled on the server:");
        if (ctx.options.output == output_format::table) print(render_cancelled(set, ctx.out));
        return;
    }
    on.say(fmt::format("\n{} jobs in {}; one after the other they take {}.", set.jobs.size(),
                       format_latency(set.elapsed), format_latency(set.sum_of_pauses())),
           style::bold);
}

exit_code lesson(const context& ctx, const demo_settings& with, const gather_lesson& what) {
    stage on{ctx};
    on.say(what.as_completed
               ? "As completed: submit a set of jobs, take each result as it comes. Ctrl-C cancels "
                 "what is left."
               : "Gather: submit a set of jobs, wait for all, take the results in the order of "
                 "submission. Ctrl-C cancels what is left.");
    on.begin();
    set_events events;
    events.created = [&](std::size_t i, const set_job& job) {
        on.step(style::yellow, "created", i, job.name);
    };
    events.ended = [&](std::size_t i, const set_job& job) {
        if (what.as_completed && !job.cancelled) {
            show_result(on, i, job);
        } else {
            on.step(style::cyan, job.cancelled ? "cancelled" : "finished", i, "");
        }
    };
    events.interrupted = [&] { note(ctx, "Interrupted: cancelling what is left.\n"); };
    const auto set = run_set(ctx, jobs_of(with, what), std::move(events));
    if (!what.as_completed && !set.broken && !set.interrupted) {
        for (std::size_t i = 0; i < set.jobs.size(); ++i) show_result(on, i, set.jobs[i]);
    }
    const exit_code code = set.conclude(ctx);
    if (!set.broken) show_end(ctx, on, set);
    if (ctx.options.output == output_format::plain && !set.broken) print(render_plain_set(set));
    if (ctx.wants_json() && !set.broken) {
        auto document = begin_document(what.as_completed ? "as-completed" : "gather");
        document["time_scale"] = with.time_scale;
        add_set(document, set);
        print(text_of(document));
    }
    return code;
}

}  // namespace

exit_code run_lesson(const context& ctx, const demo_settings& with, const gather_lesson& what) {
    return with_server(ctx, with, {}, [&](const context& own) { return lesson(own, with, what); });
}

}  // namespace sluice::cli
