#pragma once

#include "proto/time.hpp"
#include "server/observe/latency.hpp"
#include "server/observe/latency_series.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

/// How long jobs take, for each pair of queue and type, within a bound: anybody may invent names.
///
/// When there is no room for a pair, one that had no sample for an hour makes way for it, else it
/// is counted under `latency_other`. What makes way is counted there too, so that no sample is
/// lost. Beyond `bytes_max` the pair whose latest sample is oldest makes way. Pure data: one
/// thread, no clock; times are those of the engine's clock, which never goes back.
class latency_table {
    struct series;

public:
    struct limits {
        std::size_t pairs_max = 1000;
        std::size_t bytes_max = std::size_t{64} * 1024 * 1024;  ///< of closed slots
    };
    /// Finds its series again without a search. Belongs to one pair; may outlive the table.
    class handle {
        friend latency_table;
        std::shared_ptr<series> series_;
    };

    latency_table(limits bound, timestamp since) : bound_(bound), since_(since) {}

    void record(handle& pair, std::string_view queue, std::string_view type, latency_phase phase,
                std::chrono::microseconds value, timestamp now);

    bool knows(std::string_view queue) const;
    queue_latency view(const latency_query& query, timestamp now) const;
    /// By queue and type, what is not kept apart last.
    std::vector<latency_counts> counts() const;

    /// Counting begins anew.
    void clear(timestamp since);
    std::size_t size() const { return pairs_.size(); }
    std::size_t bytes() const { return bytes_; }

private:
    struct series {
        latency_series samples;
        std::size_t bytes = 0;  ///< as counted last
        bool gone = false;      ///< made way
    };
    using pair_name = std::pair<std::string, std::string>;
    struct by_name {
        using is_transparent = void;
        using view = std::pair<std::string_view, std::string_view>;
        bool operator()(const view& a, const view& b) const { return a < b; }
    };
    using pairs = std::map<pair_name, std::shared_ptr<series>, by_name>;

    std::shared_ptr<series> find_or_add(std::string_view queue, std::string_view type,
                                        timestamp now);
    void measure(series& changed);
    pairs::iterator oldest();
    void drop(pairs::iterator at);

    limits bound_;
    timestamp since_;
    pairs pairs_;
    latency_series other_;
    std::size_t bytes_ = 0;
    timestamp look_again_;  ///< for a pair that may make way
};

}  // namespace sluice
