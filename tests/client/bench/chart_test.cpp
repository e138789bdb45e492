#include "client/cli/bench/chart.hpp"

#include "tests/client/holds.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace sluice::cli::bench {
namespace {

using namespace std::chrono_literals;

/// What is wrong with it as XML of elements, attributes in quotes and text; empty: nothing.
std::string fault_of(const std::string& xml) {
    std::vector<std::string> open;
    for (std::size_t at = 0; at < xml.size();) {
        if (xml[at] == '&') {
            const auto end = xml.find(';', at);
            const std::string name = xml.substr(at + 1, end - at - 1);
            if (name != "amp" && name != "lt" && name != "gt" && name != "quot") return "&" + name;
        }
        if (xml[at] == '>') return "a stray >";
        if (xml[at] != '<') {
            ++at;
            continue;
        }
        const auto end = xml.find('>', at);
        if (end == std::string::npos) return "a tag without an end";
        const std::string tag = xml.substr(at + 1, end - at - 1);
        if (tag.find('<') != std::string::npos) return "< in " + tag;
        if (std::count(tag.begin(), tag.end(), '"') % 2 != 0) return "quotes in " + tag;
        const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
        if (tag.front() == '/') {
            if (open.empty() || open.back() != tag.substr(1)) return "unexpected " + tag;
            open.pop_back();
        } else if (tag.back() != '/') {
            open.push_back(name);
        }
        at = end + 1;
    }
    return open.empty() ? "" : "not closed: " + open.back();
}

chart sample() {
    chart what;
    what.title = "p99 < 5 ms & \"more\"";
    what.x_title = "rate offered (jobs/s)";
    what.y_title = "latency (log scale)";
    what.lines = {{"p50", {{1000, 300us}, {2000, 350us}, {5000, 800us}}},
                  {"p99", {{1000, 900us}, {2000, 1200us}, {5000, 40ms}}}};
    what.marks = {{"p99<5ms", 5ms}};
    return what;
}

TEST(Chart, IsWellFormedXmlWhateverItsNames) {
    EXPECT_EQ(fault_of(draw_svg(sample())), "");
    EXPECT_TRUE(holds(draw_svg(sample()), "p99 &lt; 5 ms &amp; &quot;more&quot;"));
    EXPECT_NE(fault_of("<svg><a></svg>"), "") << "the control";
    EXPECT_NE(fault_of("<svg>a & b;</svg>"), "");
}

TEST(Chart, NamesItsAxesWithUnitsAndItsLines) {
    const auto svg = draw_svg(sample());
    for (const auto* part : {"rate offered (jobs/s)", "latency (log scale)", ">1 ms<", ">10 ms<",
                             ">100 µs<", ">1,000<", ">5,000<", ">p50<", ">p99<", "p99&lt;5ms"}) {
        EXPECT_TRUE(holds(svg, part)) << part;
    }
}

TEST(Chart, PutsEachDecadeAtTheSameDistance) {
    chart what;
    what.lines = {{"a", {{0, 1ms}, {1, 10ms}, {2, 100ms}}}};
    const auto svg = draw_svg(what);
    const auto points = svg.substr(svg.find("points=\"") + 8);
    double x[3];
    double y[3];
    ASSERT_EQ(std::sscanf(points.c_str(), "%lf,%lf %lf,%lf %lf,%lf", &x[0], &y[0], &x[1], &y[1],
                          &x[2], &y[2]),
              6);
    EXPECT_NEAR(y[0] - y[1], y[1] - y[2], 0.2);
    EXPECT_NEAR(x[1] - x[0], x[2] - x[1], 0.2);
    EXPECT_GT(y[0] - y[1], 50) << "upwards is slower";
}

TEST(Chart, HasAFrameEvenWithoutPoints) {
    EXPECT_EQ(fault_of(draw_svg({})), "");
    chart zero;
    zero.lines = {{"a", {{0, 0ns}}}};
    EXPECT_EQ(fault_of(draw_svg(zero)), "");
    EXPECT_FALSE(holds(draw_svg(zero), "nan"));
    EXPECT_FALSE(holds(draw_svg(zero), "inf"));
}

}  // namespace
}  // namespace sluice::cli::bench
