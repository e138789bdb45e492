#pragma once

#include "proto/fairness.hpp"
#include "tests/support/store_model.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::test {

inline constexpr timestamp noon{std::chrono::microseconds{1'771'000'000'123'456}};

/// What a store tells at start.
struct restored {
    restore_summary summary;
    std::vector<waiting_job> waiting;  ///< without the views
    std::vector<std::string> queues;   ///< of `waiting`
    std::vector<std::string> types;
    std::vector<std::string> limit_keys;
    std::vector<fairness_rule> fairness;  ///< an empty key where there is none
    std::vector<job_record> active;
    std::map<std::string, bool> paused;
    std::vector<setting_record> settings;
    std::vector<cron_record> crons;
    std::vector<workflow_record> workflows;
};

restored restore(job_store& store);

/// The same job with a fairness key.
job_record with_fairness(job_record job, fairness_rule rule);

/// A record with every member set.
job_record full_record();
void expect_same(const job_record& a, const job_record& b);

class StoreTest : public testing::Test {
protected:
    StoreTest() : config(small_store(directory.path())) { reopen(); }

    void reopen() {
        store.reset();
        store = open_sqlite_store(config);
    }
    commit_outcome commit(std::vector<job_write> jobs, bool sync = true) {
        journal_batch batch;
        batch.number = ++batches;
        batch.sync = sync;
        batch.jobs = std::move(jobs);
        return store->commit_blocking(batch);
    }
    void put(job_place from, job_place to, const job_record& job,
             std::optional<timestamp> purge_at = std::nullopt) {
        const auto outcome = commit({{from, to, job, purge_at}});
        ASSERT_EQ(outcome.status, commit_status::ok) << outcome.message;
    }
    std::optional<job_store::found_job> find(const job_record& job) {
        return store->find_blocking(job.spec->id);
    }

    temp_directory directory;
    sqlite_store_config config;
    std::unique_ptr<job_store> store;
    std::uint64_t batches = 0;
};

}  // namespace sluice::test
