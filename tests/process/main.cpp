#include "server/process/keeper.hpp"

#include <gtest/gtest.h>

int main(int argc, char** argv) {
    if (sluice::process::is_keeper(argc, argv)) return sluice::process::keeper_main();
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
