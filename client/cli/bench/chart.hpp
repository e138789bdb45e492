#pragma once

#include "client/cli/text.hpp"

#include <string>
#include <vector>

namespace sluice::cli::bench {

/// Lines of latency, on a log scale, against something linear.
struct chart {
    struct point {
        double x = 0;
        nanoseconds y{0};
    };
    struct line {
        std::string name;
        std::vector<point> points;  ///< by rising x
    };
    struct mark {
        std::string name;
        nanoseconds y{0};
    };

    std::string title;
    std::string x_title;  ///< with its unit
    std::string y_title;
    std::vector<line> lines;
    std::vector<mark> marks;  ///< horizontal, dashed
};

/// The chart as an SVG document that needs nothing from elsewhere.
std::string draw_svg(const chart& what);

}  // namespace sluice::cli::bench
