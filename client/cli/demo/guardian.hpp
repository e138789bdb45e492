#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>
#include <vector>

namespace sluice::cli {

/// What a guardian starts and what it cleans up. All of it is made before the fork.
struct guarded_program {
    std::vector<std::string> argv;  ///< argv[0] is the absolute path
    std::vector<std::string> environment;
    std::string log;        ///< file that gets its standard error
    std::string directory;  ///< removed when it has ended
};

/// Holds back SIGINT, SIGTERM and SIGHUP for as long as it lives; what came meanwhile comes then.
class held_signals {
public:
    held_signals();
    ~held_signals();
    held_signals(const held_signals&) = delete;
    held_signals& operator=(const held_signals&) = delete;

private:
    sigset_t before_{};
};

/// A small process between us and a program: it starts the program, and when its end of a pipe says
/// that we are gone, however we went, it ends the program (SIGTERM, SIGKILL ten seconds later) and
/// removes the directory. The program dies with its guardian, and keys typed at the terminal reach
/// neither of them.
class guardian {
public:
    guardian() = default;
    ~guardian() { stop(); }
    guardian(const guardian&) = delete;
    guardian& operator=(const guardian&) = delete;

    /// Forks: no other thread may run. Signals are held meanwhile. False when the system refuses,
    /// with `errno` set.
    bool start(const guarded_program& program);

    /// The first line the program writes, without its end; empty when it ends before, or when
    /// nothing has come for half a minute.
    std::string first_line();

    /// Ends the program and returns when it and the directory are gone.
    void stop();

private:
    pid_t process_ = -1;
    int lifeline_ = -1;  ///< the guardian sees it close
    int output_ = -1;    ///< of the program
    std::string directory_;
};

}  // namespace sluice::cli
