#include "client/cli/command_line.hpp"
#include "server/process/keeper.hpp"

#include <clocale>
#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
    if (sluice::process::is_keeper(argc, argv)) return sluice::process::keeper_main();
    std::setlocale(LC_CTYPE, "");
    try {
        const auto code = sluice::cli::run_command_line({argv + 1, argv + argc});
        if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
            std::fputs("error: cannot write to standard output\n", stderr);
            return static_cast<int>(sluice::cli::exit_code::failed);
        }
        return static_cast<int>(code);
    } catch (const std::exception& broken) {
        std::fprintf(stderr, "error: %s\n  This is a fault of sluice itself; please report it.\n",
                     broken.what());
        return static_cast<int>(sluice::cli::exit_code::failed);
    }
}
