#include "server/process/keeper.hpp"

#include "server/process/descendants.hpp"
#include "server/process/launch.hpp"
#include "server/process/nursery_name.hpp"
#include "server/process/wire.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace sluice::process {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// How long to try to kill what does not die; such a process hangs in the kernel.
constexpr auto kill_time_max = 10s;

/// A descriptor that is readable when a child has ended.
descriptor watch_children() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGCHLD);
    ::sigprocmask(SIG_SETMASK, &set, nullptr);
    return descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

void forget_signals(int watch) {
    std::array<signalfd_siginfo, 8> seen;
    while (::read(watch, seen.data(), sizeof seen) > 0) {
    }
}

/// What would end us is caught and not heeded. Not ignored: commands would inherit that, while exec
/// gives caught signals back. What was ignored for our parent is not for them either.
void take_signals() {
    for (int each = 1; each < SIGRTMIN; ++each)
        if (each != SIGKILL && each != SIGSTOP) ::signal(each, SIG_DFL);
    for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT}) ::signal(each, [](int) {});
}

bool ready(const pollfd& what) {
    return what.revents != 0;
}

/// The working directory of a keeper's commands. One that was left empty serves the next command of
/// the same account: to make and remove it would cost more than all else. No process that could
/// still hold it is left then.
class working_directory {
public:
    working_directory() = default;
    working_directory(const working_directory&) = delete;
    working_directory& operator=(const working_directory&) = delete;
    ~working_directory() { remove(); }

    const std::string& path() const { return path_; }

    /// False, with errno, when it could not be made.
    bool enter(const order& from) {
        const uid_t uid = from.what.uid.value_or(::geteuid());
        const gid_t gid = from.what.gid.value_or(::getegid());
        if (!path_.empty() && parent_ == from.temp_directory && is_as_made(uid, gid)) return true;
        remove();
        std::string name = from.temp_directory + "/sluice-run-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) return false;
        path_ = std::move(name);
        parent_ = from.temp_directory;
        const bool ours = uid == ::geteuid() && gid == ::getegid();
        return ours || ::chown(path_.c_str(), uid, gid) == 0;
    }

    /// The command has ended.
    void leave() {
        if (!is_empty()) remove();
    }

private:
    bool is_as_made(uid_t uid, gid_t gid) const {
        struct stat status {};
        return ::lstat(path_.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
               (status.st_mode & 07777) == S_IRWXU && status.st_uid == uid &&
               status.st_gid == gid && is_empty();
    }

    bool is_empty() const {
        std::error_code ec;
        return std::filesystem::is_empty(path_, ec) && !ec;
    }

    void remove() {
        if (path_.empty()) return;
        if (::rmdir(path_.c_str()) != 0 && errno != ENOENT) {
            std::error_code ignored;  // what is left there has no other remedy
            std::filesystem::remove_all(path_, ignored);
        }
        path_.clear();
    }

    std::string path_;
    std::string parent_;
};

/// One command from its start until nothing of it is left.
class charge {
public:
    charge(int socket, int children, working_directory& directory)
        : socket_(socket), children_(children), directory_(directory) {}

    /// False when the runner is gone.
    bool serve(std::vector<descriptor> fds) {
        if (fds.size() != run_descriptors) return refuse(EMFILE, start_step::order);
        const auto text = read_memory_file(fds[4].get());
        const auto from = text ? decode_order(*text) : std::optional<order>{};
        if (!from) return refuse(EPROTO, start_step::order);
        if (!directory_.enter(*from)) return refuse(errno, start_step::directory);

        const std::array<int, 4> wanted{fds[0].get(), fds[1].get(), fds[2].get(), fds[3].get()};
        message fault;
        main_ = launch(from->what, directory_.path(), wanted, fault);
        fds.clear();  // the pipes must end with the command
        if (main_ < 0) return reap_and_refuse(fault);
        watch(from->what);
        directory_.leave();
        return alive_ &&
               send_message(socket_,
                            {.kind = message_kind::ended, .value = status_, .extra = ending_});
    }

private:
    bool refuse(int error, start_step step) {
        return send_message(socket_, {.kind = message_kind::failed,
                                      .value = error,
                                      .extra = static_cast<std::int32_t>(step)});
    }

    bool reap_and_refuse(const message& fault) {
        int status = 0;
        while (::waitpid(-1, &status, 0) > 0) {  // what failed to become the command
        }
        return send_message(socket_, fault);
    }

    void watch(const command& what) {
        while (reap()) {
            if (main_ended_) limit_linger(what.linger);
            if (deadline_ && clock::now() >= *deadline_) {
                kill();
                return;
            }
            std::array<pollfd, 2> on{{{.fd = socket_, .events = POLLIN, .revents = 0},
                                      {.fd = children_, .events = POLLIN, .revents = 0}}};
            ::poll(on.data(), on.size(), time_left());
            if (ready(on[1])) forget_signals(children_);
            if (ready(on[0]) && !heed(what)) {
                alive_ = false;
                kill();
                return;
            }
        }
    }

    /// What the command left gets a little time, never more than a stop would give.
    void limit_linger(std::chrono::milliseconds linger) {
        if (std::exchange(lingering_, true)) return;
        const auto end = clock::now() + linger;
        deadline_ = deadline_ ? std::min(*deadline_, end) : end;
    }

    int time_left() const {
        if (!deadline_) return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - clock::now());
        return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT_MAX));
    }

    /// What the runner says; false when it is gone.
    bool heed(const command& what) {
        std::vector<descriptor> none;
        const auto said = receive_message(socket_, none);
        if (!said) return false;
        if (said->kind != message_kind::stop || stopping_) return true;
        stopping_ = true;
        reap();  // a command that has ended by now did so by itself
        if (!main_ended_) ending_ |= ending::stop_came_first;
        const auto end = clock::now() + what.grace;
        deadline_ = deadline_ ? std::min(*deadline_, end) : end;
        signal_descendants(SIGTERM);
        signal_descendants(SIGCONT);  // one that is stopped could not end
        return true;
    }

    void note(pid_t pid, int status) {
        if (pid != main_) return;
        main_ended_ = true;
        status_ = status;
    }

    /// Reaps what has ended; false when there is nothing left.
    bool reap() {
        int status = 0;
        pid_t pid = 0;
        while ((pid = detail::reap_one(status)) > 0) note(pid, status);
        return pid == 0;
    }

    void kill() {
        if (main_ended_) ending_ |= ending::others_killed;
        end_descendants(kill_time_max, {}, [this](pid_t pid, int status) { note(pid, status); });
        if (!main_ended_) status_ = SIGKILL;
    }

    int socket_;
    int children_;
    working_directory& directory_;
    pid_t main_ = -1;
    int status_ = 0;
    bool main_ended_ = false;
    bool lingering_ = false;
    bool stopping_ = false;
    bool alive_ = true;
    std::int32_t ending_ = 0;
    std::optional<clock::time_point> deadline_;
};

/// Takes charge of one command after another until the runner is gone.
void keep(int socket) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::prctl(PR_SET_NAME, "sluice-keeper");
    const descriptor children = watch_children();
    working_directory directory;
    if (!children || !send_message(socket, {.kind = message_kind::ready})) return;
    for (;;) {
        std::vector<descriptor> fds;
        const auto said = receive_message(socket, fds);
        if (!said) return;
        if (said->kind != message_kind::run) continue;  // a stop that came too late
        charge each(socket, children.get(), directory);
        if (!each.serve(std::move(fds))) return;
    }
}

class nursery {
public:
    void run() {
        const descriptor children = watch_children();
        for (;;) {
            std::array<pollfd, 2> on{{{.fd = control, .events = POLLIN, .revents = 0},
                                      {.fd = children.get(), .events = POLLIN, .revents = 0}}};
            const int seen = ::poll(on.data(), on.size(), static_cast<int>(look_again_.count()));
            if (ready(on[1])) {
                forget_signals(children.get());
                look_again_ = no_look;
            }
            if (ready(on[1]) || seen == 0) tidy();
            if (ready(on[0]) && !admit()) break;
        }
        ::close(control);
        leave();
    }

private:
    static constexpr int control = STDIN_FILENO;
    static constexpr std::chrono::milliseconds no_look{-1};
    static constexpr std::chrono::milliseconds look_again_most = 10s;

    /// Forks the keeper of a socket; false when the runner is gone.
    bool admit() {
        std::vector<descriptor> fds;
        if (!receive_message(control, fds)) return false;
        if (fds.size() != 1) return true;
        const pid_t pid = ::fork();
        if (pid == 0) {
            const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
            ::dup2(null, control);
            ::close(null);
            keep(fds[0].get());
            ::_exit(0);
        }
        if (pid > 0) keepers_.insert(pid);
        if (pid < 0)  // the socket closes, too, and the runner sees that
            send_message(fds[0].get(), {.kind = message_kind::failed,
                                        .value = errno,
                                        .extra = static_cast<std::int32_t>(start_step::fork)});
        return true;
    }

    /// Reaps keepers. What one leaves that was killed is ours by then, and goes. One round at a
    /// time: keepers are asked for meanwhile, and what hangs in the kernel may never go.
    void tidy() {
        const bool left = reap() && detail::kill_round(keepers_) && reap();
        if (!left) {
            look_again_ = no_look;
        } else {
            look_again_ = look_again_ == no_look ? 1ms : std::min(look_again_ * 2, look_again_most);
        }
    }

    /// False when there are no children.
    bool reap() {
        int status = 0;
        pid_t pid = 0;
        while ((pid = detail::reap_one(status)) > 0) keepers_.erase(pid);
        return pid == 0;
    }

    /// Keepers end by themselves once they have killed what is theirs.
    void leave() {
        const auto deadline = clock::now() + kill_time_max;
        int status = 0;
        for (;;) {
            const pid_t pid = detail::reap_one(status);
            if (pid < 0) return;
            if (pid > 0) continue;
            if (clock::now() >= deadline) break;
            detail::pause_a_little();
        }
        end_descendants(kill_time_max, {}, [](pid_t, int) {});
    }

    std::set<pid_t> keepers_;
    std::chrono::milliseconds look_again_ = no_look;  ///< after this time
};

}  // namespace

bool is_keeper(int argc, const char* const* argv) {
    return argc == 2 && std::string_view(argv[1]) == nursery_argument;
}

int keeper_main() {
    ::setsid();  // Ctrl-C in the terminal of the runner is not for us
    take_signals();
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::prctl(PR_SET_NAME, "sluice-nursery");
    ::prctl(PR_SET_DUMPABLE, 0);
    if (::chdir("/") != 0) return EXIT_FAILURE;
    nursery().run();
    ::_exit(EXIT_SUCCESS);
}

}  // namespace sluice::process
