#pragma once

namespace sluice::app {

/// The whole program, from the command line to the exit code (sysexits).
int run(int argc, const char* const* argv);

}  // namespace sluice::app
