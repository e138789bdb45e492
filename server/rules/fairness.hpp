#pragma once

#include <cstdint>

/// Whose turn it is: start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996). A job is tagged
/// when it joins the line and the lowest tag goes first. Virtual time is the tag of the job that
/// was started last; a key's next job begins where its last one ends, or now if that is past.
namespace sluice::rules {

/// How much virtual time a job of cost 1 takes of a key of weight 1. The heaviest key has a
/// thousandth of it, and a thousand parts to be exact in.
inline constexpr std::int64_t fair_unit = std::int64_t{1} << 20;

/// No tag is above it, whatever is pushed, so that none overflows; from there on it is first come,
/// first served until the line is empty.
inline constexpr std::int64_t fair_time_max = std::int64_t{1} << 62;

/// How much virtual time a job takes. Both are at least 1.
std::int64_t fair_step(std::int64_t weight, std::int64_t cost);

/// The tag of a key's next job. `finish` is where its last one ends.
std::int64_t fair_start(std::int64_t now, std::int64_t finish);

/// Where a job ends that begins at `start`.
std::int64_t fair_finish(std::int64_t start, std::int64_t step);

/// Where the last job of a key ends that has nothing waiting: no more than one job from now. Jobs
/// that went without having been started are not held against it.
std::int64_t fair_rest(std::int64_t now, std::int64_t finish, std::int64_t step);

}  // namespace sluice::rules
