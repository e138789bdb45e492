#include "client/cli/demo/demo_settings.hpp"
#include "client/cli/demo/lesson_report.hpp"
#include "client/cli/demo/own_server.hpp"
#include "client/cli/demo/stage.hpp"
#include "client/cli/signal_stop.hpp"
#include "client/cli/work_plan.hpp"
#include "client/worker.hpp"

#include <boost/asio/steady_timer.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace sluice::cli {
namespace {

using client::job_outcome;
using client::nothrow_await;

constexpr std::array<std::string_view, 8> names{"Ada",  "Grace",  "Alan",    "Edsger",
                                                "Lynn", "Donald", "Barbara", "Tony"};
constexpr std::string_view name_type = "lesson.name";
constexpr std::string_view age_type = "lesson.age";

asio::awaitable<bool> sleep_for(nanoseconds time, std::stop_token stop) {
    if (stop.stop_requested()) co_return false;
    asio::steady_timer timer{co_await asio::this_coro::executor, time};
    const std::stop_callback wake{stop, [&timer] { timer.cancel(); }};
    co_await timer.async_wait(nothrow_await);
    co_return !stop.stop_requested();
}

/// The two kinds of jobs take turns; all lie in `queue`.
std::vector<set_job> jobs_of(const demo_settings& with, const names_lesson& what,
                             const std::string& queue) {
    work_options options;
    options.pause = with.scaled(what.pause);
    options.seed = with.seed;
    const work_plan plan{options};
    std::vector<set_job> jobs;
    for (std::size_t i = 0; i < 2 * what.count; ++i) {
        const auto drawn = read_square_args(plan.args(i)).value_or(square_work{});
        const std::string ms = format_number(static_cast<double>(drawn.pause.count()) / 1e6);
        const auto who = names[i / 2 % names.size()];
        set_job job;
        job.what.queue = queue;
        job.what.type = i % 2 == 0 ? name_type : age_type;
        job.what.args = i % 2 == 0 ? fmt::format("[\"{}\",{}]", who, ms)
                                   : fmt::format("[{},{}]", format_number(drawn.number), ms);
        job.name = i % 2 == 0 ? fmt::format("name {}", who)
                              : fmt::format("age {}", format_number(drawn.number));
        job.pause = drawn.pause;
        jobs.push_back(std::move(job));
    }
    return jobs;
}

/// One worker that does both kinds, and what is seen of it.
class names_run {
public:
    names_run(const context& ctx, const names_lesson& what, std::vector<set_job> jobs)
        : ctx_(ctx), what_(what), on_(ctx) {
        set_.jobs = std::move(jobs);
    }

    exit_code run(const demo_settings& with);

private:
    asio::awaitable<exit_code> submit(asio::any_io_executor executor);
    asio::awaitable<exit_code> cancel_what_is_left(asio::any_io_executor executor);
    exit_code work();
    asio::awaitable<job_outcome> say_name(std::shared_ptr<client::job_run> run);
    asio::awaitable<job_outcome> say_age(std::shared_ptr<client::job_run> run);
    void started(const client::job_info& job);
    void ended(const client::run_report& report);
    std::size_t running(bool name) const;
    void show(const demo_settings& with, exit_code code);

    static bool is_name(std::size_t index) { return index % 2 == 0; }

    const context& ctx_;
    const names_lesson& what_;
    stage on_;
    set_outcome set_;
    std::map<std::string, std::size_t> index_of_;
    std::vector<std::size_t> running_;
    std::size_t overlaps_ = 0;  ///< jobs that began while one of the other kind was under way
};

asio::awaitable<exit_code> names_run::submit(asio::any_io_executor executor) {
    client::client server{executor, ctx_.server};
    for (std::size_t i = 0; i < set_.jobs.size(); ++i) {
        client::new_job what = set_.jobs[i].what;
        auto stored = co_await server.push(std::move(what));
        if (stored.has_error()) co_return complain(ctx_, stored.error());
        set_.jobs[i].id = stored->id;
        set_.jobs[i].created_at = on_.passed();
        index_of_[stored->id] = i;
        on_.step(style::yellow, "created", i, set_.jobs[i].name);
    }
    co_return exit_code::ok;
}

asio::awaitable<exit_code> names_run::cancel_what_is_left(asio::any_io_executor executor) {
    client::client server{executor, ctx_.server};
    for (auto& job : set_.jobs) {
        if (job.ended_at || job.id.empty()) continue;
        auto gone = co_await server.cancel(job.id);
        job.cancelled = gone.has_value();
        if (gone.has_value()) job.job = std::move(*gone);
    }
    co_return exit_code::interrupted;
}

asio::awaitable<job_outcome> names_run::say_name(std::shared_ptr<client::job_run> run) {
    const auto& job = set_.jobs[index_of_[run->job().id]];
    const auto args = nlohmann::json::parse(job.what.args);
    auto sleeping = sleep_for(job.pause, run->stop());
    const bool done = co_await std::move(sleeping);
    if (!done) co_return client::released{};
    co_return client::completed{nlohmann::json("hello, " + args[0].get<std::string>()).dump()};
}

asio::awaitable<job_outcome> names_run::say_age(std::shared_ptr<client::job_run> run) {
    const auto& job = set_.jobs[index_of_[run->job().id]];
    const auto args = nlohmann::json::parse(job.what.args);
    auto sleeping = sleep_for(job.pause, run->stop());
    const bool done = co_await std::move(sleeping);
    if (!done) co_return client::released{};
    co_return client::completed{
        nlohmann::json(fmt::format("{} months", args[0].get<int>() * 12)).dump()};
}

std::size_t names_run::running(bool name) const {
    return static_cast<std::size_t>(std::count_if(
        running_.begin(), running_.end(), [name](std::size_t i) { return is_name(i) == name; }));
}

void names_run::started(const client::job_info& job) {
    const auto index = index_of_[job.id];
    if (running(!is_name(index)) > 0) ++overlaps_;
    running_.push_back(index);
    on_.result(
        style::cyan, "started", index,
        fmt::format("{}, takes {}", set_.jobs[index].name, format_latency(set_.jobs[index].pause)));
}

void names_run::ended(const client::run_report& report) {
    const auto index = index_of_[report.job.id];
    std::erase(running_, index);
    auto& job = set_.jobs[index];
    const auto* done = std::get_if<client::completed>(&report.outcome);
    if (done == nullptr || !report.answer) return;
    job.job = report.job;
    job.job.state = report.answer->state;
    job.job.result = done->result;
    job.ended_at = on_.passed();
    set_.order.push_back(index);
    on_.result(style::cyan, "finished", index, job.name + ": " + job.result_text());
}

exit_code names_run::work() {
    client::worker_options options;
    options.queues = {set_.jobs.front().what.queue};
    options.concurrency = what_.concurrency;
    options.max_jobs = set_.jobs.size();
    options.drain_grace = std::chrono::milliseconds{0};
    options.events.started = [this](const client::job_info& job) { started(job); };
    options.events.ended = [this](const client::run_report& report) { ended(report); };
    client::worker worker{ctx_.server, std::move(options)};
    worker.add(std::string{name_type},
               [this](std::shared_ptr<client::job_run> run) { return say_name(std::move(run)); });
    worker.add(std::string{age_type},
               [this](std::shared_ptr<client::job_run> run) { return say_age(std::move(run)); });
    const signal_stop stops{worker};
    const auto totals = worker.run();
    set_.interrupted = stops.came();
    if (totals.has_error()) return complain(ctx_, totals.error());
    return set_.conclude(ctx_);
}

void names_run::show(const demo_settings& with, exit_code code) {
    if (set_.interrupted) {
        on_.say("Interrupted. Cancelled on the server:");
        if (ctx_.options.output == output_format::table) print(render_cancelled(set_, ctx_.out));
    } else if (code == exit_code::ok) {
        on_.say(fmt::format("\n{} jobs in {}; their pauses one after the other are {}. {} began "
                            "while one of the other kind was under way: neither kind waits for "
                            "the other.",
                            set_.jobs.size(), format_latency(set_.elapsed),
                            format_latency(set_.sum_of_pauses()), overlaps_),
                style::bold);
    }
    if (ctx_.options.output == output_format::plain) print(render_plain_set(set_));
    if (!ctx_.wants_json()) return;
    auto document = begin_document("names-and-ages");
    document["time_scale"] = with.time_scale;
    document["concurrency"] = what_.concurrency;
    document["overlaps"] = overlaps_;
    add_set(document, set_);
    print(text_of(document));
}

exit_code names_run::run(const demo_settings& with) {
    on_.say(
        fmt::format("Names and ages: two unlike kinds of jobs with random pauses, on one worker "
                    "that does {} at a time.",
                    what_.concurrency));
    on_.begin();
    auto code = run_to_end([this](asio::any_io_executor executor) { return submit(executor); });
    if (code != exit_code::ok) return code;
    on_.begin();
    code = work();
    set_.elapsed = on_.passed();
    if (set_.interrupted) {
        code = run_to_end(
            [this](asio::any_io_executor executor) { return cancel_what_is_left(executor); });
    }
    const bool seen = code == exit_code::ok || set_.interrupted || code == exit_code::partial;
    if (seen) show(with, code);
    return code;
}

}  // namespace

exit_code run_lesson(const context& ctx, const demo_settings& with, const names_lesson& what) {
    // A queue of this run alone: what is in it is known.
    const std::string queue = fmt::format("lesson-{}-{}", getpid(), with.seed);
    own_server_settings wanted;
    wanted.workers = 1;
    return with_server(ctx, with, wanted, [&](const context& own) {
        names_run run{own, what, jobs_of(with, what, queue)};
        return run.run(with);
    });
}

}  // namespace sluice::cli
