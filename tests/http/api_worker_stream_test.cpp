#include "tests/http/api_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <sstream>

namespace sluice::http {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

class WorkerStream : public api_fixture {
public:
    using api_fixture::api_fixture;

    void TearDown() override {
        if (stream_.after_stream) leave(stream_);
    }

    void open(const json& first) {
        sent_ = start_upload("/ojs/v1/workers/stream");
        stream_ = finish(sent_.answer);
        ASSERT_EQ(stream_.status, 200) << stream_.body;
        say(first);
        piece_ = ask(stream_);
    }
    static json first(int credits, const std::string& name = "q") {
        return {{"fetch", {{"queues", {name}}, {"worker_id", "w"}}}, {"credits", credits}};
    }
    void say(const json& line) { send_bytes(line.dump() + '\n'); }
    void send_bytes(const std::string& bytes) {
        sent_.body->add(bytes);
        poll();
    }
    json hear() {
        while (heard_.empty()) {
            const auto piece = finish(piece_);
            if (!piece) {
                ADD_FAILURE() << "the stream has ended";
                return json::object();
            }
            piece_ = ask(stream_);
            std::istringstream lines(*piece);
            for (std::string line; std::getline(lines, line);)
                if (!line.empty()) heard_.push_back(json::parse(line));
        }
        auto line = heard_.front();
        heard_.erase(heard_.begin());
        return line;
    }
    bool silent() {
        poll();
        return heard_.empty() && !piece_->has_value();
    }
    bool ended() { return heard_.empty() && !finish(piece_); }

    upload sent_;
    response stream_;
    pending_piece piece_;
    std::vector<json> heard_;
};

TEST_F(WorkerStream, GivesJobsAsLongAsThereIsCredit) {
    const auto a = push("q");
    open(first(2));
    EXPECT_EQ(hear()["job"]["id"], a);
    const auto b = push("q");
    const auto job = hear()["job"];
    EXPECT_EQ(job["id"], b);
    EXPECT_TRUE(job.contains("lease"));
    const auto c = push("q");
    EXPECT_TRUE(silent());
    EXPECT_EQ(state_of(c), "available");
    say(json{{"credits", 1}});
    EXPECT_EQ(hear()["job"]["id"], c);
}

TEST_F(WorkerStream, TakesAnswersForTheJobsItGave) {
    push("q");
    push("q");
    open(first(2));
    const auto a = hear()["job"], b = hear()["job"];
    say(json{{"ack", {{{"job_id", a["id"]}, {"lease", a["lease"]}, {"result", 7}}}},
             {"nack", {{{"job_id", b["id"]}, {"lease", b["lease"]}, {"release", true}}}},
             {"credits", 1}});
    // The one that was given back comes again; which of the two lines is first says nothing.
    auto one = hear(), other = hear();
    if (one.contains("job")) std::swap(one, other);
    EXPECT_EQ(one["line"], 2);
    EXPECT_EQ(one["results"][0]["state"], "completed");
    EXPECT_EQ(one["results"][1]["state"], "available");
    EXPECT_EQ(other["job"]["id"], b["id"]);
    EXPECT_EQ(state_of(a["id"]), "completed");
    say(json{{"heartbeat", {{{"job_id", b["id"]}}}}});
    const auto beat = hear();
    EXPECT_EQ(beat["results"][0]["status"], 200);
    EXPECT_EQ(beat["directive"], "running");
}

TEST_F(WorkerStream, GoesOnAfterALineThatIsWrong) {
    open(first(0));
    send_bytes("{\n");
    EXPECT_EQ(hear()["error"]["code"], "invalid_payload");
    say(first(1));
    EXPECT_EQ(hear()["error"]["details"]["field"], "fetch");
    say(json{{"credits", -1}});
    EXPECT_EQ(hear()["error"]["details"]["field"], "credits");
    say(json{{"ack", {{{"job_id", "018f7e6a-0000-7000-8000-000000000001"}}}}});
    const auto unknown = hear();
    EXPECT_EQ(unknown["line"], 5);
    EXPECT_EQ(unknown["results"][0]["status"], 404);
    const auto a = push("q");
    say(json{{"credits", 1}});
    EXPECT_EQ(hear()["job"]["id"], a);
}

TEST_F(WorkerStream, BeginsWithWhatItWants) {
    for (const auto& line :
         {json{{"credits", 3}}, json{{"fetch", {{"queues", 7}}}},
          json{{"fetch", {{"pool", "none"}}}}, json{{"fetch", {{"worker_id", "sluice.server"}}}}}) {
        open(line);
        const auto last = hear();
        EXPECT_FALSE(last.contains("line")) << line;
        EXPECT_TRUE(last.contains("error")) << line;
        EXPECT_TRUE(ended()) << line;
        leave(stream_);
        stream_ = {};
    }
}

TEST_F(WorkerStream, EndsWhenTheWorkerHasSaidItsLast) {
    push("q");
    open(first(5));
    const auto job = hear()["job"];
    send_bytes(json{{"ack", {{{"job_id", job["id"]}}}}}.dump());
    sent_.body->finish(body_end::whole);
    EXPECT_EQ(hear()["results"][0]["state"], "completed");
    EXPECT_TRUE(ended());
    EXPECT_EQ(state_of(push("q")), "available");
}

TEST_F(WorkerStream, GivesBackWhatItsPeerWasNeverSent) {
    open(first(5));
    EXPECT_TRUE(silent());
    const auto a = push("q");
    EXPECT_TRUE(finish(piece_));  // and nobody asks for more
    const auto b = push("q");
    EXPECT_EQ(state_of(b), "active");
    leave(stream_);
    stream_ = {};
    EXPECT_EQ(state_of(a), "active");
    EXPECT_EQ(state_of(b), "available");
    EXPECT_EQ(fetch("q")["attempt"], 1);
}

TEST_F(WorkerStream, EndsWithTheServer) {
    open(first(5));
    draining = true;
    queue->begin_drain();
    stop.request_stop();
    poll();
    EXPECT_EQ(hear()["error"]["code"], "shutting_down");
    EXPECT_TRUE(ended());
}

TEST_F(WorkerStream, EndsWhenItsBodyBreaksOffWhateverItsCredit) {
    for (const int credits : {0, 5})
        for (const auto how : {body_end::stalled, body_end::broken}) {
            open(first(credits));
            EXPECT_TRUE(silent());
            sent_.body->finish(how);
            EXPECT_TRUE(hear().contains("error"));
            EXPECT_TRUE(ended());
            EXPECT_EQ(state_of(push("q")), "available") << "nobody fetches any more";
            leave(stream_);
            stream_ = {};
            const auto job = fetch("q");
            post("/ojs/v1/workers/ack", {{"job_id", job["id"]}});
        }
}

/// A peer that says much and reads nothing is taken no further.
TEST_F(WorkerStream, TakesNoMoreThanItsAnswersAreTaken) {
    open(first(0));
    EXPECT_TRUE(silent());
    std::string wrong;
    for (int i = 0; i < 1000; ++i) wrong += "x\n";
    send_bytes(wrong);
    EXPECT_TRUE(finish(piece_));  // and nobody asks for more
    int taken = 0;
    for (; taken < 1000 && sent_.body->has_room(); ++taken) send_bytes(wrong);
    EXPECT_LT(taken, 100);
}

TEST_F(WorkerStream, FollowsTheRuleOfItsPool) {
    const auto set = [&](const std::string& name) {
        const json rule{{"strategy", "round-robin"}, {"queues", {name}}};
        const auto answer = send("PUT", "/ojs/v1/admin/pools/p", rule.dump());
        EXPECT_LT(answer.status, 300) << answer.body;
    };
    set("q1");
    open(json{{"fetch", {{"pool", "p"}, {"worker_id", "w"}}}, {"credits", 9}});
    const auto a = push("q1");
    EXPECT_EQ(hear()["job"]["id"], a);
    set("q2");
    const auto b = push("q2");
    EXPECT_EQ(hear()["job"]["id"], b);
    EXPECT_EQ(send("DELETE", "/ojs/v1/admin/pools/p").status / 100, 2);
    push("q2");
    EXPECT_TRUE(hear().contains("error"));
    EXPECT_TRUE(ended());
}

TEST_F(WorkerStream, IsAStreamOfLines) {
    EXPECT_EQ(send("POST", "/ojs/v1/workers/stream", "{}").status, 400);
}

class BeatingWorkerStream : public WorkerStream {
public:
    BeatingWorkerStream() : WorkerStream({}, 5ms) {}
};

TEST_F(BeatingWorkerStream, SaysNowAndThenThatItIsThere) {
    open(first(1));
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(finish(piece_), "\n");
        piece_ = ask(stream_);
    }
    EXPECT_GE(std::chrono::steady_clock::now() - begun, 10ms) << "not one after the other";
    const auto a = push("q");
    EXPECT_EQ(hear()["job"]["id"], a);
}

class BoundWorkerStream : public WorkerStream {
public:
    BoundWorkerStream() { queue_patterns = {"mine.*"}; }
};

TEST_F(BoundWorkerStream, FetchesWhatItsTokenIsGoodFor) {
    open(first(1));
    EXPECT_EQ(hear()["error"]["code"], "forbidden");
    EXPECT_TRUE(ended());
}

}  // namespace
}  // namespace sluice::http
