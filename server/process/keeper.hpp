#pragma once

/// The other side of runner: the processes that stand between us and commands.
namespace sluice::process {

/// Whether this program was started as a nursery. Ask before anything else in main().
bool is_keeper(int argc, const char* const* argv);

/// The nursery: forks a keeper for each socket it is sent on descriptor 0, and kills what a killed
/// keeper left. Both end, and all of theirs with them, when the other end of their socket closes.
/// To be returned from main().
int keeper_main();

}  // namespace sluice::process
