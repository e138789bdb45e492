#pragma once

#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::test {

inline constexpr auto minute = std::chrono::minutes{1};

/// Every minute, into the queue "q".
inline cron_definition every_minute(overlap_policy overlap = overlap_policy::skip) {
    cron_definition made;
    made.name = "tick";
    made.expression = "* * * * *";
    made.job = R"({"type":"work","args":[1],"options":{"queue":"q"}})";
    made.overlap = overlap;
    return made;
}

/// The engine's clock stands at a full minute plus 20 s; a minute from here a job is made.
class cron_fixture : public ::testing::Test {
protected:
    cron_record set(cron_definition definition) {
        auto changed = f.core().set_cron(std::move(definition), f.clock.now);
        EXPECT_TRUE(changed);
        f.settle();
        return changed->cron;
    }
    cron_record get(const std::string& name = "tick") {
        auto found = f.core().cron(name);
        EXPECT_TRUE(found);
        return found ? *found : cron_record{};
    }
    std::vector<job_event> events(const std::string& type) {
        event_query query;
        query.types = {type};
        return f.core().events().query(query).events;
    }
    std::size_t waiting() {
        return f.stats("q").jobs[static_cast<std::size_t>(job_state::available)];
    }
    std::size_t pending() {
        return f.stats("q").jobs[static_cast<std::size_t>(job_state::pending)];
    }

    engine_fixture f;
};

}  // namespace sluice::test
