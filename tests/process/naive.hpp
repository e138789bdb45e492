#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace sluice::process::test {

/// A command run as one would without thinking: posix_spawn with our environment and descriptors,
/// its output on a pipe, and whatever is done to it done to this one process alone. What the tests
/// of the runner prove not to happen, happens here, as the same detectors see it.
class naive_command {
public:
    /// `own_session`: it leads a session, and so a group, as a careful caller would have it.
    explicit naive_command(std::vector<std::string> argv, bool own_session = false);
    ~naive_command();
    naive_command(const naive_command&) = delete;
    naive_command& operator=(const naive_command&) = delete;

    pid_t pid() const { return pid_; }

    /// The next line of its output without its end; empty at the end.
    std::string line();
    /// The numbers of `count` lines "pid N", which are all that comes.
    std::vector<int> pids(std::size_t count);
    /// All that comes up to the end of the pipe.
    std::string rest();
    /// Whether the pipe has ended, as far as one can tell without waiting.
    bool output_has_ended() const;

    /// Waits for this one process.
    int wait();

private:
    pid_t pid_ = -1;
    int output_ = -1;
    bool waited_ = false;
};

/// Kills what a control left alive; twice is no harm.
void clean_up(const std::vector<int>& pids);

}  // namespace sluice::process::test
