#pragma once

#include "proto/job.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// `fairness_key`, `fairness_weight` and `cost` of a job: whose turn it is when there is more work
/// than workers. Jobs without a key are one key of their own, of weight 1 and cost 1.
struct fairness_rule {
    std::string key;  ///< one as of rate limits: see is_limit_key
    std::int64_t weight =
        1;                  ///< of two keys that both have work, one of weight 2 gets twice as much
    std::int64_t cost = 1;  ///< how much of that the job uses up

    friend bool operator==(const fairness_rule&, const fairness_rule&) = default;
};

/// Empty: it has none.
inline std::string_view fairness_key_of(const job_spec& spec) {
    return spec.fairness ? std::string_view(spec.fairness->key) : std::string_view();
}

/// "weight cost key", such as "1 10 tenant-7": what stores keep for a restart.
std::string fairness_text(const fairness_rule& rule);
/// Nothing for text that `fairness_text` did not write.
std::optional<fairness_rule> parse_fairness_text(std::string_view text);

}  // namespace sluice
