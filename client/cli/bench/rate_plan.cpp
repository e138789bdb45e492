#include "client/cli/bench/rate_plan.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::cli::bench {
namespace {

/// Three digits that matter: more would be noise, and be hard to read.
double rounded(double rate) {
    const double unit = std::pow(10, std::floor(std::log10(rate)) - 2);
    return std::round(rate / unit) * unit;
}

}  // namespace

std::optional<double> rate_list::next() {
    if (done_ == rates_.size()) return std::nullopt;
    return rates_[done_];
}

void rate_list::heard(bool met) {
    const double rate = rates_[done_++];
    if (met) best_ = std::max(best_.value_or(rate), rate);
}

std::optional<double> rate_search::next() {
    if (steps_ == steps_max) return std::nullopt;
    const auto rate = steps_ == 0 ? std::optional{rate_} : candidate();
    if (rate) rate_ = *rate;
    return rate;
}

std::optional<double> rate_search::candidate() const {
    if (!missed_) {
        if (rate_ >= most) return std::nullopt;
        return std::min(rate_ * 2, most);
    }
    if (!best_) {
        if (rate_ <= least) return std::nullopt;
        return std::max(rate_ / 2, least);
    }
    const double between = rounded(std::sqrt(*best_ * *missed_));
    const bool near = *missed_ / *best_ <= 1 + precision;
    if (near || between <= *best_ || between >= *missed_) return std::nullopt;
    return between;
}

void rate_search::heard(bool met) {
    ++steps_;
    if (met) {
        best_ = rate_;
    } else {
        missed_ = rate_;
    }
}

}  // namespace sluice::cli::bench
