#include "client/cli/demo/demo_settings.hpp"
#include "client/cli/demo/lesson_report.hpp"
#include "client/cli/demo/own_server.hpp"
#include "client/cli/demo/stage.hpp"
#include "client/cli/table.hpp"
#include "client/cli/work_settings.hpp"
#include "server/process/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

namespace sluice::cli {
namespace {

using client::nothrow_await;
using steady = std::chrono::steady_clock;

struct shell_command {
    std::string shown;              ///< as a person would type it
    std::vector<std::string> argv;  ///< with the absolute path
};

/// How a command went when it was run by this program, one after the other.
struct alone {
    bool good = false;
    bool stopped = false;
    nanoseconds took{0};
};

/// Commands look for programs where we do.
std::vector<std::string> environment_for_commands() {
    const char* path = std::getenv("PATH");
    if (path == nullptr) return {};
    return {std::string{"PATH="} + path};
}

process::command runnable(const shell_command& what) {
    process::command command;
    command.argv = what.argv;
    command.environment = environment_for_commands();
    return command;
}

/// Runs commands one after the other, until SIGINT or SIGTERM.
class one_by_one {
public:
    explicit one_by_one(asio::any_io_executor executor)
        : runner_(executor), signals_(executor, SIGINT, SIGTERM), helping_(executor) {}

    /// `ended` hears of each.
    asio::awaitable<void> run(std::vector<shell_command> commands,
                              std::function<void(std::size_t, const alone&)> ended) {
        helping_.spawn(watch_signals());
        for (std::size_t i = 0; i < commands.size() && !stop_.stop_requested(); ++i) {
            auto what = runnable(commands[i]);
            const auto begun = steady::now();
            auto report = co_await runner_.run(std::move(what), "{}", {}, stop_.get_token());
            ended(i, {report.how == process::verdict::completed,
                      report.how == process::verdict::stopped, steady::now() - begun});
        }
        over_ = true;
        signals_.cancel();
        co_await helping_.join();
    }

    bool interrupted() const { return stop_.stop_requested(); }

private:
    asio::awaitable<void> watch_signals() {
        while (!over_) {
            const auto [ec, number] = co_await signals_.async_wait(nothrow_await);
            if (!over_ && !ec) stop_.request_stop();
        }
    }

    process::runner runner_;
    asio::signal_set signals_;
    std::stop_source stop_;
    bool over_ = false;
    client::task_group helping_;
};

struct alone_outcome {
    std::vector<alone> each;
    bool interrupted = false;

    nanoseconds sum() const {
        nanoseconds all{0};
        for (const auto& one : each) all += one.took;
        return all;
    }
};

alone_outcome run_one_by_one(const std::vector<shell_command>& commands,
                             const std::function<void(std::size_t, const alone&)>& ended) {
    alone_outcome outcome;
    asio::io_context io{1};
    one_by_one all{io.get_executor()};
    const auto keep = [&](std::size_t i, const alone& one) {
        outcome.each.push_back(one);
        if (ended) ended(i, one);
    };
    asio::co_spawn(io, all.run(commands, keep), [](std::exception_ptr broken) {
        if (broken) std::rethrow_exception(broken);
    });
    io.run();
    outcome.interrupted = all.interrupted();
    return outcome;
}

shell_command found(std::vector<std::string> argv) {
    shell_command command;
    command.shown = fmt::format("{}", fmt::join(argv, " "));
    argv.front() = find_program(argv.front());
    command.argv = std::move(argv);
    return command;
}

bool there(const shell_command& command) {
    return !command.argv.front().empty();
}

/// `ping` on loopback, or what takes as long: there may be none, or none that may be used.
shell_command the_long_one(const stage& on, double time_scale) {
    std::vector<std::string> ping{"ping", "-c", "5"};
    if (time_scale < 1)
        ping.insert(ping.end(), {"-i", fmt::format("{}", std::max(time_scale, 0.2))});
    ping.emplace_back("127.0.0.1");
    auto command = found(std::move(ping));
    if (there(command)) {
        const auto tried = run_one_by_one({found({"ping", "-c", "1", "127.0.0.1"})}, {});
        if (!tried.each.empty() && tried.each.front().good) return command;
    }
    auto instead = found({"sleep", fmt::format("{}", 4 * time_scale)});
    on.say(fmt::format("ping {}; {} takes its place.",
                       there(command) ? "cannot be used here" : "is not installed", instead.shown));
    return instead;
}

std::vector<shell_command> choose(const stage& on, const demo_settings& with,
                                  const commands_lesson& what) {
    std::vector<shell_command> all{found({"whoami"}), the_long_one(on, with.time_scale)};
    auto release = found({"lsb_release", "-a"});
    all.push_back(there(release) ? release : found({"cat", "/etc/os-release"}));
    all.push_back(found({"python3", "--version"}));
    for (const auto& each : all) {
        if (!there(each)) on.say(each.shown + " is not installed; left out.");
    }
    std::erase_if(all, [](const shell_command& each) { return !there(each); });
    if (!what.given.empty()) all.push_back(found(what.given));
    return all;
}

std::string name_of(std::size_t index) {
    return fmt::format("command-{}", index + 1);
}

std::vector<set_job> jobs_of(const std::vector<shell_command>& commands) {
    std::vector<set_job> jobs;
    for (std::size_t i = 0; i < commands.size(); ++i) {
        set_job job;
        job.name = commands[i].shown;
        job.what.type = "sluice.exec";
        job.what.args = "[\"" + name_of(i) + "\"]";
        job.what.extra_options = R"("retry":{"max_attempts":1,"on_exhaustion":"discard"})";
        jobs.push_back(std::move(job));
    }
    return jobs;
}

set_outcome run_together(const context& ctx, const stage& on,
                         const std::vector<shell_command>& commands) {
    set_events events;
    events.created = [&](std::size_t i, const set_job& job) {
        on.step(style::yellow, "created", i, job.name);
    };
    events.ended = [&](std::size_t i, const set_job& job) {
        if (job.cancelled) return;
        on.result(job.good() ? style::cyan : style::red, job.good() ? "finished" : "failed", i,
                  job.name);
        const auto words = job.good() ? job.result_text() : job.problem();
        if (words != "null") on.quote(words);
    };
    events.interrupted = [&] { note(ctx, "Interrupted: cancelling what is left.\n"); };
    return run_set(ctx, jobs_of(commands), std::move(events));
}

std::string render_comparison(const std::vector<shell_command>& commands, const set_outcome& set,
                              const alone_outcome& apart, const terminal& term) {
    table sides(
        {{"command", align::left, true}, {"as a job", align::right}, {"one by one", align::right}});
    for (std::size_t i = 0; i < commands.size(); ++i) {
        const auto running = set.jobs[i].job.times.running();
        sides.add({commands[i].shown, running ? format_latency(*running) : "",
                   i < apart.each.size() ? format_latency(apart.each[i].took) : ""});
    }
    sides.add({"all of them", format_latency(set.elapsed), format_latency(apart.sum())});
    return sides.render(term);
}

void show_end(const context& ctx, const stage& on, const std::vector<shell_command>& commands,
              const set_outcome& set, const alone_outcome& apart) {
    if (ctx.options.output == output_format::plain && !set.broken) print(render_plain_set(set));
    if (ctx.options.output != output_format::table) return;
    if (set.interrupted) {
        on.say("Interrupted. Cancelled on the server:");
        print(render_cancelled(set, ctx.out));
    } else if (apart.interrupted) {
        on.say("Interrupted: the command that ran was stopped.");
    } else {
        print("\n" + render_comparison(commands, set, apart, ctx.out));
    }
}

void print_document(const demo_settings& with, const set_outcome& set, const alone_outcome& apart) {
    auto document = begin_document("commands");
    document["time_scale"] = with.time_scale;
    add_set(document, set);
    document["interrupted"] = set.interrupted || apart.interrupted;
    auto& one_by_one = document["one_by_one"];
    one_by_one["elapsed_s"] = static_cast<double>(apart.sum().count()) / 1e9;
    one_by_one["took_s"] = nlohmann::ordered_json::array();
    for (const auto& each : apart.each) {
        one_by_one["took_s"].push_back(static_cast<double>(each.took.count()) / 1e9);
    }
    print(text_of(document));
}

exit_code lesson(const context& ctx, const demo_settings& with,
                 const std::vector<shell_command>& commands) {
    stage on{ctx};
    on.begin();
    const auto set = run_together(ctx, on, commands);
    alone_outcome apart;
    exit_code code = set.conclude(ctx);
    if (!set.broken && !set.interrupted) {
        on.say("\nThe same commands, one after the other:");
        on.begin();
        apart = run_one_by_one(commands, [&](std::size_t i, const alone& one) {
            if (one.stopped) return;
            on.result(one.good ? style::cyan : style::red, one.good ? "finished" : "failed", i,
                      commands[i].shown);
        });
        if (apart.interrupted) code = exit_code::interrupted;
    }
    if (!set.broken) show_end(ctx, on, commands, set, apart);
    if (ctx.wants_json() && !set.broken) print_document(with, set, apart);
    return code;
}

}  // namespace

exit_code run_lesson(const context& ctx, const demo_settings& with, const commands_lesson& what) {
    if (!with.own_server) {
        complain(ctx, "this lesson needs its commands in the server's configuration",
                 "Leave out --url and SLUICE_URL, and it starts a server that has them.");
        return exit_code::usage;
    }
    if (!what.given.empty() && find_program(what.given.front()).empty()) {
        complain(ctx, fmt::format("there is no program {} that may be run", what.given.front()),
                 "Name one in PATH, or by its path.");
        return exit_code::usage;
    }
    const stage on{ctx};
    on.say("Commands: shell-style commands as jobs, started in order, shown as they complete.");
    const auto commands = choose(on, with, what);
    own_server_settings wanted;
    for (std::size_t i = 0; i < commands.size(); ++i) {
        wanted.commands.push_back({name_of(i), commands[i].argv, environment_for_commands()});
    }
    return with_server(ctx, with, wanted,
                       [&](const context& own) { return lesson(own, with, commands); });
}

}  // namespace sluice::cli
