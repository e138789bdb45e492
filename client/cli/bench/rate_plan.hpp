#pragma once

#include <cstddef>
#include <optional>
#include <vector>

/// Which rates a benchmark runs, decided from what it found out so far. Nothing here runs anything.
namespace sluice::cli::bench {

class rate_plan {
public:
    virtual ~rate_plan() = default;

    /// The rate to run now; nothing when all is known.
    virtual std::optional<double> next() = 0;
    /// Whether the rate that `next` named met its objectives.
    virtual void heard(bool met) = 0;
    /// The highest rate that did.
    std::optional<double> best() const { return best_; }

protected:
    std::optional<double> best_;
};

/// The rates of a list, one after the other, whatever comes of them.
class rate_list : public rate_plan {
public:
    explicit rate_list(std::vector<double> rates) : rates_(std::move(rates)) {}

    std::optional<double> next() override;
    void heard(bool met) override;

private:
    std::vector<double> rates_;
    std::size_t done_ = 0;
};

/// Looks for the highest rate that meets the objectives: doubles until one misses (or halves until
/// one meets), then halves the ratio between the highest that met and the lowest that missed, until
/// they are within `precision` of each other.
class rate_search : public rate_plan {
public:
    static constexpr double precision = 0.05;
    static constexpr double least = 1;
    static constexpr double most = 1'000'000;
    static constexpr std::size_t steps_max = 24;

    explicit rate_search(double first) : rate_(first) {}

    std::optional<double> next() override;
    void heard(bool met) override;

private:
    std::optional<double> candidate() const;

    double rate_;
    std::optional<double> missed_;  ///< the lowest
    std::size_t steps_ = 0;
};

}  // namespace sluice::cli::bench
