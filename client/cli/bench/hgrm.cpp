#include "client/cli/bench/hgrm.hpp"

#include <fmt/format.h>

#include <cmath>

namespace sluice::cli::bench {
namespace {

constexpr double ticks_per_half_distance = 5;

double milliseconds_of(std::chrono::nanoseconds value) {
    return static_cast<double>(value.count()) / 1e6;
}

/// The level after this one: the steps halve each time the distance to 100 % has.
double level_after(double percent) {
    const double halvings = std::floor(std::log2(100 / (100 - percent))) + 1;
    return percent + 100 / (ticks_per_half_distance * std::exp2(halvings));
}

/// From the bins, as the quantiles are.
double deviation_of(const histogram& values) {
    const double mean = milliseconds_of(values.mean());
    double squares = 0;
    for (const auto& bin : values.bins()) {
        const double distance = milliseconds_of(bin.upper) - mean;
        squares += distance * distance * static_cast<double>(bin.count);
    }
    return values.empty() ? 0 : std::sqrt(squares / static_cast<double>(values.count()));
}

}  // namespace

std::string encode_hgrm(const histogram& values) {
    std::string out = fmt::format("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile",
                                  "TotalCount", "1/(1-Percentile)");
    const auto all = static_cast<double>(values.count());
    const auto line = [&](std::chrono::nanoseconds value, double level, std::uint64_t up_to) {
        out += fmt::format("{:12.3f} {:2.12f} {:10} {:14.2f}\n", milliseconds_of(value),
                           level / 100, up_to, 1 / (1 - level / 100));
    };
    std::uint64_t up_to = 0;
    double level = 0;
    for (const auto& bin : values.bins()) {
        up_to += bin.count;
        const double reached = 100 * static_cast<double>(up_to) / all;
        // The last bin has one level of its own; 100 % stands for all beyond.
        while (level <= reached && level < 100) {
            line(bin.upper, level, up_to);
            level = level_after(level);
            if (up_to == values.count()) break;
        }
    }
    if (!values.empty()) {
        out += fmt::format("{:12.3f} {:2.12f} {:10}\n", milliseconds_of(values.max()), 1.0,
                           values.count());
    }
    out += fmt::format("#[Mean    = {:12.3f}, StdDeviation   = {:12.3f}]\n",
                       milliseconds_of(values.mean()), deviation_of(values));
    out += fmt::format("#[Max     = {:12.3f}, Total count    = {:12}]\n",
                       milliseconds_of(values.max()), values.count());
    out += fmt::format("#[Buckets = {:12}, SubBuckets     = {:12}]\n", values.bins().size(), 128);
    return out;
}

}  // namespace sluice::cli::bench
