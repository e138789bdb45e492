#include "client/cli/command_end.hpp"
#include "client/cli/commands.hpp"
#include "client/cli/signal_stop.hpp"
#include "client/cli/text.hpp"
#include "client/client.hpp"
#include "proto/json_text.hpp"
#include "server/process/runner.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <stdexcept>

extern char** environ;

namespace sluice::cli {
namespace {

using client::job_outcome;

bool may_run(const std::string& path) {
    struct stat about {};
    return stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) &&
           access(path.c_str(), X_OK) == 0;
}

/// Ours, but for what is between the server and this program alone.
std::vector<std::string> environment_for_commands() {
    std::vector<std::string> all;
    for (char** each = environ; *each != nullptr; ++each) {
        const std::string_view entry{*each};
        if (!entry.starts_with("SLUICE_TOKEN")) all.emplace_back(entry);
    }
    return all;
}

process::command command_for(const work_settings& options) {
    process::command what;
    what.argv = options.command;
    what.argv.front() = find_program(options.command.front());
    what.environment = environment_for_commands();
    what.grace = options.kill_after;
    return what;
}

/// Runs the command for each job, on the worker's executor.
class command_work {
public:
    command_work(const context& ctx, process::command what) : ctx_(ctx), what_(std::move(what)) {}

    asio::awaitable<job_outcome> run(std::shared_ptr<client::job_run> run) {
        auto executor = co_await asio::this_coro::executor;
        process::report ended;
        try {
            if (!runner_) runner_.emplace(executor);
        } catch (const std::runtime_error& e) {  // system_error, of the library or of Boost
            ended.shortage = true;
            ended.reason = std::string{"cannot start commands: "} + e.what();
        }
        if (!runner_) co_return conclude(*run, std::move(ended));
        process::listener hear;
        hear.log = [run](log_stream stream, std::string_view text) { run->log(text, stream); };
        hear.progress = [run](double fraction, std::string message) {
            run->progress(fraction, std::move(message));
        };
        auto what = what_;
        auto input = run->job().text;
        const auto begun = std::chrono::steady_clock::now();
        auto running =
            runner_->run(std::move(what), std::move(input), std::move(hear), run->stop());
        ended = co_await std::move(running);
        took_[run->job().lease] = std::chrono::steady_clock::now() - begun;
        co_return conclude(*run, std::move(ended));
    }

    void tell(const client::run_report& ended) {
        const auto found = took_.find(ended.job.lease);
        const nanoseconds took = found == took_.end() ? nanoseconds{0} : found->second;
        if (found != took_.end()) took_.erase(found);
        const std::string state = ended.answer ? ended.answer->state : "lost";
        std::string why = ended.problem ? ended.problem->message : std::string{};
        if (const auto* f = std::get_if<client::failed>(&ended.outcome)) why = f->message;
        if (const auto* d = std::get_if<client::dead_lettered>(&ended.outcome)) why = d->message;
        if (ctx_.wants_json()) {
            print(json_line(ended, state, why, took));
            return;
        }
        std::string text = fmt::format(
            "{} {} {} attempt {} {}", paint(ctx_.err, style_of(state), state), ended.job.id,
            printable(ended.job.type), ended.job.attempt, format_latency(took));
        if (!why.empty()) text += "  " + clip(printable(why), 200, "...");
        note(ctx_, text + "\n");
    }

private:
    job_outcome conclude(client::job_run& run, process::report ended) {
        const auto now = std::chrono::steady_clock::now();
        const auto reason = ended.reason;
        auto how = outcome_of(std::move(ended), pause_, now);
        if (const auto* later = std::get_if<client::snoozed>(&how)) {
            run.log(fmt::format("{}; tried again in {} ms", reason, later->delay.count()));
            if (pause_.worth_saying(now))
                note(ctx_, paint(ctx_.err, style::yellow, "waiting: ") + printable(reason) + "\n");
        }
        return how;
    }

    static style style_of(std::string_view state) {
        if (state == "completed") return style::green;
        return state == "discarded" || state == "lost" ? style::red : style::yellow;
    }

    static std::string json_line(const client::run_report& ended, std::string_view state,
                                 std::string_view why, nanoseconds took) {
        std::string text;
        json_writer out{text};
        out.begin_object().key("id").string(ended.job.id).key("type").string(ended.job.type);
        out.key("queue").string(ended.job.queue).key("attempt").integer(ended.job.attempt);
        out.key("state").string(state);
        out.key("dead_letter").boolean(ended.answer && ended.answer->dead_letter);
        out.key("ms").number(std::chrono::duration<double, std::milli>(took).count());
        if (!why.empty()) out.key("error").string(why);
        out.end_object();
        return text + "\n";
    }

    const context& ctx_;
    process::command what_;
    std::optional<process::runner> runner_;
    process::shortage_pause pause_;
    std::map<std::string, nanoseconds> took_;  ///< by lease, until the end is told
};

asio::awaitable<exit_code> greet(asio::any_io_executor executor, const context& ctx) {
    client::client server{executor, ctx.server};
    auto health = co_await server.health();
    if (health.has_error()) co_return complain(ctx, health.error());
    co_return exit_code::ok;
}

client::worker_events events_for(const context& ctx, command_work& work) {
    client::worker_events events;
    events.ended = [&work](const client::run_report& ended) { work.tell(ended); };
    events.trouble = [&ctx](const client::failure& f) {
        note(ctx, paint(ctx.err, style::yellow, "waiting: ") + printable(f.message) + "\n");
    };
    events.recovered = [&ctx] { note(ctx, "connected again\n"); };
    events.directed = [&ctx](const std::string& directive) {
        note(ctx, "the server says: " + printable(directive) + "\n");
    };
    return events;
}

exit_code code_of(const work_settings& options, const client::worker_totals& totals) {
    if (totals.returned > 0 || totals.unanswered > 0) return exit_code::interrupted;
    const bool bounded = options.worker.max_jobs > 0 || options.worker.until_empty;
    if (!bounded || totals.failed + totals.lost == 0) return exit_code::ok;
    return totals.completed > 0 ? exit_code::partial : exit_code::failed;
}

}  // namespace

std::string find_program(const std::string& name) {
    namespace fs = std::filesystem;
    std::error_code ignored;
    if (name.find('/') != std::string::npos)
        return may_run(name) ? fs::absolute(name, ignored).string() : std::string{};
    const char* path = std::getenv("PATH");
    std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
    for (;;) {
        const auto colon = rest.find(':');
        const auto file = fs::absolute(fs::path{rest.substr(0, colon)} / name, ignored).string();
        if (may_run(file)) return file;
        if (colon == std::string_view::npos) return {};
        rest.remove_prefix(colon + 1);
    }
}

exit_code work(const context& ctx, const work_settings& options) {
    const auto& program = options.command.front();
    if (find_program(program).empty()) {
        complain(ctx, fmt::format("there is no program {} that may be run", program),
                 "Name one in PATH, or by its path.");
        return exit_code::usage;
    }
    const auto greeted =
        run_to_end([&](asio::any_io_executor executor) { return greet(executor, ctx); });
    if (greeted != exit_code::ok) return greeted;

    auto with = options.worker;
    with.stop_grace = options.kill_after + std::chrono::seconds{3};
    // The worker holds references to the work, the work to the worker's executor: the runner in it
    // has to go first.
    std::optional<command_work> commands;
    commands.emplace(ctx, command_for(options));
    with.events = events_for(ctx, *commands);
    client::worker worker{ctx.server, std::move(with)};
    const client::handler run = [&](std::shared_ptr<client::job_run> job) {
        return commands->run(std::move(job));
    };
    if (options.types.empty()) worker.add("*", run);
    for (const auto& type : options.types) worker.add(type, run);

    const auto totals = [&] {
        const signal_stop stops{worker};
        note(ctx, fmt::format("{} works on {}; Ctrl-C lets running commands end\n",
                              printable(worker.id()), fmt::join(options.worker.queues, ", ")));
        return worker.run();
    }();
    commands.reset();
    if (totals.has_error()) return complain(ctx, totals.error());
    note(ctx, fmt::format("{} completed, {} failed, {} given back, {} lost\n", totals->completed,
                          totals->failed, totals->returned, totals->lost + totals->unanswered));
    return code_of(options, *totals);
}

}  // namespace sluice::cli
