#include "server/process/launch.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace sluice::process {

namespace {

struct limit {
    int what;
    rlim_t value;
};

/// Everything the child needs, made before it exists: it shares our memory and may not allocate.
struct plan {
    std::vector<char*> argv;
    std::vector<char*> environment;
    std::vector<limit> limits;
    const char* directory = nullptr;
    const std::array<int, 4>* fds = nullptr;
    bool change_group = false;
    bool change_user = false;
    gid_t gid = 0;
    uid_t uid = 0;
    int error = 0;                       ///< written by the child
    start_step step = start_step::fork;  ///< the same
};

std::vector<std::string> full_environment(const command& what, const std::string& directory) {
    std::vector<std::string> all = what.environment;
    const auto add = [&](std::string_view name, std::string_view value) {
        for (const auto& each : what.environment)
            if (each.starts_with(name)) return;
        all.push_back(std::string(name) + std::string(value));
    };
    add("PATH=", "/usr/local/bin:/usr/bin:/bin");
    add("LANG=", "C.UTF-8");
    add("HOME=", directory);
    add("TMPDIR=", directory);
    return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (auto& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

std::vector<limit> limits_of(const resource_limits& from) {
    std::vector<limit> out{{RLIMIT_CORE, 0}, {RLIMIT_NOFILE, from.open_files}};
    if (from.memory_bytes) out.push_back({RLIMIT_AS, *from.memory_bytes});
    if (from.file_bytes) out.push_back({RLIMIT_FSIZE, *from.file_bytes});
    if (from.processes) out.push_back({RLIMIT_NPROC, *from.processes});
    if (from.cpu_time) out.push_back({RLIMIT_CPU, static_cast<rlim_t>(from.cpu_time->count())});
    return out;
}

bool set_limits(const std::vector<limit>& limits) {
    for (const auto& each : limits) {
        rlimit now{};
        ::getrlimit(static_cast<__rlimit_resource>(each.what), &now);
        const rlim_t value = each.value < now.rlim_max ? each.value : now.rlim_max;
        const rlimit wanted{.rlim_cur = value, .rlim_max = value};
        if (::setrlimit(static_cast<__rlimit_resource>(each.what), &wanted) != 0) return false;
    }
    return true;
}

/// By bare system calls: the library's would tell all threads of the memory we share.
bool take_account(const plan& p) {
    if (p.change_group || p.change_user) {
        const gid_t gid = p.gid;
        if (::syscall(SYS_setgroups, p.change_group ? 1 : 0, &gid) != 0) return false;
    }
    if (p.change_group && ::syscall(SYS_setresgid, p.gid, p.gid, p.gid) != 0) return false;
    return !p.change_user || ::syscall(SYS_setresuid, p.uid, p.uid, p.uid) == 0;
}

bool arrange_descriptors(const std::array<int, 4>& fds) {
    for (int i = 0; i < 4; ++i)
        if (::dup2(fds[static_cast<std::size_t>(i)], i) != i) return false;
    return ::close_range(4, ~0U, 0) == 0;
}

void reset_signals() {
    for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGXFSZ, SIGQUIT, SIGTSTP,
                           SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2, SIGALRM})
        ::signal(each, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// The child between vfork and exec. Its memory is ours, which waits.
[[noreturn]] __attribute__((noinline, no_sanitize("address"))) void become(plan& p) {
    const auto give_up = [&p](start_step step) {
        p.error = errno;
        p.step = step;
        ::_exit(127);
    };
    ::setsid();
    ::umask(S_IRWXG | S_IRWXO);
    if (!arrange_descriptors(*p.fds)) give_up(start_step::descriptors);
    if (!set_limits(p.limits)) give_up(start_step::limits);
    if (!take_account(p)) give_up(start_step::account);
    if (::chdir(p.directory) != 0) give_up(start_step::directory);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // after the account, whose change would clear it
    reset_signals();
    ::execve(p.argv[0], p.argv.data(), p.environment.data());
    give_up(start_step::exec);
    ::_exit(127);
}

}  // namespace

pid_t launch(const command& what, const std::string& directory, const std::array<int, 4>& fds,
             message& fault) {
    auto argv = what.argv;
    auto environment = full_environment(what, directory);
    plan p{.argv = pointers_to(argv),
           .environment = pointers_to(environment),
           .limits = limits_of(what.limits),
           .directory = directory.c_str(),
           .fds = &fds,
           .change_group = what.gid.has_value(),
           .change_user = what.uid.has_value(),
           .gid = what.gid.value_or(0),
           .uid = what.uid.value_or(0)};
    const pid_t pid = ::vfork();
    if (pid == 0) become(p);
    const volatile int* const error = &p.error;
    if (pid > 0 && *error == 0) return pid;
    fault = {.kind = message_kind::failed,
             .value = pid < 0 ? errno : p.error,
             .extra = static_cast<std::int32_t>(p.step)};
    return -1;
}

}  // namespace sluice::process
