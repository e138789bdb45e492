#pragma once

#include "tests/support/engine_fixture.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Dead letters for tests of redrives.
namespace sluice::test {

inline job_spec dies_at_once(std::string queue = "mail", std::string type = "mail.send") {
    auto spec = make_spec(std::move(queue), std::move(type));
    spec.retry.max_attempts = 1;
    spec.retry.on_exhaustion = exhaustion::dead_letter;
    return spec;
}

/// Oldest first.
inline std::vector<uuid> dead_letters(engine_fixture& f, int count, std::string queue = "mail",
                                      std::string error_type = "smtp") {
    std::vector<uuid> ids;
    for (int i = 0; i < count; ++i) {
        ids.push_back(f.push(dies_at_once(queue)));
        nack_request why;
        why.failure.type = why.failure.code = error_type;
        why.failure.message = "The relay said no.";
        if (!f.nack(f.fetch_one(queue), why)) std::abort();
    }
    return ids;
}

inline redrive_request redrive_of(std::string queue, double rate, std::size_t canary,
                                  std::optional<std::uint64_t> max = {}) {
    redrive_request asked;
    asked.filter.queue = std::move(queue);
    asked.rate = rate;
    asked.canary = canary;
    asked.max = max;
    return asked;
}

inline std::uint64_t available(engine_fixture& f, const std::string& queue = "mail") {
    return f.stats(queue).jobs[static_cast<std::size_t>(job_state::available)];
}

}  // namespace sluice::test
