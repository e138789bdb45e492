#include "client/cli/report_json.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;
using json = nlohmann::json;

run_report sample(std::string label, nanoseconds waiting) {
    run_report run;
    run.label = std::move(label);
    run.queue = "default";
    run.type = "sluice.square";
    run.wanted = 3;
    run.interval = span{500ms, 1500ms};
    run.created = run.completed = 3;
    run.elapsed = 4s;
    run.first_waiting = waiting;
    for (int i = 1; i <= 3; ++i) {
        run.waiting.record(waiting * i);
        run.total.record(waiting * i + 1ms);
        run.enqueue.record(250us);
    }
    return run;
}

TEST(ReportJson, HasItsSchemaCountsAndFiguresInMicroseconds) {
    const auto text = encode_report(sample("one", 2ms), nullptr);
    const json run = json::parse(text);
    EXPECT_EQ(run.at("schema"), "sluice.produce/1");
    EXPECT_EQ(run.at("mode"), "http");
    EXPECT_EQ(run.at("counts").at("completed"), 3);
    EXPECT_EQ(run.at("counts").at("unfinished"), 0);
    EXPECT_DOUBLE_EQ(run.at("duration_s"), 4);
    EXPECT_DOUBLE_EQ(run.at("rate"), 0.75);
    EXPECT_DOUBLE_EQ(run.at("first_waiting_us"), 2000);
    const auto& waiting = run.at("latency_us").at("waiting");
    EXPECT_DOUBLE_EQ(waiting.at("min"), 2000);
    EXPECT_DOUBLE_EQ(waiting.at("max"), 6000);
    EXPECT_DOUBLE_EQ(waiting.at("mean"), 4000);
    EXPECT_NEAR(waiting.at("p50"), 4000, 40);
    EXPECT_EQ(waiting.at("histogram").size(), 3U);
    EXPECT_FALSE(run.at("latency_us").contains("running"));
    EXPECT_FALSE(run.contains("baseline"));
    EXPECT_EQ(run.at("params").at("interval_s"), json::array({0.5, 1.5}));
}

TEST(ReportJson, IsOneLine) {
    const auto text = encode_report(sample("one", 2ms), nullptr);
    EXPECT_EQ(text.find('\n'), text.size() - 1);
}

TEST(ReportJson, SurvivesALabelThatIsNoUtf8) {
    EXPECT_TRUE(json::accept(encode_report(sample("a\xff", 2ms), nullptr)));
}

TEST(ReportJson, ReadsWhatItWrote) {
    auto synchronous = sample("synchronous", 9s);
    synchronous.in_process = true;
    synchronous.time_scale = 0.25;
    const auto text = encode_report(sample("one", 2ms), &synchronous);
    const auto runs = read_reports(text);
    ASSERT_TRUE(runs.has_value());
    ASSERT_EQ(runs->size(), 2U);
    const auto& first = runs->front();
    EXPECT_EQ(first.label, "one");
    EXPECT_EQ(first.jobs, 3U);
    EXPECT_EQ(first.first_waiting, 2ms);
    EXPECT_EQ(first.waiting_mean, 4ms);
    EXPECT_EQ(first.waiting_max, 6ms);
    EXPECT_EQ(first.total_mean, 5ms);
    EXPECT_EQ(first.elapsed, 4s);
    EXPECT_FALSE(first.in_process);
    EXPECT_TRUE(runs->back().in_process);
    EXPECT_EQ(runs->back().time_scale, 0.25);
}

TEST(ReportJson, RefusesOtherFiles) {
    EXPECT_TRUE(read_reports("").has_error());
    EXPECT_TRUE(read_reports("[]").has_error());
    EXPECT_TRUE(read_reports("{}").has_error());
    EXPECT_TRUE(read_reports(R"({"schema":"sluice.bench/1"})").has_error());
    EXPECT_TRUE(read_reports(R"({"schema":"sluice.produce/1"})").has_error());
    EXPECT_TRUE(read_reports(R"({"schema":7})").has_error());
}

TEST(Comparison, PutsRunsSideBySideWithinEightyColumns) {
    terminal term;
    auto synchronous = summarize(sample("synchronous", 9s));
    synchronous.time_scale = 0.25;
    const auto text = render_comparison({summarize(sample("3 producers", 2ms)), synchronous}, term);
    EXPECT_NE(text.find("3 producers"), std::string::npos);
    EXPECT_NE(text.find("synchronous*"), std::string::npos);
    EXPECT_NE(text.find("first wait"), std::string::npos);
    EXPECT_NE(text.find("9.00s"), std::string::npos);
    EXPECT_NE(text.find("scaled back"), std::string::npos);
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        EXPECT_LE(end - at, 80U);
        at = end + 1;
    }
}

}  // namespace
}  // namespace sluice::cli
