#include "server/process/wire.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace sluice::process {
namespace {

TEST(Wire, TakesTheLackOfThisMachineForAShortage) {
    const resource_limits none;
    for (const int error : {EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOSPC, EDQUOT, ENOMEM}) {
        EXPECT_TRUE(is_shortage(error, start_step::fork, none)) << error;
        EXPECT_TRUE(is_shortage(error, start_step::exec, none)) << error;
    }
    EXPECT_FALSE(is_shortage(ENOENT, start_step::exec, none));
}

TEST(Wire, TakesALimitOfTheCommandsOwnForItsFault) {
    resource_limits memory;
    memory.memory_bytes = 4096;
    EXPECT_FALSE(is_shortage(ENOMEM, start_step::exec, memory));
    EXPECT_TRUE(is_shortage(ENOMEM, start_step::fork, memory));
    EXPECT_TRUE(is_shortage(EAGAIN, start_step::exec, memory));
    resource_limits processes;
    processes.processes = 1;
    EXPECT_FALSE(is_shortage(EAGAIN, start_step::exec, processes));
    EXPECT_TRUE(is_shortage(EAGAIN, start_step::fork, processes));
    EXPECT_TRUE(is_shortage(ENOMEM, start_step::exec, processes));
}

}  // namespace
}  // namespace sluice::process
