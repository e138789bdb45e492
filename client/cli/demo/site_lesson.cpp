#include "client/cli/demo/demo_settings.hpp"
#include "client/cli/demo/lesson_report.hpp"
#include "client/cli/demo/own_server.hpp"
#include "client/cli/demo/stage.hpp"

#include <fmt/format.h>

namespace sluice::cli {
namespace {

std::vector<set_job> jobs_of(const site_lesson& what) {
    std::vector<set_job> jobs;
    for (const auto& url : what.urls) {
        nlohmann::ordered_json request;
        request["method"] = "GET";
        request["url"] = url;
        request["timeout_ms"] = what.timeout.count();
        set_job job;
        job.name = url;
        job.what.type = "sluice.http";
        job.what.args = nlohmann::ordered_json::array({request}).dump(
            -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
        job.what.extra_options = R"("retry":{"max_attempts":1,"on_exhaustion":"discard"})";
        jobs.push_back(std::move(job));
    }
    return jobs;
}

struct site_answer {
    std::string status;  ///< "200", "404", or a word such as "timed_out"
    nanoseconds elapsed{0};
};

site_answer answer_of(const set_job& job) {
    site_answer answer;
    const auto result = nlohmann::json::parse(job.job.result, nullptr, false);
    if (job.good() && result.is_object()) {
        answer.status = std::to_string(result.value("status", 0));
        answer.elapsed =
            nanoseconds{static_cast<std::int64_t>(result.value("elapsed_ms", 0.0) * 1e6)};
        return answer;
    }
    if (const auto running = job.job.times.running()) answer.elapsed = *running;
    const auto type = job.problem_type();
    answer.status = type.starts_with("http.") ? type.substr(5) : "error";
    if (job.refused) answer.status = "refused";
    return answer;
}

void show_site(const context& ctx, const stage& on, std::size_t index, const set_job& job) {
    if (job.cancelled) return;
    const auto answer = answer_of(job);
    const std::string words = fmt::format("{:>8}  {}", format_latency(answer.elapsed), job.name);
    if (job.good()) {
        on.result(style::cyan, answer.status, index, words);
        return;
    }
    on.result(style::red, "error", index, words + "  " + answer.status);
    if (ctx.options.output == output_format::table) on.quote(job.problem());
}

exit_code lesson(const context& ctx, const demo_settings& with, const site_lesson& what) {
    stage on{ctx};
    on.say(fmt::format("Site status: a GET for each URL, all at once, at most {} each.",
                       format_duration(what.timeout)));
    on.begin();
    set_events events;
    events.created = [&](std::size_t i, const set_job& job) {
        on.step(style::yellow, "created", i, job.name);
    };
    events.ended = [&](std::size_t i, const set_job& job) { show_site(ctx, on, i, job); };
    events.interrupted = [&] { note(ctx, "Interrupted: cancelling what is left.\n"); };
    const auto set = run_set(ctx, jobs_of(what), std::move(events));
    const exit_code code = set.conclude(ctx);
    if (set.interrupted) {
        on.say("Interrupted. Cancelled on the server:");
        if (ctx.options.output == output_format::table) print(render_cancelled(set, ctx.out));
    } else if (!set.broken) {
        nanoseconds sum{0};
        for (const auto& job : set.jobs) sum += answer_of(job).elapsed;
        on.say(fmt::format("\n{} of {} answered well, in {}; one after the other they take {}.",
                           set.good(), set.jobs.size(), format_latency(set.elapsed),
                           format_latency(sum)),
               style::bold);
    }
    if (ctx.options.output == output_format::plain && !set.broken) print(render_plain_set(set));
    if (ctx.wants_json() && !set.broken) {
        auto document = begin_document("site-status");
        document["time_scale"] = with.time_scale;
        add_set(document, set);
        for (std::size_t i = 0; i < set.jobs.size(); ++i) {
            const auto answer = answer_of(set.jobs[i]);
            document["jobs"][i]["status"] = answer.status;
            document["jobs"][i]["elapsed_ms"] = static_cast<double>(answer.elapsed.count()) / 1e6;
        }
        print(text_of(document));
    }
    return code;
}

}  // namespace

exit_code run_lesson(const context& ctx, const demo_settings& with, const site_lesson& what) {
    own_server_settings wanted;
    wanted.workers = job_set::jobs_max;  // no URL waits for another
    // Who names a URL here means it, also where it is not public.
    for (const auto& url : what.urls) {
        if (auto host = host_to_allow(url); !host.empty()) wanted.allow.push_back(std::move(host));
    }
    return with_server(ctx, with, wanted,
                       [&](const context& own) { return lesson(own, with, what); });
}

}  // namespace sluice::cli
