#pragma once

#include "client/cli/run_report.hpp"
#include "client/messages.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace sluice::cli {

/// Follows the jobs of one run from their creation to their end. Takes what the connections hear,
/// in any order; knows no connection itself. An event may come before the answer to the push it
/// stems from: it is kept as long as a push is under way.
class job_tracker {
public:
    enum class step : std::uint8_t { created, started, failed, finished };

    /// Something to tell a person.
    struct notice {
        step what = step::created;
        std::uint64_t index = 0;
        std::size_t producer = 0;
        std::string id;
        std::string state;
        std::uint32_t attempt = 0;
        raw_json result;  ///< of a completed job, where it is known
        client::timeline times;
        nanoseconds enqueue{0};  ///< from the intended time of sending to the answer
    };
    using notices = std::vector<notice>;

    void push_begins() { ++pushes_; }
    void push_failed(const client::failure& why);
    /// `enqueue` from the intended time of sending to the answer.
    notices created(std::uint64_t index, std::size_t producer, const std::string& id,
                    nanoseconds enqueue);

    notices heard(const client::event_info& event);
    /// The state of a job that was asked for by id.
    notices looked_up(const client::job_info& job);

    /// Jobs that are created and not known to have ended.
    std::size_t outstanding() const { return jobs_.size(); }
    std::vector<std::string> outstanding_ids() const;

    /// True once after events had to be dropped here: outstanding jobs must be looked up.
    bool take_lost_events();

    /// Ended jobs whose event told too little: to be looked up once more.
    std::vector<std::string> take_incomplete();

    /// Counts and histograms so far.
    run_report& report() { return report_; }
    const run_report& report() const { return report_; }

private:
    struct tracked {
        std::uint64_t index = 0;
        std::size_t producer = 0;
        nanoseconds enqueue{0};
    };
    void push_ended();
    notice apply(std::unordered_map<std::string, tracked>::iterator at, notice news);
    void record(const notice& news);

    std::unordered_map<std::string, tracked> jobs_;
    std::unordered_map<std::string, std::vector<client::event_info>> early_;
    std::vector<std::string> incomplete_;
    std::size_t early_count_ = 0;
    std::size_t pushes_ = 0;
    bool lost_events_ = false;
    run_report report_;
};

}  // namespace sluice::cli
