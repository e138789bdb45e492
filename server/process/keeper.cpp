#include "server/process/keeper.hpp"

#include "server/process/descendants.hpp"
#include "server/process/launch.hpp"
#include "server/process/nursery_name.hpp"
#include "server/process/wire.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
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

bool ready(const pollfd& what) {
    return what.revents != 0;
}

/// The working directory of one command; gone with what is in it when this goes.
class working_directory {
public:
    explicit working_directory(const order& from) {
        std::string name = from.temp_directory + "/sluice-run-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) return;
        path_ = std::move(name);
        const command& what = from.what;
        if (!what.uid && !what.gid) return;
        const uid_t uid = what.uid.value_or(static_cast<uid_t>(-1));
        if (::chown(path_.c_str(), uid, what.gid.value_or(static_cast<gid_t>(-1))) != 0) remove();
    }
    working_directory(const working_directory&) = delete;
    working_directory& operator=(const working_directory&) = delete;
    ~working_directory() { remove(); }

    const std::string& path() const { return path_; }

    void remove() {
        if (path_.empty()) return;
        if (::rmdir(path_.c_str()) != 0 && errno != ENOENT) {
            std::error_code ignored;  // what is left there has no other remedy
            std::filesystem::remove_all(path_, ignored);
        }
        path_.clear();
    }

private:
    std::string path_;
};

/// One command from its start until nothing of it is left.
class charge {
public:
    charge(int socket, int children) : socket_(socket), children_(children) {}

    /// False when the runner is gone.
    bool serve(std::vector<descriptor> fds) {
        const auto text = fds.size() == run_descriptors ? read_memory_file(fds[4].get())
                                                        : std::optional<std::string>{};
        const auto from = text ? decode_order(*text) : std::optional<order>{};
        if (!from) return refuse(EPROTO, start_step::order);
        working_directory directory(*from);
        if (directory.path().empty()) return refuse(errno, start_step::directory);

        const std::array<int, 4> wanted{fds[0].get(), fds[1].get(), fds[2].get(), fds[3].get()};
        message fault;
        main_ = launch(from->what, directory.path(), wanted, fault);
        fds.clear();  // the pipes must end with the command
        if (main_ < 0) return reap_and_refuse(fault);
        watch(from->what);
        directory.remove();
        return alive_ && send_message(socket_, {.kind = message_kind::ended,
                                                .value = status_,
                                                .extra = killed_others_ ? 1 : 0});
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
        deadline_ = clock::now() + what.grace;
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
        killed_others_ = main_ended_;
        end_descendants(kill_time_max, {}, [this](pid_t pid, int status) { note(pid, status); });
        if (!main_ended_) status_ = SIGKILL;
    }

    int socket_;
    int children_;
    pid_t main_ = -1;
    int status_ = 0;
    bool main_ended_ = false;
    bool lingering_ = false;
    bool stopping_ = false;
    bool alive_ = true;
    bool killed_others_ = false;
    std::optional<clock::time_point> deadline_;
};

/// Takes charge of one command after another until the runner is gone.
void keep(int socket) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::prctl(PR_SET_NAME, "sluice-keeper");
    const descriptor children = watch_children();
    for (;;) {
        std::vector<descriptor> fds;
        const auto said = receive_message(socket, fds);
        if (!said) return;
        if (said->kind != message_kind::run) continue;  // a stop that came too late
        charge each(socket, children.get());
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
            ::poll(on.data(), on.size(), -1);
            if (ready(on[1])) {
                forget_signals(children.get());
                tidy();
            }
            if (ready(on[0]) && !admit()) break;
        }
        ::close(control);
        leave();
    }

private:
    static constexpr int control = STDIN_FILENO;

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
        return true;  // without a process the socket closes, and the runner sees that
    }

    /// Reaps keepers. What one leaves that was killed is ours by then, and goes.
    void tidy() {
        int status = 0;
        pid_t pid = 0;
        while ((pid = detail::reap_one(status)) > 0) keepers_.erase(pid);
        if (pid == 0)
            end_descendants(kill_time_max, keepers_, [this](pid_t each, int) { forget(each); });
    }

    void forget(pid_t pid) { keepers_.erase(pid); }

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
};

}  // namespace

bool is_keeper(int argc, const char* const* argv) {
    return argc == 2 && std::string_view(argv[1]) == nursery_argument;
}

int keeper_main() {
    ::setsid();  // Ctrl-C in the terminal of the runner is not for us
    for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT}) ::signal(each, SIG_IGN);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::prctl(PR_SET_NAME, "sluice-nursery");
    ::prctl(PR_SET_DUMPABLE, 0);
    if (::chdir("/") != 0) return EXIT_FAILURE;
    nursery().run();
    ::_exit(EXIT_SUCCESS);
}

}  // namespace sluice::process
