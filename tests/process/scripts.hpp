#pragma once

/// Commands that misbehave, for the runner and for its controls. All Python.
namespace sluice::process::test {

/// Says its number and that of a daemon of its own session, which has closed its output, then
/// "ready". To be ended by what the command itself does next.
inline constexpr auto daemonise = R"(
import os, sys, time
def say(): os.write(1, b'pid %d\n' % os.getpid())
say()
r, w = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        say()
        os.write(1, b'ready\n')
        os.write(w, b'.')
        for fd in range(4): os.close(fd)
        os.execve('/bin/sleep', ['/bin/sleep', '1000'], {})
    os._exit(0)
os.wait()
os.read(r, 1)
)";

/// Ends with 20 children that have ended before it and that it never waited for.
inline constexpr auto leave_zombies = R"(
import os
for _ in range(20):
    pid = os.fork()
    if pid == 0: os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
os.write(1, b'1\n')
)";

/// Bounded: at most 256 at one time, each forking as fast as it can while it is not killed, some
/// in sessions of their own. None heeds SIGTERM.
inline constexpr auto fork_bomb = R"(
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b'pid %d\n' % os.getpid())
for _ in range(7):
    try:
        if os.fork() == 0: os.setsid()
    except OSError: pass
os.write(1, b'ready\n')
while True:
    try:
        pid = os.fork()
    except OSError: continue
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
)";

inline constexpr auto list_descriptors = R"(
import os
fds = []
for fd in range(256):
    try: os.fstat(fd); fds.append(fd)
    except OSError: pass
print(fds)
)";

}  // namespace sluice::process::test
