#include "server/app/open_store.hpp"

#include "server/store/sqlite/salvage.hpp"
#include "server/store/sqlite/sqlite_store.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sysexits.h>

namespace sluice::app {

namespace {

void warn_when_open_to_others(const config::store_config& settings, logger& log) {
    struct stat status {};
    const bool known = ::stat(settings.directory.c_str(), &status) == 0;
    if (known && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        log.warning("the data directory is open to other accounts; mode 0700 is safer",
                    {{"directory", std::string_view{settings.directory}}});
}

}  // namespace

std::unique_ptr<job_store> open_store(const config::store_config& settings, logger& log) {
    auto store = open_sqlite_store({.directory = settings.directory,
                                    .disk_low_bytes = settings.low_space_bytes,
                                    .reserve_bytes = settings.reserve_bytes,
                                    .wal_bytes = settings.log_bytes,
                                    .prepare_log = true});
    warn_when_open_to_others(settings, log);
    return store;
}

int salvage(const config::store_config& settings, const std::string& to) {
    const auto report = salvage_store(settings.directory, to);
    fmt::print(
        "saved in {}: {} waiting or running jobs, {} finished jobs, {} idempotency keys, {} lines "
        "of logs, {} cron jobs, {} workflows, {} settings\n",
        to, report.live_jobs, report.finished_jobs, report.keys, report.log_lines, report.crons,
        report.workflows, report.settings);
    const auto commits = report.commits_known ? std::to_string(report.missing_commits)
                                              : std::string{"an unknown number of"};
    fmt::print("lost: {} rows, {} commits; {} damaged pages\n", report.lost_rows, commits,
               report.damaged_pages);
    for (const auto& problem : report.problems) fmt::print("  {}\n", problem);
    const bool lost = report.lost_rows > 0 || report.missing_commits > 0 || !report.commits_known;
    return lost ? EX_DATAERR : EX_OK;
}

}  // namespace sluice::app
