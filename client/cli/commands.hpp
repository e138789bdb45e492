#pragma once

#include "client/cli/bench/bench_options.hpp"
#include "client/cli/context.hpp"
#include "client/cli/produce_options.hpp"
#include "client/cli/work_settings.hpp"
#include "client/client.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

/// What each command does, once its line has been read. Each answers the exit code.
namespace sluice::cli {

using ids = std::vector<std::string>;

exit_code produce(const context& ctx, const produce_options& options);
exit_code compare_reports(const context& ctx, const std::vector<std::string>& files);

/// Ends with `missed` when an objective was missed, or none of the rates tried meets them all.
exit_code run_bench(const context& ctx, const bench::bench_options& options);

/// A worker: runs a command for each job, until it is stopped or the options' end is reached. Ends
/// with `interrupted` when jobs had to be given back; with an end in the options, also by how the
/// jobs went.
exit_code work(const context& ctx, const work_settings& options);

exit_code get_jobs(const context& ctx, const ids& jobs);
exit_code list_jobs(const context& ctx, const client::job_filter& filter);
exit_code cancel_jobs(const context& ctx, const ids& jobs);
/// Like retry_dead_letters; a job that is none is a conflict and says so.
exit_code retry_jobs(const context& ctx, const ids& jobs);
/// Ends with `failed` unless all were completed, with `timed_out` when `patience` runs out.
exit_code wait_for_jobs(const context& ctx, const ids& jobs, std::chrono::nanoseconds patience);

struct log_options {
    std::string job;
    bool follow = false;  ///< until the job has ended
    bool timestamps = false;
};
/// Prints what a job has logged: what it wrote to its standard error, and notes, to ours.
exit_code show_log(const context& ctx, const log_options& options);

exit_code list_queues(const context& ctx);
exit_code show_queues(const context& ctx, const std::vector<std::string>& names);
exit_code pause_queue(const context& ctx, const std::string& name);
exit_code resume_queue(const context& ctx, const std::string& name);
exit_code set_queue(const context& ctx, const std::string& name,
                    const client::queue_change& change);
/// Asks first, unless `confirmed`; without a terminal to ask on it refuses.
exit_code purge_queue(const context& ctx, const client::purge_order& order, bool confirmed);

/// All cron jobs, or those that are `enabled`, or are not.
exit_code list_crons(const context& ctx, std::optional<bool> enabled);
exit_code show_cron(const context& ctx, const std::string& name);
exit_code set_cron(const context& ctx, const client::new_cron& cron);
exit_code enable_cron(const context& ctx, const std::string& name, bool enabled);
exit_code delete_cron(const context& ctx, const std::string& name);
/// The next `count` times, and those that the clocks leap over between them.
exit_code preview_cron(const context& ctx, const std::string& name, std::size_t count);

exit_code list_dead_letters(const context& ctx, const client::job_filter& filter);
exit_code retry_dead_letters(const context& ctx, const ids& jobs);
/// Asks first, unless `confirmed`; without a terminal to ask on it refuses.
exit_code delete_dead_letters(const context& ctx, const ids& jobs, bool confirmed);

/// With `wait` it is followed until it is over, and ends with `failed` unless it was completed.
exit_code begin_redrive(const context& ctx, const client::new_redrive& asked, bool wait);
exit_code list_redrives(const context& ctx);
exit_code cancel_redrive(const context& ctx, const std::string& id);

exit_code show_health(const context& ctx, bool readiness);
exit_code show_version(const context& ctx);

}  // namespace sluice::cli
