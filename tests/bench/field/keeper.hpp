#pragma once

namespace sluice::bench {

/// Goes on in a child process, and keeps it in the parent: when the child ends, or the parent is
/// told to with SIGINT, SIGTERM or SIGHUP, nothing of all that was started stays behind. Returns in
/// the child; the parent ends here. Call it before anything else is started.
void keep();

}  // namespace sluice::bench
