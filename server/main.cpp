#include "server/app/run.hpp"
#include "server/process/keeper.hpp"

#include <sysexits.h>

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
    if (sluice::process::is_keeper(argc, argv)) return sluice::process::keeper_main();
    try {
        return sluice::app::run(argc, argv);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "sluiced: %s\n", e.what());
        return EX_SOFTWARE;
    }
}
