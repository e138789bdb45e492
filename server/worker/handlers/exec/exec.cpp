#include "server/worker/handlers/exec/exec.hpp"

#include "proto/codec.hpp"
#include "proto/json_text.hpp"
#include "server/process/runner.hpp"
#include "server/process/shortage_pause.hpp"
#include "server/worker/handlers/exec/pacing.hpp"

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <utility>

namespace sluice::worker {

namespace {

namespace asio = boost::asio;

/// The kernel takes no longer argument.
constexpr std::size_t argument_bytes_max = std::size_t{64} << 10;
/// In all: the kernel takes about 2 MiB of arguments, those of the row and the environment
/// included.
constexpr std::size_t extra_bytes_max = std::size_t{512} * 1024;

/// One row with what runs of it share.
struct exec_row {
    explicit exec_row(exec_command from) : row(std::move(from)) {}

    bool full() const { return row.concurrency != 0 && running >= row.concurrency; }

    exec_command row;
    std::size_t running = 0;
    row_turns turns;
};

struct exec_table {
    exec_table(asio::any_io_executor ex, exec_config from, logger& to)
        : executor(ex), log(to), commands(ex, std::move(from.temp_directory)) {
        for (auto& each : from.commands)
            rows.push_back(std::make_unique<exec_row>(std::move(each)));
    }

    exec_row* find(std::string_view name) {
        for (const auto& each : rows)
            if (each->row.name == name) return each.get();
        return nullptr;
    }

    asio::any_io_executor executor;
    logger& log;
    process::runner commands;
    process::shortage_pause pause;
    std::vector<std::unique_ptr<exec_row>> rows;
};

/// What a job of sluice.exec asks for.
struct exec_request {
    std::string name;
    std::vector<std::string> extra;
};

std::optional<exec_request> request_of(const raw_json& args) {
    std::vector<std::string> texts;
    json_cursor cursor(json_root(args));
    std::string key;
    for (json_value value; cursor.next(key, value);) {
        if (value.kind != json_kind::string) return std::nullopt;
        texts.push_back(json_unescape(value));
    }
    if (texts.empty()) return std::nullopt;
    exec_request out{.name = std::move(texts.front()), .extra = {}};
    texts.erase(texts.begin());
    out.extra = std::move(texts);
    return out;
}

error args_fault(std::string message) {
    return {errc::validation_failed, std::move(message), R"("field":"args")"};
}

std::optional<error> fault_of(const exec_row* row, const std::optional<exec_request>& asked) {
    if (!asked) return args_fault("args must be texts: the name of a command, then its arguments");
    if (row == nullptr) return args_fault("there is no command of this name");
    if (asked->extra.size() > row->row.extra_args_max)
        return args_fault("this command takes at most " + std::to_string(row->row.extra_args_max) +
                          " arguments of a job");
    std::size_t bytes = 0;
    for (const auto& each : asked->extra) {
        if (each.starts_with('-')) return args_fault("an argument must not begin with \"-\"");
        if (each.find('\0') != std::string::npos)
            return args_fault("an argument must not contain the character NUL");
        if (each.size() > argument_bytes_max) return args_fault("an argument is too long");
        bytes += each.size();
    }
    if (bytes > extra_bytes_max) return args_fault("the arguments are too long");
    return std::nullopt;
}

job_failure failure_of(std::string code, std::string message) {
    job_failure failure;
    failure.type = "sluice.exec";
    failure.code = std::move(code);
    failure.message = std::move(message);
    return failure;
}

outcome outcome_of(process::report how, bool timed_out) {
    using process::verdict;
    // What had ended by itself when its time was up has not timed out.
    if (timed_out && how.how == verdict::stopped)
        return failed{failure_of("timeout", "the command ran longer than its timeout")};
    switch (how.how) {
        case verdict::completed:
            return completed{std::move(how.result)};
        case verdict::stopped:
            return interrupted{};
        case verdict::dead_letter:
            return dead_lettered{failure_of("exit_65", std::move(how.reason))};
        case verdict::retry:
            return failed{failure_of("exit_75", std::move(how.reason))};
        case verdict::failed:
            break;
    }
    std::string code = "not_started";
    if (how.started) code = how.signal.empty() ? "lost" : how.signal;
    if (how.exit_code >= 0) code = "exit_" + std::to_string(how.exit_code);
    return failed{failure_of(std::move(code), std::move(how.reason))};
}

/// Stops one run for whichever comes first: its job's stop, or its own timeout.
struct run_clock {
    explicit run_clock(asio::any_io_executor executor) : timer(std::move(executor)) {}

    asio::steady_timer timer;
    std::stop_source stop;
    bool timed_out = false;
};

void arm(const std::shared_ptr<run_clock>& clock,
         const std::optional<std::chrono::milliseconds>& timeout) {
    if (!timeout) return;
    clock->timer.expires_after(*timeout);
    auto on_time = [clock](const boost::system::error_code& ec) {
        if (ec || clock->stop.stop_requested()) return;  // a stop came first: an interruption
        clock->timed_out = true;
        clock->stop.request_stop();
    };
    clock->timer.async_wait(std::move(on_time));
}

process::command command_for(const exec_row& row, const job_record& job,
                             std::vector<std::string> extra) {
    process::command what = row.row.what;
    for (auto& each : extra) what.argv.push_back(std::move(each));
    what.environment.push_back("SLUICE_JOB_ID=" + to_string(job.spec->id));
    what.environment.push_back("SLUICE_JOB_TYPE=" + job.spec->type);
    what.environment.push_back("SLUICE_ATTEMPT=" + std::to_string(job.attempt));
    return what;
}

/// What this machine lacks is no failure of the job.
snoozed later(exec_table& table, const exec_row& row, job_run& run, const std::string& reason) {
    const auto now = std::chrono::steady_clock::now();
    const auto pause = table.pause.not_started(now);
    if (table.pause.worth_saying(now))
        table.log.warning("commands cannot be started for now; their jobs come back later",
                          {{"command", std::string_view{row.row.name}},
                           {"reason", std::string_view{reason}},
                           {"pause_ms", std::int64_t{pause.count()}}});
    run.log(log_stream::log, reason + "; tried again in " + std::to_string(pause.count()) + " ms");
    return {pause};
}

asio::awaitable<outcome> run_row(std::shared_ptr<exec_table> table, exec_row* row,
                                 std::vector<std::string> extra, std::shared_ptr<job_run> run) {
    const auto begin = std::chrono::steady_clock::now();
    if (row->full()) co_return snoozed{row->turns.next(begin, row->row.concurrency)};
    auto clock = std::make_shared<run_clock>(table->executor);
    auto forward = [clock] { clock->stop.request_stop(); };
    const std::stop_callback on_stop(run->stop(), std::move(forward));
    if (clock->stop.stop_requested()) co_return interrupted{};

    process::listener hear;
    hear.log = [run](log_stream stream, std::string_view line) { run->log(stream, line); };
    hear.progress = [run](double fraction, std::string message) {
        run->progress(fraction, std::move(message));
    };
    std::string input;
    append_leased_job(input, run->job());
    process::command what = command_for(*row, run->job(), std::move(extra));
    ++row->running;
    arm(clock, row->row.timeout);
    process::report how;
    std::exception_ptr fault;
    try {
        auto running = table->commands.run(std::move(what), std::move(input), std::move(hear),
                                           clock->stop.get_token());
        process::report end = co_await std::move(running);
        how = std::move(end);
    } catch (...) {
        fault = std::current_exception();
    }
    clock->timer.cancel();
    --row->running;
    if (fault) std::rethrow_exception(fault);
    if (how.shortage) {  // even when its time was up before it could be started
        if (run->stop().stop_requested()) co_return interrupted{};
        co_return later(*table, *row, *run, how.reason);
    }
    if (how.started) {
        table->pause.started();
        row->turns.ran(std::chrono::steady_clock::now() - begin);
    }
    co_return outcome_of(std::move(how), clock->timed_out);
}

asio::awaitable<outcome> run_named(std::shared_ptr<exec_table> table,
                                   std::shared_ptr<job_run> run) {
    auto asked = request_of(run->job().spec->args);
    exec_row* const row = asked ? table->find(asked->name) : nullptr;
    if (auto fault = fault_of(row, asked)) {  // the table may be another since the job came in
        failed how{failure_of("invalid_args", std::move(fault->message))};
        how.retryable = false;
        co_return how;
    }
    auto running = run_row(std::move(table), row, std::move(asked->extra), std::move(run));
    outcome how = co_await std::move(running);
    co_return how;
}

asio::awaitable<outcome> run_disabled(std::shared_ptr<job_run>) {
    failed how{failure_of("forbidden", "commands are not enabled on this server")};
    how.retryable = false;
    co_return how;
}

}  // namespace

void add_exec_handlers(handler_registry& registry, asio::any_io_executor executor,
                       exec_config config, logger& log) {
    handler_options named;
    if (config.commands.empty()) {
        named.check = [](const job_spec&) -> std::optional<error> {
            return error{errc::forbidden, "commands are not enabled on this server"};
        };
        registry.add("sluice.exec", run_disabled, std::move(named));
        return;
    }
    const auto table = std::make_shared<exec_table>(std::move(executor), std::move(config), log);
    named.check = [table](const job_spec& job) {
        const auto asked = request_of(job.args);
        return fault_of(asked ? table->find(asked->name) : nullptr, asked);
    };
    registry.add(
        "sluice.exec",
        [table](std::shared_ptr<job_run> run) { return run_named(table, std::move(run)); },
        std::move(named));
    for (const auto& row : table->rows) {
        const handler_options options{.concurrency = row->row.concurrency, .check = {}};
        for (const auto& type : row->row.types)
            registry.add(
                type,
                [table, each = row.get()](std::shared_ptr<job_run> run) {
                    return run_row(table, each, {}, std::move(run));
                },
                options);
    }
}

}  // namespace sluice::worker
