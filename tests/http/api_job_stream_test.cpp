#include "tests/http/api_fixture.hpp"

#include <gmock/gmock.h>

#include <sstream>

namespace sluice::http {
namespace {

using nlohmann::json;
using testing::ElementsAre;

class JobStream : public api_fixture {
public:
    void SetUp() override {
        sent_ = start_upload("/ojs/v1/jobs");
        stream_ = finish(sent_.answer);
        ASSERT_EQ(stream_.status, 200);
        ASSERT_EQ(stream_.content_type, "application/x-ndjson");
        ASSERT_TRUE(stream_.stream);
    }
    void TearDown() override {
        if (stream_.after_stream) leave(stream_);
    }

    void say(const std::string& bytes) {
        sent_.body->add(bytes);
        poll();
    }
    void say_job(const std::string& name, const std::string& options = {}) {
        say(job_line(name, options) + '\n');
    }
    static std::string job_line(const std::string& name, const std::string& options = {}) {
        return R"({"type":"test.echo","args":[")" + name + R"("],"options":{"queue":"q")" +
               (options.empty() ? "" : ",") + options + "}}";
    }

    /// The next `count` receipts.
    std::vector<json> hear(std::size_t count) {
        while (heard_.size() < count) {
            const auto piece = finish(ask(stream_));
            if (!piece) {
                ADD_FAILURE() << "the stream has ended";
                return std::vector<json>(count);
            }
            std::istringstream lines(*piece);
            for (std::string line; std::getline(lines, line);) heard_.push_back(json::parse(line));
        }
        std::vector<json> some(heard_.begin(), heard_.begin() + static_cast<long>(count));
        heard_.erase(heard_.begin(), heard_.begin() + static_cast<long>(count));
        return some;
    }
    void end(body_end how = body_end::whole) {
        sent_.body->finish(how);
        poll();
    }
    bool ended() { return heard_.empty() && !finish(ask(stream_)); }
    void bound(const json& settings) {
        const auto answer =
            send("PUT", "/ojs/v1/admin/queues/q/config", json{{"backpressure", settings}}.dump());
        ASSERT_EQ(answer.status, 200) << answer.body;
    }
    std::string code_of(const json& receipt) { return receipt.at("error").at("code"); }

    upload sent_;
    response stream_;
    std::vector<json> heard_;
};

TEST_F(JobStream, HasAReceiptForEachLineAsItIsStored) {
    say_job("a");
    const auto first = hear(1)[0];
    EXPECT_EQ(first["line"], 1);
    EXPECT_EQ(first["state"], "available");
    EXPECT_EQ(first["durability"], "fsync");
    EXPECT_TRUE(first["commit_us"].is_number());
    EXPECT_EQ(get("/ojs/v1/jobs/" + first["id"].get<std::string>())["job"]["args"][0], "a");
    say(job_line("b") + '\n' + job_line("c", R"("delay_until":"+PT1H")") + "\r\n\n");
    const auto next = hear(2);
    EXPECT_EQ(next[0]["line"], 2);
    EXPECT_EQ(next[1]["line"], 3);
    EXPECT_EQ(next[1]["state"], "scheduled");
    say(job_line("d"));
    end();
    EXPECT_EQ(hear(1)[0]["line"], 5) << "a blank line is counted, and the last needs no end";
    EXPECT_TRUE(ended());
}

TEST_F(JobStream, GoesOnAfterALineThatIsWrong) {
    check_job = [](const job_spec& job) -> std::optional<error> {
        if (job.args != R"(["refused"])") return std::nullopt;
        return error(errc::validation_failed, "not this one");
    };
    say("{\"type\":\n" + job_line("a") + "\n{}\n" + job_line("refused") + '\n' +
        std::string(1'100'000, ' ') + "x\n" + job_line("b") + '\n');
    const auto receipts = hear(6);
    EXPECT_EQ(code_of(receipts[0]), "invalid_payload");
    EXPECT_EQ(receipts[1]["line"], 2);
    EXPECT_TRUE(receipts[1].contains("id"));
    EXPECT_EQ(code_of(receipts[2]), "invalid_request");
    EXPECT_EQ(code_of(receipts[3]), "validation_error");
    EXPECT_EQ(code_of(receipts[4]), "too_large");
    EXPECT_EQ(receipts[4]["line"], 5);
    EXPECT_TRUE(receipts[5].contains("id"));
}

TEST_F(JobStream, NamesTheClassOfDurabilityThatWasReached) {
    say_job("a", R"("durability":"written")");
    EXPECT_EQ(hear(1)[0]["durability"], "written");
    say_job("b", R"("durability":"memory")");
    const auto receipt = hear(1)[0];
    EXPECT_EQ(receipt["durability"], "memory");
    EXPECT_FALSE(receipt.contains("commit_us"));
    say_job("c", R"("durability":"safe")");
    EXPECT_EQ(code_of(hear(1)[0]), "invalid_request");
}

TEST_F(JobStream, SaysOfAnIdThatIsTakenThatItIs) {
    const std::string id = R"("id":"018f7e6a-0000-7000-8000-000000000001")";
    const std::string line = R"({"type":"t","args":[],)" + id + "}\n";
    say(line + line);
    const auto receipts = hear(2);
    EXPECT_TRUE(receipts[0].contains("id"));
    EXPECT_EQ(code_of(receipts[1]), "duplicate");
    EXPECT_EQ(receipts[1]["error"]["details"]["existing_job_id"], receipts[0]["id"]);
    say(line);
    EXPECT_EQ(code_of(hear(1)[0]), "duplicate");
}

TEST_F(JobStream, MarksAUniqueJobThatWasThere) {
    const std::string unique = R"("unique":{"keys":["type","queue"],"on_conflict":"ignore"})";
    say_job("a", unique);
    say_job("b", unique);
    const auto receipts = hear(2);
    EXPECT_FALSE(receipts[0].contains("deduplicated"));
    EXPECT_EQ(receipts[1]["deduplicated"], true);
    EXPECT_EQ(receipts[1]["id"], receipts[0]["id"]);
}

TEST_F(JobStream, WaitsWhileTheQueueIsFull) {
    bound({{"max_depth", 2}, {"strategy", "reject"}});
    for (const char* name : {"a", "b", "c", "d", "e"}) say_job(name);
    say("not a job\n");
    EXPECT_EQ(hear(2).size(), 2U);
    const auto later = ask(stream_);
    EXPECT_FALSE(*later) << "there is no room";
    std::vector<std::string> order;
    for (int i = 0; i < 5; ++i) {
        const auto job = fetch("q");
        ASSERT_FALSE(job.is_null());
        order.push_back(job["args"][0]);
        post("/ojs/v1/workers/ack", {{"job_id", job["id"]}, {"worker_id", "w-1"}});
    }
    EXPECT_THAT(order, ElementsAre("a", "b", "c", "d", "e"));
    const auto piece = finish(later);
    ASSERT_TRUE(piece);
    EXPECT_EQ(json::parse(piece->substr(0, piece->find('\n')))["line"], 3);
    end();
}

TEST_F(JobStream, LeavesTheRestWhenItIsLeftWhileItWaitsForRoom) {
    bound({{"max_depth", 1}, {"strategy", "block"}});
    for (const char* name : {"a", "b", "c"}) say_job(name);
    hear(1);
    leave(stream_);
    stream_ = {};
    const auto job = fetch("q");
    ASSERT_FALSE(job.is_null());
    post("/ojs/v1/workers/ack", {{"job_id", job["id"]}, {"worker_id", "w-1"}});
    EXPECT_TRUE(fetch("q").is_null());
}

/// What was sent and has no receipt yet is bounded: the body is taken no further.
TEST_F(JobStream, TakesNoMoreThanItsReceiptsAreTaken) {
    hear(0);
    const auto first = ask(stream_);
    std::string some;
    for (int i = 0; i < 100; ++i) some += job_line(std::to_string(i)) + '\n';
    int taken = 0;
    say(some);
    finish(first);
    for (int i = 0; i < 500 && sent_.body->has_room(); ++i, ++taken) say(some);
    EXPECT_LT(taken, 500);
    EXPECT_FALSE(sent_.body->has_room());
    end();
    int receipts = 0;
    while (const auto piece = finish(ask(stream_)))
        receipts += static_cast<int>(std::count(piece->begin(), piece->end(), '\n'));
    EXPECT_EQ(receipts, taken * 100);
}

TEST_F(JobStream, SaysWhyItEndedBeforeItsBodyDid) {
    say_job("a");
    say("half a li");
    hear(1);
    end(body_end::stalled);
    const auto last = hear(1)[0];
    EXPECT_FALSE(last.contains("line"));
    EXPECT_NE(last["error"]["message"].get<std::string>().find("too long"), std::string::npos);
    EXPECT_TRUE(ended());
}

TEST_F(JobStream, EndsWithTheServerAndSaysSo) {
    say_job("a");
    hear(1);
    draining = true;
    queue->begin_drain();
    say_job("b");
    EXPECT_EQ(code_of(hear(1)[0]), "shutting_down");
    stop.request_stop();
    poll();
    const auto last = hear(1)[0];
    EXPECT_FALSE(last.contains("line"));
    EXPECT_EQ(code_of(last), "shutting_down");
    EXPECT_TRUE(ended());
}

TEST_F(JobStream, TakesNoIdempotencyKey) {
    const auto other = start_upload("/ojs/v1/jobs", {{"idempotency-key", "k"}});
    EXPECT_EQ(finish(other.answer).status, 400);
}

class BoundJobStream : public JobStream {
public:
    BoundJobStream() { queue_patterns = {"mine.*"}; }
};

TEST_F(BoundJobStream, RefusesALineForAQueueOutOfReach) {
    say_job("a");
    say(R"({"type":"t","args":[],"options":{"queue":"mine.1"}})"
        "\n");
    const auto receipts = hear(2);
    EXPECT_EQ(code_of(receipts[0]), "forbidden");
    EXPECT_TRUE(receipts[1].contains("id"));
}

}  // namespace
}  // namespace sluice::http
