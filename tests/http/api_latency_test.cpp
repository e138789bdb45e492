#include "tests/http/api_fixture.hpp"

#include <algorithm>
#include <map>
#include <sstream>

namespace sluice::http {
namespace {

using json = nlohmann::json;

class Latency : public api_fixture {
public:
    void complete(const std::string& name) {
        push(name);
        const auto job = fetch(name);
        post("/ojs/v1/workers/ack", {{"job_id", job["id"]}, {"lease", job["lease"]}});
    }
};

TEST_F(Latency, TellsOfEachPhaseAndWindow) {
    for (int i = 0; i < 3; ++i) complete("mail");
    push("mail");
    const auto answer = get("/ojs/v1/queues/mail/latency");
    EXPECT_EQ(answer["queue"], "mail");
    EXPECT_EQ(answer["complete"], true);
    const std::map<std::string, int> wanted{
        {"enqueue", 4}, {"waiting", 3}, {"running", 3}, {"total", 3}};
    for (const auto* window : {"minute", "hour", "start"}) {
        for (const auto& [phase, count] : wanted) {
            const auto& values = answer["windows"][window][phase];
            EXPECT_EQ(values["count"], count) << window << " " << phase;
            std::int64_t sum = 0;
            for (const auto& bucket : values["buckets"]) sum += bucket[1].get<std::int64_t>();
            EXPECT_EQ(sum, count);
            EXPECT_LE(values["min_us"], values["p50_us"]);
            EXPECT_LE(values["p50_us"], values["p90_us"]);
            EXPECT_LE(values["p90_us"], values["p99_us"]);
            EXPECT_LE(values["p99_us"], values["p99_9_us"]);
            EXPECT_LE(values["p99_9_us"], values["max_us"]);
            EXPECT_EQ(values["buckets"].back()[0], values["max_us"]);
        }
    }
    ASSERT_EQ(answer["types"].size(), 1U);
    EXPECT_EQ(answer["types"][0]["type"], "test.echo");
    EXPECT_EQ(answer["types"][0]["windows"]["start"]["total"]["count"], 3);
    EXPECT_FALSE(answer["types"][0]["windows"]["start"]["total"].contains("buckets"));
}

TEST_F(Latency, GivesWhatWasAskedFor) {
    complete("mail");
    const auto answer = get("/ojs/v1/queues/mail/latency?window=hour&buckets=false");
    EXPECT_EQ(answer["windows"].size(), 1U);
    EXPECT_FALSE(answer["windows"]["hour"]["total"].contains("buckets"));
    const auto typed = get("/ojs/v1/queues/mail/latency?type=test.echo");
    EXPECT_EQ(typed["windows"]["start"]["total"]["count"], 1);
    EXPECT_TRUE(typed["windows"]["start"]["total"].contains("buckets"));
    const auto none = get("/ojs/v1/queues/mail/latency?type=nosuch");
    EXPECT_EQ(none["windows"]["start"]["total"]["count"], 0);
    EXPECT_TRUE(none["types"].empty());
    get("/ojs/v1/queues/mail/latency?window=day", 400);
    get("/ojs/v1/queues/mail/latency?buckets=1", 400);
}

TEST_F(Latency, IsToldOnlyToWhoMaySeeTheQueue) {
    complete("mail");
    get("/ojs/v1/queues/nosuch/latency", 404);
    get("/ojs/v1/queues/No_Such/latency", 400);
    queue_patterns = {"other-*"};
    get("/ojs/v1/queues/mail/latency", 404);
    EXPECT_EQ(send("GET", "/metrics").body.find("sluice_job_total_seconds"), std::string::npos);
    queue_patterns = {"mai*"};
    get("/ojs/v1/queues/mail/latency");
    EXPECT_NE(send("GET", "/metrics").body.find("sluice_job_total_seconds"), std::string::npos);
}

TEST_F(Latency, MetricsHaveAHistogramForEachPhase) {
    for (int i = 0; i < 5; ++i) complete("mail");
    const auto answer = send("GET", "/metrics");
    EXPECT_EQ(answer.content_type, "text/plain");
    std::istringstream lines(answer.body);
    std::string line;
    std::map<std::string, std::uint64_t> last;
    std::map<std::string, int> buckets;
    while (std::getline(lines, line)) {
        const auto open = line.find("_bucket{");
        if (open == std::string::npos) continue;
        const auto name = line.substr(0, open);
        const auto count = std::stoull(line.substr(line.rfind(' ')));
        EXPECT_GE(count, last[name]) << line;
        last[name] = count;
        ++buckets[name];
        if (line.find("le=\"+Inf\"") == std::string::npos) continue;
        const auto total =
            name + "_count{queue=\"mail\",type=\"test.echo\"} " + std::to_string(count) + "\n";
        EXPECT_NE(answer.body.find(total), std::string::npos) << total;
        EXPECT_EQ(count, 5U);
    }
    EXPECT_EQ(last.size(), 4U);
    for (const auto& [name, count] : buckets) EXPECT_EQ(count, 22) << name;
    EXPECT_NE(answer.body.find(R"(_bucket{queue="mail",type="test.echo",le="0.0001"})"),
              std::string::npos);
    EXPECT_NE(answer.body.find(R"(le="3600"})"), std::string::npos);
}

TEST_F(Latency, MetricsOfManyPairsAreAllThereAndTogether) {
    constexpr int queues = 120;
    for (int i = 0; i < queues; ++i) push("q" + std::to_string(i));
    const auto text = send("GET", "/metrics").body;
    const auto occurrences = [&text](const std::string& part) {
        int count = 0;
        for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
            ++count;
        return count;
    };
    EXPECT_EQ(occurrences("\nsluice_job_enqueue_seconds_count{"), queues);
    EXPECT_EQ(occurrences("# TYPE sluice_job_enqueue_seconds histogram\n"), 1);
    EXPECT_EQ(occurrences("# TYPE sluice_job_total_seconds histogram\n"), 1);
    EXPECT_EQ(occurrences("\nsluice_job_total_seconds_count{"), 0) << "none has completed";
}

}  // namespace
}  // namespace sluice::http
