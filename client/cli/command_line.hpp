#pragma once

#include "client/cli/context.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace sluice::cli {

/// What a command line asks for. Holds the parser, which holds references into it.
struct command_line {
    command_line();
    command_line(const command_line&) = delete;
    command_line& operator=(const command_line&) = delete;

    /// Reads the arguments (without the program's name). On `ok`, `chosen` is the command to run;
    /// it is empty when all that was asked for has been printed.
    exit_code read(std::vector<std::string> arguments);

    CLI::App root;
    global_options globals;
    std::function<exit_code(const context&)> chosen;

private:
    exit_code complain_about(const CLI::ParseError& problem);
    void tell(std::string_view what, std::string_view next) const;
};

/// Reads the line, prepares the context and runs the command.
exit_code run_command_line(std::vector<std::string> arguments);

// Each adds commands to the parser; one file each.
void add_produce_command(command_line& line);
void add_bench_command(command_line& line);
void add_work_command(command_line& line);
void add_demo_command(command_line& line);
void add_job_commands(command_line& line);
void add_server_commands(command_line& line);
void add_cron_commands(command_line& line);
void add_top_command(command_line& line);
/// Below `sluice dead`.
void add_redrive_commands(command_line& line, CLI::App& dead);

/// A new command below `parent`, with its description and examples (indented lines).
CLI::App* add_command(CLI::App& parent, std::string name, std::string description,
                      std::string examples);

/// An option whose text `accept` reads; it answers whether it could. `expected` ends the sentence
/// "--name: "text" is not ...".
CLI::Option* add_value(CLI::App& command, const std::string& name, std::string type,
                       std::string description, std::string expected,
                       std::function<bool(const std::string&)> accept);

/// `--args`: JSON, @FILE, or - for standard input. A value that is no array becomes the only
/// element of one.
void add_args(CLI::App& command, std::string& args);

}  // namespace sluice::cli
