#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::bench {

/// A server under load, in a process group of its own. Killed when it goes out of scope.
class process {
public:
    /// Starts `argv` with its output in `log_file` and waits until `port` on 127.0.0.1 accepts a
    /// connection. Throws std::runtime_error when it does not within a minute.
    process(const std::vector<std::string>& argv, std::uint16_t port, const std::string& log_file);
    ~process();
    process(const process&) = delete;
    process& operator=(const process&) = delete;

    /// User and system time used so far, in seconds; with `tree_cpu_seconds` also that of all its
    /// descendants, and of those of them that have ended.
    double cpu_seconds() const;
    double tree_cpu_seconds() const;
    /// Resident memory, in KiB.
    std::uint64_t resident_kib() const;

    /// Sends a signal to the process and all its descendants, whatever session they are in.
    void signal_tree(int number) const;
    /// Asks it with a signal to end; what is left of it after ten seconds is killed.
    void end_with(int number);

private:
    pid_t pid_ = -1;
};

/// A process and all its descendants, the process first.
std::vector<pid_t> process_tree(pid_t root);

/// A port nobody listens on at the moment.
std::uint16_t free_port();

}  // namespace sluice::bench
