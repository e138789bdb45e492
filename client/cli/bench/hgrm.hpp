#pragma once

#include "proto/histogram.hpp"

#include <string>

namespace sluice::cli::bench {

/// The percentile distribution of a histogram as the text that HdrHistogram's
/// `outputPercentileDistribution` writes (HdrHistogram/HdrHistogram, AbstractHistogram.java) and
/// its plotter reads: value, percentile, count up to there, 1/(1-percentile). Values are
/// milliseconds, each the upper end of its bin; five lines for each halving of the distance to 100
/// %.
std::string encode_hgrm(const histogram& values);

}  // namespace sluice::cli::bench
