#include "server/app/process.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::app {

namespace {

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);  // fewer connections if it fails, which accept reports
}

}  // namespace

void prepare_process(logger& log) {
    ::umask(S_IRWXG | S_IRWXO);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);
    raise_descriptor_limit();
    if (::geteuid() == 0) {
        ::prctl(PR_SET_DUMPABLE, 0);
        log.warning("running as root; an account of its own is safer");
    }
}

}  // namespace sluice::app
