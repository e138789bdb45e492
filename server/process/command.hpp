#pragma once

#include "proto/job.hpp"
#include "proto/job_log.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::process {

/// What the kernel holds a command to. Core dumps are always off.
struct resource_limits {
    std::uint64_t open_files = 1024;
    std::optional<std::uint64_t> memory_bytes;  ///< address space of one process
    std::optional<std::uint64_t> file_bytes;    ///< largest file it may write
    std::optional<std::uint64_t> processes;     ///< of the account in all, so give it its own
    std::optional<std::chrono::seconds> cpu_time;
};

/// A command and the conditions it runs under. No shell ever sees it.
struct command {
    std::vector<std::string> argv;         ///< argv[0] is the absolute path of the program
    std::vector<std::string> environment;  ///< "NAME=value"; beside the fixed ones, see runner
    std::optional<uid_t> uid;              ///< needs root; groups are dropped
    std::optional<gid_t> gid;
    resource_limits limits;
    /// Between SIGTERM and SIGKILL when it is stopped.
    std::chrono::milliseconds grace = std::chrono::seconds{5};
    /// How long what it started may outlive it before it is killed.
    std::chrono::milliseconds linger = std::chrono::seconds{1};
    std::size_t output_bytes_max = std::size_t{64} << 10;  ///< kept of stdout and of stderr, each
    std::size_t log_bytes_max = std::size_t{1} << 20;      ///< handed to listener::log, in all
};

/// Hears of a command while it runs, on the runner's executor. Both may be empty.
struct listener {
    /// One line without its end; arbitrary bytes, at most 16 KiB, longer ones come in pieces.
    std::function<void(log_stream stream, std::string_view line)> log;
    std::function<void(double fraction, std::string message)> progress;
};

enum class verdict : std::uint8_t {
    completed,    ///< exit code 0
    retry,        ///< exit code 75, "try again later"
    dead_letter,  ///< exit code 65, "this input will never do"
    failed,       ///< any other exit code, a signal, or it could not be started
    stopped,      ///< was there still when it was asked to end, whatever its exit code
};

/// How a command ended. By then no process of it is left.
struct report {
    verdict how = verdict::failed;
    bool started = false;
    /// Not started for want of something this machine lacks at the moment, such as processes,
    /// descriptors, memory or disk: not the command's fault, and worth trying again later.
    bool shortage = false;
    int exit_code = -1;               ///< -1 when a signal ended it or it never started
    std::string signal;               ///< "SIGSEGV"; empty when it exited
    std::string reason;               ///< for people, with the end of stderr; empty when completed
    raw_json result;                  ///< see docs/handlers.md; "null" when it gave none
    std::uint64_t dropped_bytes = 0;  ///< of its output, neither kept nor logged
    bool left_processes = false;      ///< what it had started had to be killed
};

}  // namespace sluice::process
