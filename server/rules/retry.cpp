#include "server/rules/retry.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string_view>

namespace sluice::rules {
namespace {

/// May be infinite.
double growth(const retry_policy& policy, std::uint32_t attempt) {
    const auto n = static_cast<double>(attempt);
    switch (policy.strategy) {
        case backoff_strategy::none:
        case backoff_strategy::constant:
            return 1.0;
        case backoff_strategy::linear:
            return n;
        case backoff_strategy::exponential:
            return std::pow(policy.backoff_coefficient, n - 1.0);
        case backoff_strategy::polynomial:
            return std::pow(n, policy.backoff_coefficient);
    }
    return 1.0;
}

bool matches(std::string_view entry, std::string_view type) {
    if (entry.ends_with(".*")) return type.starts_with(entry.substr(0, entry.size() - 1));
    return !entry.empty() && entry == type;
}

}  // namespace

std::chrono::milliseconds backoff_delay(const retry_policy& policy, std::uint32_t attempt,
                                        double random01) {
    assert(random01 >= 0.0 && random01 < 1.0);
    const auto initial = static_cast<double>(policy.initial_interval.count());
    const auto cap = static_cast<double>(policy.max_interval.count());
    if (initial <= 0.0 || cap <= 0.0) return std::chrono::milliseconds{0};  // 0 × ∞ is no number

    double delay = std::min(initial * growth(policy, std::max(attempt, 1U)), cap);
    if (policy.jitter) delay = std::min(delay * (0.5 + random01), cap);
    return std::chrono::milliseconds{std::llround(delay)};
}

bool non_retryable(const retry_policy& policy, const job_failure& failure) {
    return std::any_of(policy.non_retryable_errors.begin(), policy.non_retryable_errors.end(),
                       [&](const std::string& entry) {
                           return matches(entry, failure.type) || matches(entry, failure.code);
                       });
}

verdict decide(const retry_policy& policy, std::uint32_t attempt, const job_failure& failure,
               bool retryable, std::optional<exhaustion> end) {
    if (end) return *end == exhaustion::dead_letter ? verdict::dead_letter : verdict::discard;
    if (failure.code == "DISCARD" || failure.code == "FAIL") return verdict::discard;
    if (failure.code == "DEAD_LETTER") return verdict::dead_letter;
    if (retryable && attempt < policy.max_attempts && !non_retryable(policy, failure)) {
        return verdict::retry;
    }
    return policy.on_exhaustion == exhaustion::dead_letter ? verdict::dead_letter
                                                           : verdict::discard;
}

}  // namespace sluice::rules
