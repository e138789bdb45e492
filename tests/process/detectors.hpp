#pragma once

#include <cstddef>
#include <string>
#include <vector>

/// How tests and their controls see what a command left behind.
namespace sluice::process::test {

/// Whether a process of this number exists and is no zombie.
bool is_alive(int pid);

/// 0 when there is no such process.
int parent_of(int pid);

/// The children of `parent` with this name, however they are.
std::vector<int> children_named(int parent, const std::string& name);

/// Processes that are alive and have `mark` in their command line.
std::vector<int> marked_with(const std::string& mark);

/// Zombies among all that descends from this process.
std::size_t zombies_below_us();

/// Memory of this process, and how much of it the output of a command may take.
std::size_t resident_bytes();
inline constexpr std::size_t output_growth_max = std::size_t{4} << 20;

}  // namespace sluice::process::test
