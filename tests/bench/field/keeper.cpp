#include "tests/bench/field/keeper.hpp"

#include "tests/bench/process.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace sluice::bench {
namespace {

/// Whatever runs below us, wherever it has gone: orphans come to us.
void kill_all_below() {
    for (bool some = true; some;) {
        some = false;
        for (const auto pid : process_tree(getpid()))
            if (pid != getpid()) some = kill(pid, SIGKILL) == 0 || some;
        usleep(1000);
        while (waitpid(-1, nullptr, WNOHANG) > 0) {
        }
    }
}

}  // namespace

void keep() {
    sigset_t signals;
    sigset_t before;
    sigemptyset(&signals);
    for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&signals, each);
    sigprocmask(SIG_BLOCK, &signals, &before);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const auto child = fork();
    if (child < 0) throw std::runtime_error("fork failed");
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &before, nullptr);
        return;
    }
    for (;;) {
        int received = 0;
        sigwait(&signals, &received);
        int status = 0;
        if (received == SIGCHLD) {
            pid_t ended = 0;
            while ((ended = waitpid(-1, &status, WNOHANG)) > 0 && ended != child) {
            }
            if (ended != child) continue;
        }
        kill_all_below();
        std::_Exit(received == SIGCHLD && WIFEXITED(status) ? WEXITSTATUS(status) : 130);
    }
}

}  // namespace sluice::bench
