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

/// The tag among other lines of one that has `tag` in its own, which is that much behind them.
std::int64_t fair_shifted(std::int64_t tag, std::int64_t shift);

/// Whether there can be such a tag. Some lie a little before the first place in a line, and some a
/// little after the end of time, but none so far.
bool is_fair_tag(std::int64_t tag);

}  // namespace sluice::rules
