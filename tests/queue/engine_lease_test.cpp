#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

fetch_request wanted_by(std::string worker, std::string queue = "default") {
    fetch_request request;
    request.worker_id = std::move(worker);
    request.queues.push_back(std::move(queue));
    return request;
}

TEST(Lease, AGrantThatEndedBeforeItWasDurableIsNotHandedOutUnderTheNextWorkersLease) {
    engine_config config;
    config.visibility_timeout = 1s;
    engine_fixture f(config);
    f.push();
    f.manual = true;
    const auto first = f.core().fetch(wanted_by("w1"), f.clock.now);
    f.clock.advance(2s);
    f.core().run_timers(f.clock.now);
    const auto second = f.core().fetch(wanted_by("w2"), f.clock.now);
    ASSERT_EQ(second.leases.size(), 1U);
    f.commit();
    EXPECT_TRUE(f.core().granted(first.leases).empty());
    EXPECT_EQ(f.core().granted(second.leases).size(), 1U);
}

}  // namespace
}  // namespace sluice::test
