#include "server/app/open_store.hpp"

#include "server/store/sqlite/sqlite_store.hpp"

#include <sys/stat.h>

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

std::unique_ptr<job_store> open_store(const config::store_config& settings, bool salvage,
                                      logger& log) {
    static_cast<void>(salvage);
    auto store = open_sqlite_store({.directory = settings.directory,
                                    .disk_low_bytes = settings.low_space_bytes,
                                    .reserve_bytes = settings.reserve_bytes,
                                    .wal_bytes = settings.log_bytes});
    warn_when_open_to_others(settings, log);
    return store;
}

}  // namespace sluice::app
