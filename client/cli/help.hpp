#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <string_view>

/// What `--help` and `sluice help` print: what it is, how it is typed, examples first, then
/// options.
namespace sluice::cli {

/// Names of option groups. Options of `everywhere` come last.
inline constexpr const char* own_options = "Options";
inline constexpr const char* everywhere = "Everywhere";

/// Help for one command, within 80 columns. The command's footer holds its examples.
std::string render_help(const CLI::App& command);

/// Pages of `sluice help TOPIC`; empty for an unknown one.
std::string_view help_topic(std::string_view name);

}  // namespace sluice::cli
