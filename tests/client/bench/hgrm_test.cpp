#include "client/cli/bench/hgrm.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <vector>

namespace sluice::cli::bench {
namespace {

using namespace std::chrono_literals;

struct row {
    double value = 0;
    double percentile = 0;
    std::uint64_t count = 0;
};

/// As the plotter of HdrHistogram reads it: what is no row of numbers is skipped.
std::vector<row> rows_of(const std::string& text) {
    std::vector<row> rows;
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);) {
        std::istringstream words{line};
        row r;
        if (words >> r.value >> r.percentile >> r.count) rows.push_back(r);
    }
    return rows;
}

TEST(Hgrm, HasTheFormOfHdrHistogram) {
    histogram values;
    values.record(2ms);
    EXPECT_EQ(encode_hgrm(values),
              "       Value     Percentile TotalCount 1/(1-Percentile)\n"
              "\n"
              "       2.000 0.000000000000          1           1.00\n"
              "       2.000 1.000000000000          1\n"
              "#[Mean    =        2.000, StdDeviation   =        0.000]\n"
              "#[Max     =        2.000, Total count    =            1]\n"
              "#[Buckets =            1, SubBuckets     =          128]\n");
}

TEST(Hgrm, TakesFiveStepsForEachHalvingOfTheDistance) {
    histogram values;
    for (int i = 1; i <= 100'000; ++i) values.record(1us * i);
    const auto rows = rows_of(encode_hgrm(values));
    ASSERT_GT(rows.size(), 20U);
    const double first[] = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.775};
    for (std::size_t i = 0; i < std::size(first); ++i) {
        EXPECT_NEAR(rows[i].percentile, first[i], 1e-9);
    }
    EXPECT_EQ(rows.back().percentile, 1);
    EXPECT_EQ(rows.back().count, 100'000U);
    EXPECT_NEAR(rows.back().value, 100, 1e-3);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_NEAR(rows[i].value, 100 * rows[i].percentile, 1.0) << i;
        EXPECT_GE(static_cast<double>(rows[i].count), rows[i].percentile * 100'000 - 1);
        if (i == 0) continue;
        EXPECT_GE(rows[i].value, rows[i - 1].value);
        EXPECT_GE(rows[i].count, rows[i - 1].count);
    }
}

TEST(Hgrm, OfNothingHasNoRows) {
    EXPECT_TRUE(rows_of(encode_hgrm({})).empty());
    EXPECT_NE(encode_hgrm({}).find("Total count    =            0]"), std::string::npos);
}

}  // namespace
}  // namespace sluice::cli::bench
