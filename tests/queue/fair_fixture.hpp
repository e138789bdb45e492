#pragma once

#include "proto/fairness.hpp"
#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace sluice::test {

inline job_spec keyed(const std::string& key, std::int64_t weight = 1, std::int64_t cost = 1) {
    auto spec = make_spec("q");
    if (key.empty()) return spec;
    spec.fairness = std::make_shared<const fairness_rule>(fairness_rule{key, weight, cost});
    return spec;
}

/// "" is that of jobs without one.
inline std::string key_of(const job_record& job) {
    return std::string(fairness_key_of(*job.spec));
}

class Fair : public testing::TestWithParam<bool> {
protected:
    Fair() : f(GetParam() ? nothing_kept() : engine_config{}) {}

    std::vector<uuid> push(const job_spec& spec, int count = 1) {
        push_request request;
        request.jobs.assign(static_cast<std::size_t>(count), spec);
        const auto jobs = f.try_push(std::move(request));
        std::vector<uuid> ids;
        EXPECT_TRUE(jobs);
        for (const auto& job : *jobs) ids.push_back(job.spec->id);
        return ids;
    }
    void release(const job_record& job) {
        nack_request back;
        back.release = true;
        ASSERT_TRUE(f.nack(job, back));
    }
    /// Fetches and acks so many, and no fewer.
    void do_jobs(int count) {
        for (; count > 0; --count) ASSERT_TRUE(f.ack(f.fetch_one("q")));
    }
    /// The keys of so many jobs, one fetch each.
    std::string order(int count, const std::string& type = {}) {
        std::string order;
        for (int i = 0; i < count; ++i) {
            fetch_request request;
            request.worker_id = "w";
            request.queues = {"q"};
            if (!type.empty()) request.types = {type};
            for (const auto& job : f.fetch(request))
                order += key_of(job).empty() ? "." : key_of(job);
        }
        return order;
    }
    /// What is left, one fetch after the other: one alone may end early, when it has to wait for
    /// more to be read.
    std::vector<job_record> rest(std::size_t max = SIZE_MAX) {
        std::vector<job_record> all;
        for (auto jobs = f.fetch("q", 50); !jobs.empty() && all.size() < max;
             jobs = f.fetch("q", 50))
            all.insert(all.end(), jobs.begin(), jobs.end());
        return all;
    }
    std::map<std::string, int> counts(int jobs, std::size_t at_once = 1) {
        std::map<std::string, int> counts;
        for (int left = jobs; left > 0;) {
            const auto taken = f.fetch("q", std::min(at_once, static_cast<std::size_t>(left)));
            if (taken.empty()) break;
            left -= static_cast<int>(taken.size());
            for (const auto& job : taken) ++counts[key_of(job)];
        }
        return counts;
    }

    engine_fixture f;
};

}  // namespace sluice::test
