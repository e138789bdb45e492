#pragma once

#include <chrono>
#include <random>

namespace sluice::client {

/// How long to wait before the next of several tries: twice as long each time up to a maximum, and
/// a random part of it less, so that many clients of a server that comes back do not call at once.
class backoff {
public:
    using milliseconds = std::chrono::milliseconds;

    backoff(milliseconds first, milliseconds longest, std::uint64_t seed)
        : first_(first), longest_(longest), next_(first), random_(seed) {}

    /// Between half of the time and all of it.
    milliseconds next() {
        const auto whole = next_;
        next_ = std::min(next_ * 2, longest_);
        std::uniform_int_distribution<milliseconds::rep> part{whole.count() / 2, whole.count()};
        return milliseconds{part(random_)};
    }
    /// It worked: the next wait is a short one again.
    void reset() { next_ = first_; }

private:
    milliseconds first_;
    milliseconds longest_;
    milliseconds next_;
    std::mt19937_64 random_;
};

}  // namespace sluice::client
