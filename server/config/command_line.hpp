#pragma once

#include "server/config/load.hpp"

#include <string>

namespace sluice::config {

/// What the command line asks for.
struct command_line {
    enum class action : std::uint8_t {
        run,
        print_config,
        check_config,
        print_reference,
        salvage,
        say,  ///< print `text` and end with `exit_code`
    };
    action what = action::run;
    std::string salvage_to;  ///< directory for what can be saved of a damaged journal
    sources from;            ///< the file and the flags
    std::string text;
    int exit_code = 0;
};

/// Wrong usage gives `say` with exit code 64; --help and --version with 0.
command_line parse_command_line(int argc, const char* const* argv);

}  // namespace sluice::config
