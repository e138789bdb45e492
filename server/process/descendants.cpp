#include "server/process/descendants.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <unordered_map>
#include <vector>

namespace sluice::process {

namespace {

/// How often to look for more before killing what was found: a bound for those that outrun us.
constexpr int looks_max = 50;

struct entry {
    pid_t parent = 0;
    char state = '?';
};

/// What /proc/PID/stat says; parent 0 when the process is gone.
entry read_entry(pid_t pid) {
    const auto path = "/proc/" + std::to_string(pid) + "/stat";
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    char text[512];
    const auto n = ::read(fd, text, sizeof text - 1);
    ::close(fd);
    if (n <= 0) return {};
    text[n] = '\0';
    const char* const name_end = std::strrchr(text, ')');  // the name may hold anything
    if (name_end == nullptr || std::strlen(name_end) < 5) return {};
    return {.parent = std::atoi(name_end + 4), .state = name_end[2]};
}

/// Every process with its parent, by one walk over /proc.
std::unordered_map<pid_t, entry> all_processes() {
    std::unordered_map<pid_t, entry> found;
    DIR* const directory = ::opendir("/proc");
    if (directory == nullptr) return found;
    while (const dirent* const each = ::readdir(directory)) {
        pid_t pid = 0;
        const char* const end = each->d_name + std::strlen(each->d_name);
        const auto [at, ec] = std::from_chars(each->d_name, end, pid);
        if (ec == std::errc{} && at == end) found.emplace(pid, read_entry(pid));
    }
    ::closedir(directory);
    return found;
}

std::unordered_map<pid_t, entry> descendants(const std::set<pid_t>& spared) {
    std::unordered_map<pid_t, std::vector<pid_t>> children;
    const auto all = all_processes();
    for (const auto& [pid, what] : all) children[what.parent].push_back(pid);
    std::unordered_map<pid_t, entry> found;
    std::vector<pid_t> open{::getpid()};
    while (!open.empty()) {
        const pid_t parent = open.back();
        open.pop_back();
        for (const pid_t child : children[parent]) {
            if (spared.contains(child) || !found.emplace(child, all.at(child)).second) continue;
            open.push_back(child);
        }
    }
    return found;
}

/// Through a descriptor of the process and after a second look, so that a number that was given to
/// a stranger meanwhile is never signalled.
void signal_one(pid_t pid, pid_t parent, int signal) {
    if (parent == ::getpid()) {
        ::kill(pid, signal);  // only we reap it, so the number is its own
        return;
    }
    const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (fd < 0) return;
    const entry now = read_entry(pid);
    if (now.parent == parent || now.parent == ::getpid())
        ::syscall(SYS_pidfd_send_signal, fd, signal, nullptr, 0);
    ::close(fd);
}

}  // namespace

void signal_descendants(int signal, const std::set<pid_t>& spared) {
    for (const auto& [pid, what] : descendants(spared)) signal_one(pid, what.parent, signal);
}

namespace detail {

bool kill_round(const std::set<pid_t>& spared) {
    auto found = descendants(spared);
    bool running = found.size() > 1;  // a lone one cannot hide anybody who is not found next time
    for (int look = 0; running && look < looks_max; ++look) {
        running = false;
        for (const auto& [pid, what] : found) {
            if (what.state == 'T' || what.state == 'Z' || what.state == 'X') continue;
            signal_one(pid, what.parent, SIGSTOP);
            running = true;
        }
        if (running) found = descendants(spared);
    }
    bool any = false;
    for (const auto& [pid, what] : found) {
        any = true;
        if (what.state != 'Z') signal_one(pid, what.parent, SIGKILL);
    }
    return any;
}

void pause_a_little() {
    const timespec time{.tv_sec = 0, .tv_nsec = 1'000'000};
    ::nanosleep(&time, nullptr);
}

pid_t reap_one(int& status) {
    for (;;) {
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid < 0 && errno == EINTR) continue;
        return pid;
    }
}

}  // namespace detail

}  // namespace sluice::process
