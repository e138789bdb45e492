#include "tests/http/api_fixture.hpp"

namespace sluice::http {
namespace {

using nlohmann::json;

class FairnessKeys : public api_fixture {
public:
    json job(json options) {
        options["queue"] = "q";
        return {{"type", "t"}, {"args", json::array()}, {"options", std::move(options)}};
    }
    json push_job(const json& options, int status = 201) {
        return post("/ojs/v1/jobs", job(options), status);
    }
    std::string order(int count) {
        std::string order;
        for (int i = 0; i < count; ++i) {
            const auto given = fetch("q");
            if (given.is_null()) break;
            order += given.value("fairness_key", ".");
        }
        return order;
    }
};

TEST_F(FairnessKeys, ShareOutTheTurns) {
    for (int i = 0; i < 4; ++i) push_job({{"fairness_key", "a"}});
    push_job({{"fairness_key", "b"}});
    push_job(json::object());
    EXPECT_EQ(order(6), "ab.aaa");
}

TEST_F(FairnessKeys, OfABatchShareThemToo) {
    json batch{{"jobs", json::array()}};
    for (int i = 0; i < 4; ++i)
        batch["jobs"].push_back(job({{"fairness_key", "a"}, {"fairness_weight", 2}}));
    for (int i = 0; i < 2; ++i) batch["jobs"].push_back(job({{"fairness_key", "b"}}));
    post("/ojs/v1/jobs/batch", batch, 201);
    const auto all = order(6);
    EXPECT_EQ(std::count(all.begin(), all.begin() + 3, 'a'), 2) << all;
}

TEST_F(FairnessKeys, AreShownInTheJob) {
    const auto pushed =
        push_job({{"fairness_key", "a"}, {"fairness_weight", 3}, {"cost", 20}})["job"];
    for (const auto& shown :
         {pushed, get("/ojs/v1/jobs/" + pushed["id"].get<std::string>())["job"]}) {
        EXPECT_EQ(shown["fairness_key"], "a");
        EXPECT_EQ(shown["fairness_weight"], 3);
        EXPECT_EQ(shown["cost"], 20);
    }
    const auto without = push_job(json::object())["job"];
    EXPECT_FALSE(without.contains("fairness_key"));
    EXPECT_FALSE(without.contains("cost"));
}

TEST_F(FairnessKeys, OfAWrongWeightOrCostAreRefusedByName) {
    const auto field_of = [&](const json& options) {
        return push_job(options, 400)["error"]["details"]["field"];
    };
    EXPECT_EQ(field_of({{"fairness_key", "a"}, {"fairness_weight", 0}}), "options.fairness_weight");
    EXPECT_EQ(field_of({{"fairness_key", "a"}, {"cost", 1001}}), "options.cost");
    EXPECT_EQ(field_of({{"fairness_key", ""}}), "options.fairness_key");
    EXPECT_EQ(field_of({{"cost", 2}}), "options.cost");
    EXPECT_EQ(field_of({{"fairness_weight", 2}}), "options.fairness_weight");
    EXPECT_TRUE(fetch("q").is_null()) << "nothing of it was stored";
}

TEST_F(FairnessKeys, AreSeenInThePlaceThatExplainTells) {
    for (int i = 0; i < 9; ++i) push_job({{"fairness_key", "a"}});
    const auto id = push_job({{"fairness_key", "b"}})["job"]["id"].get<std::string>();
    EXPECT_EQ(get("/ojs/v1/jobs/" + id + "/explain")["position"], 1);
}

}  // namespace
}  // namespace sluice::http
