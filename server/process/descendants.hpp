#pragma once

#include <sys/types.h>

#include <chrono>
#include <set>

/// All that descends from this process, which must be a subreaper (PR_SET_CHILD_SUBREAPER): orphans
/// become its children, so nothing that was ever started below it can be anywhere else.
namespace sluice::process {

/// Sends `signal` to every descendant but the children in `spared`, and theirs.
void signal_descendants(int signal, const std::set<pid_t>& spared = {});

/// Kills and reaps every descendant but the children in `spared`, and theirs. They are stopped
/// first, until a look finds none that still runs: what forks faster than it can be killed does
/// not fork while it is stopped. False when some were still there after `limit`, as a process in
/// an uninterruptible call may be. `on_reaped` hears of each child that was reaped.
template <class F>
bool end_descendants(std::chrono::milliseconds limit, const std::set<pid_t>& spared, F on_reaped);

namespace detail {
/// One round of stopping and killing; true when there was anything to kill.
bool kill_round(const std::set<pid_t>& spared);
void pause_a_little();
/// The next ended child; 0 when none has ended yet, -1 when there are no children.
pid_t reap_one(int& status);
}  // namespace detail

template <class F>
bool end_descendants(std::chrono::milliseconds limit, const std::set<pid_t>& spared, F on_reaped) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;) {
        const bool found = detail::kill_round(spared);
        int status = 0;
        pid_t pid = 0;
        while ((pid = detail::reap_one(status)) > 0) on_reaped(pid, status);
        if (pid < 0 || !found) return true;
        if (std::chrono::steady_clock::now() >= deadline) return false;
        detail::pause_a_little();
    }
}

}  // namespace sluice::process
