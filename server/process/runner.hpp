#pragma once

#include "server/process/command.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <stop_token>
#include <string>

namespace sluice::process {

/// Runs commands: job JSON on stdin, results, log and progress back, and nothing left behind.
///
/// Each command has a *keeper*: a small process between us and it, which starts it, stops it, and
/// adopts whatever it leaves behind. A keeper serves one command at a time and is used again.
/// Keepers are children of a *nursery*, this very program started once more with an empty
/// environment (see keeper.hpp). So starting a command costs the same however large we have grown,
/// and the event loop never forks.
///
/// Guaranteed, for processes that run under our account or one root gave them:
///  * When `run` returns no descendant of the command is alive, those included that called setsid
///    or forked twice: the kernel gives orphans to the keeper, which kills until it has none.
///  * The same within a second or so when we die, by SIGKILL too: keepers see their socket close.
///  * What the command left in its working directory is gone. One it left empty may serve the next
///    command of the same account, and goes with us.
///  * No zombie is ever ours; a keeper that is killed takes its command along, and the nursery
///    kills what that leaves.
/// Not guaranteed: a command of our own account may kill keeper, nursery and us. Give commands an
/// account of their own (uid). What a command asks another service to start is not its descendant.
///
/// Every call on `executor`, which one thread runs; stops must be requested there.
class runner {
public:
    /// `temp_directory`: where working directories are made; empty: $TMPDIR or /tmp. The program
    /// must call `is_keeper` first thing in main().
    explicit runner(boost::asio::any_io_executor executor, std::string temp_directory = {});
    /// No run may be under way, or its context must never run again.
    ~runner();
    runner(const runner&) = delete;
    runner& operator=(const runner&) = delete;

    /// Runs `what` with `input` as its standard input, to the end.
    ///
    /// The command gets a session of its own, an empty directory of mode 0700 as working directory,
    /// descriptors 0 to 3 and no others, the environment PATH, LANG, HOME, TMPDIR (the working
    /// directory) and `what.environment`, no_new_privs, umask 077, no ignored or blocked signals.
    /// Descriptor 3 takes one JSON object per line: {"progress":0.5,"message":"..."},
    /// {"log":"..."}, {"result":...}; lines up to 1 MiB, what is no such line is logged.
    ///
    /// When `stop` is requested every process of it gets SIGTERM, and after `what.grace` SIGKILL.
    /// A command that ends by itself but leaves processes has them killed after `what.linger`.
    /// One that had ended when the stop came has its own end, whatever it left. Never throws for
    /// what the command does; errors of starting are in the report, and which of them are a
    /// shortage of this machine.
    boost::asio::awaitable<report> run(command what, std::string input, listener hear,
                                       std::stop_token stop);

private:
    class impl;
    std::shared_ptr<impl> impl_;
};

}  // namespace sluice::process
