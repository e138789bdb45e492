#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using json = nlohmann::json;

class Objective : public api_fixture {
public:
    json configure(const json& wanted, int status = 200) {
        const auto answer = send("PATCH", "/ojs/v1/admin/queues/mail/config",
                                 json{{"start_latency", wanted}}.dump());
        EXPECT_EQ(answer.status, status) << answer.body;
        return json_of(answer);
    }
};

TEST_F(Objective, IsSetWithTheOthersOfTheQueueAndRead) {
    const auto set = configure({{"objective", 0.99}, {"within", "250ms"}});
    const json wanted{{"objective", 0.99}, {"within", "250ms"}};
    EXPECT_EQ(set["configuration"]["start_latency"], wanted);
    EXPECT_EQ(get("/ojs/v1/admin/queues/mail/config")["configuration"]["start_latency"], wanted);
    configure({{"objective", 0.99}, {"within", "PT2S"}});
    EXPECT_EQ(get("/ojs/v1/admin/queues/mail/config")["configuration"]["start_latency"]["within"],
              "2s");
    configure({{"objective", 1.0}, {"within", "250ms"}}, 400);
    configure({{"objective", 0.99}}, 400);
    configure({{"objective", 0.99}, {"within", "0ms"}}, 400);
    configure({{"objective", 0.99}, {"within", "250ms"}, {"other", 1}}, 400);
    configure(nullptr);
    EXPECT_FALSE(
        get("/ojs/v1/admin/queues/mail/config")["configuration"].contains("start_latency"));
}

TEST_F(Objective, TheQueueTellsHowItIsKept) {
    configure({{"objective", 0.99}, {"within", "1h"}});
    push("mail");
    fetch("mail");
    const auto told = get("/ojs/v1/queues/mail/stats")["queue"]["start_latency"];
    EXPECT_EQ(told["within"], "3600s");
    EXPECT_EQ(told["burning"], false);
    for (const auto* window : {"5m", "1h", "6h"}) {
        EXPECT_EQ(told["windows"][window]["good"], 1);
        EXPECT_EQ(told["windows"][window]["bad"], 0);
        EXPECT_EQ(told["windows"][window]["compliance"], 1.0);
        EXPECT_EQ(told["windows"][window]["burn_rate"], 0.0);
    }
    push("other");
    EXPECT_FALSE(get("/ojs/v1/queues/other/stats")["queue"].contains("start_latency"));
}

TEST_F(Objective, MetricsHaveItOnlyWhereThereIsOne) {
    push("mail");
    EXPECT_EQ(send("GET", "/metrics").body.find("slo"), std::string::npos);
    configure({{"objective", 0.99}, {"within", "250ms"}});
    const auto text = send("GET", "/metrics").body;
    EXPECT_NE(text.find("\nsluice_queue_slo_within_seconds{queue=\"mail\"} 0.25\n"),
              std::string::npos);
    EXPECT_NE(text.find("\nsluice_queue_slo_burning{queue=\"mail\"} 0\n"), std::string::npos);
    EXPECT_NE(text.find("\nsluice_queue_slo_compliance_ratio{queue=\"mail\",window=\"5m\"} 1"),
              std::string::npos);
    EXPECT_NE(text.find("\nsluice_queue_slo_burn_rate{queue=\"mail\",window=\"1h\"} 0"),
              std::string::npos);
    queue_patterns = {"other"};
    EXPECT_EQ(send("GET", "/metrics").body.find("slo"), std::string::npos);
}

TEST_F(Objective, EventsTellThatItBurns) {
    configure({{"objective", 0.99}, {"within", "1ms"}});
    push("mail");
    const auto answer = start("GET", "/ojs/v1/events?types=slo.*&after=0&wait_ms=20000");
    const auto events = json_of(finish(answer))["events"];
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0]["type"], "slo.burning");
    EXPECT_EQ(events[0]["subject"], "mail");
    EXPECT_EQ(events[0]["data"]["queue"], "mail");
    EXPECT_EQ(events[0]["data"]["within"], "1ms");
    EXPECT_EQ(events[0]["data"]["windows"]["1h"]["bad"], 1);
    EXPECT_GT(events[0]["data"]["windows"]["5m"]["burn_rate"], 14.4);
}

}  // namespace
}  // namespace sluice::http
