#include "server/queue/event_json.hpp"
#include "server/runtime/clock.hpp"
#include "tests/http/api_fixture.hpp"

#include <string>
#include <vector>

namespace sluice::http {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

/// One block of a stream, as a browser takes it apart.
struct block {
    std::string id, event, data;
};

std::vector<block> blocks_of(std::string_view text) {
    std::vector<block> blocks;
    block current;
    while (!text.empty()) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) throw std::runtime_error("a line has no end");
        const auto line = text.substr(0, end);
        text.remove_prefix(end + 1);
        const auto value_of = [&](std::string_view name, std::string& value) {
            if (line.starts_with(name)) value = line.substr(name.size());
        };
        value_of("id: ", current.id);
        value_of("event: ", current.event);
        value_of("data: ", current.data);
        if (line.empty()) blocks.push_back(std::exchange(current, {}));
    }
    return blocks;
}

class Streams : public api_fixture {
public:
    using api_fixture::api_fixture;

    response open(const std::string& target, header_fields more = {}) {
        more.emplace_back("accept", "text/event-stream");
        auto answer = send("GET", target, {}, std::move(more));
        EXPECT_EQ(answer.status, 200) << answer.body;
        EXPECT_EQ(answer.content_type, "text/event-stream");
        EXPECT_TRUE(answer.stream != nullptr);
        return answer;
    }
    /// The next `count` events, without what only moves the position.
    std::vector<block> read(const response& stream, std::size_t count) {
        std::vector<block> events;
        while (events.size() < count) {
            const auto piece = finish(ask(stream));
            if (!piece) {
                ADD_FAILURE() << "the stream has ended";
                return std::vector<block>(count);
            }
            for (auto& b : blocks_of(*piece)) {
                if (!b.data.empty()) events.push_back(std::move(b));
            }
        }
        EXPECT_EQ(events.size(), count);
        events.resize(count);
        return events;
    }
    bool ends(const response& stream) { return !finish(ask(stream)).has_value(); }
    json polled(const std::string& query) { return get("/ojs/v1/events" + query)["events"]; }
    void ack(const json& job, const std::string& result = "null") {
        const auto answer =
            send("POST", "/ojs/v1/workers/ack",
                 R"({"job_id":")" + job["id"].get<std::string>() + R"(","result":)" + result + "}");
        EXPECT_EQ(answer.status, 200) << answer.body;
    }
};

std::vector<json> jsons(const std::vector<block>& events) {
    std::vector<json> all;
    for (const auto& e : events) all.push_back(json::parse(e.data));
    return all;
}

TEST_F(Streams, BeginAtOnceAndSayWhatHappensFromThenOn) {
    push();
    const auto stream = open("/ojs/v1/events");
    EXPECT_EQ(field_of(stream, "Cache-Control"), "no-store");
    EXPECT_EQ(field_of(stream, "X-Accel-Buffering"), "no");
    const auto opening = *finish(ask(stream));
    EXPECT_TRUE(opening.starts_with("retry: 3000\n: ")) << opening;
    ASSERT_EQ(blocks_of(opening).size(), 2U);
    EXPECT_EQ(parse_event_cursor(blocks_of(opening)[1].id)->number, 1U);
    const auto next = ask(stream);
    EXPECT_FALSE(next->has_value());
    const auto id = push();
    const auto told = blocks_of(*finish(next));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].event, "job.enqueued");
    EXPECT_EQ(json::parse(told[0].data)["data"]["job_id"], id);
    EXPECT_EQ(json::parse(told[0].data)["id"], told[0].id);
}

TEST_F(Streams, SayEachEventOnceInOrderAsThePollDoes) {
    const auto stream = open("/ojs/v1/events/stream");
    for (int i = 0; i < 3; ++i) push();
    for (int i = 0; i < 3; ++i) ack(fetch());
    const auto events = read(stream, 9);
    const auto expected = polled("?after=0");
    EXPECT_EQ(json(jsons(events)), expected);
    for (std::size_t i = 0; i < events.size(); ++i) {
        EXPECT_EQ(events[i].id, expected[i]["id"]);
        EXPECT_EQ(events[i].event, expected[i]["type"]);
    }
}

TEST_F(Streams, ComeInPiecesOfBoundedSize) {
    const auto stream = open("/ojs/v1/events");
    constexpr std::size_t count = 200;
    const json job{{"type", std::string(250, 't')}, {"args", json::array()}};
    for (std::size_t i = 0; i < count; ++i) post("/ojs/v1/jobs", job, 201);
    std::size_t events = 0, pieces = 0;
    while (events < count) {
        const auto piece = *finish(ask(stream));
        EXPECT_LT(piece.size(), 36U * 1024);
        for (const auto& b : blocks_of(piece)) events += b.data.empty() ? 0 : 1;
        ++pieces;
    }
    EXPECT_EQ(events, count);
    EXPECT_GT(pieces, 3U);
}

TEST_F(Streams, SayOnlyWhatIsWanted) {
    const auto starts = open("/ojs/v1/events?types=job.started&queues=mail");
    const auto odd = open("/ojs/v1/events?job_types=odd");
    push("mail");
    push();
    fetch();
    const auto sent = fetch("mail");
    post("/ojs/v1/jobs", {{"type", "odd"}, {"args", json::array()}}, 201);
    const auto started = jsons(read(starts, 1));
    EXPECT_EQ(started[0]["type"], "job.started");
    EXPECT_EQ(started[0]["data"]["job_id"], sent["id"]);
    EXPECT_EQ(jsons(read(odd, 1))[0]["data"]["job_type"], "odd");
}

TEST_F(Streams, HideTheQueuesATokenIsNotFor) {
    queue_patterns = {"mine.*"};
    const auto stream = open("/ojs/v1/events");
    queue_patterns.clear();
    push("foreign");
    push("mine.a");
    push("foreign");
    push("mine.b");
    const auto told = jsons(read(stream, 2));
    EXPECT_EQ(told[0]["data"]["queue"], "mine.a");
    EXPECT_EQ(told[1]["data"]["queue"], "mine.b");
}

TEST_F(Streams, GoOnWhereAReaderLeftOff) {
    const auto first = open("/ojs/v1/events");
    for (int i = 0; i < 5; ++i) push();
    const auto all = read(first, 5);
    const auto again = open("/ojs/v1/events?after=4", {{"last-event-id", all[1].id}});
    EXPECT_EQ(jsons(read(again, 3)), jsons({all.begin() + 2, all.end()}));
    const auto by_query = open("/ojs/v1/events?after=" + all[3].id);
    EXPECT_EQ(read(by_query, 1)[0].id, all[4].id);
    const auto by_number = open("/ojs/v1/events", {{"last-event-id", "4"}});
    EXPECT_EQ(read(by_number, 1)[0].id, all[4].id);
}

TEST_F(Streams, SayThatAReaderFromLastYearHasMissedSomething) {
    for (int i = 0; i < 2; ++i) push();
    const auto last_year = event_id(system_instant().wall - 24h * 365, 1);
    for (const auto& position : {last_year, std::string("999")}) {
        const auto stream = open("/ojs/v1/events", {{"last-event-id", position}});
        const auto told = read(stream, 3);
        EXPECT_EQ(told[0].event, "gap");
        EXPECT_EQ(json::parse(told[0].data), json({{"after", position}}));
        EXPECT_EQ(json(jsons({told.begin() + 1, told.end()})), polled("?after=0"));
    }
}

TEST_F(Streams, RefuseAPositionThatIsNone) {
    for (const std::string bad : {"evt_x", "-1", "last", "99999999999999999999999"}) {
        const auto answer = send("GET", "/ojs/v1/events", {},
                                 {{"accept", "text/event-stream"}, {"last-event-id", bad}});
        EXPECT_EQ(answer.status, 400) << bad;
        EXPECT_FALSE(answer.stream);
        EXPECT_EQ(send("GET", "/ojs/v1/events/stream?after=" + bad).status, 400) << bad;
    }
}

TEST_F(Streams, EndWhenTheReaderGoesOrTheServerDrains) {
    const auto events = open("/ojs/v1/events");
    const auto progress = open("/ojs/v1/jobs/" + push() + "/progress");
    read(events, 1);
    read(progress, 1);
    const auto waiting = ask(events);
    stop.request_stop();
    EXPECT_FALSE(finish(waiting).has_value());
    EXPECT_TRUE(ends(progress));
    stop = {};
    const auto more_events = open("/ojs/v1/events");
    const auto more_progress = open("/ojs/v1/jobs/" + push() + "/progress");
    read(more_events, 1);
    read(more_progress, 1);
    const auto event = ask(more_events);
    const auto report = ask(more_progress);
    EXPECT_FALSE(event->has_value() || report->has_value());
    queue->begin_drain();
    EXPECT_FALSE(finish(event).has_value());
    EXPECT_FALSE(finish(report).has_value());
}

TEST_F(Streams, AreNotForThoseWhoDoNotAsk) {
    EXPECT_FALSE(send("GET", "/ojs/v1/events").stream);
    EXPECT_FALSE(send("GET", "/ojs/v1/events", {}, {{"accept", "*/*"}}).stream);
    EXPECT_TRUE(routes.find("GET", "/ojs/v1/events/stream").options.streams);
    EXPECT_TRUE(routes.find("GET", "/ojs/v1/jobs/x/progress/stream").options.streams);
    EXPECT_FALSE(routes.find("GET", "/ojs/v1/events").options.streams);
}

class ShortLog : public Streams {
public:
    ShortLog() : Streams(short_log()) {}
    static engine_config short_log() {
        engine_config engine;
        engine.events_max = 3;
        return engine;
    }
};

TEST_F(ShortLog, SaysWhichEventsHaveBeenDropped) {
    const auto stream = open("/ojs/v1/events");
    push();
    const auto seen = read(stream, 1)[0];
    for (int i = 0; i < 5; ++i) push();
    // For one who was too slow, and for one who comes back too late.
    for (const auto& s : {stream, open("/ojs/v1/events", {{"last-event-id", seen.id}})}) {
        const auto told = read(s, 4);
        EXPECT_EQ(told[0].event, "gap");
        EXPECT_EQ(json::parse(told[0].data), json({{"after", seen.id}}));
        EXPECT_EQ(json(jsons({told.begin() + 1, told.end()})), polled("?limit=3"));
    }
}

TEST_F(ShortLog, SaysSoEachTimeItHappens) {
    push();
    const auto stream = open("/ojs/v1/events", {{"last-event-id", "999"}});
    const auto first = read(stream, 2);
    EXPECT_EQ(first[0].event, "gap");
    EXPECT_EQ(first[1].event, "job.enqueued");
    for (int i = 0; i < 5; ++i) push();
    const auto second = read(stream, 4);
    EXPECT_EQ(second[0].event, "gap");
    EXPECT_EQ(json::parse(second[0].data), json({{"after", first[1].id}}));
}

class BeatingStreams : public Streams {
public:
    BeatingStreams() : Streams({}, 20ms) {}
};

TEST_F(BeatingStreams, MoveThePositionPastWhatWasLeftOut) {
    const auto stream = open("/ojs/v1/events?queues=mail");
    finish(ask(stream));
    EXPECT_EQ(*finish(ask(stream)), ":\n\n");
    for (int i = 0; i < 3; ++i) push();
    const auto beat = *finish(ask(stream));
    EXPECT_TRUE(beat.starts_with(":\n\nid: evt_")) << beat;
    const auto position = blocks_of(beat).back().id;
    EXPECT_EQ(parse_event_cursor(position)->number, 3U);
    EXPECT_EQ(*finish(ask(stream)), ":\n\n");
    push();
    EXPECT_EQ(read(open("/ojs/v1/events", {{"last-event-id", position}}), 1)[0].id,
              polled("?limit=1")[0]["id"]);
}

TEST_F(BeatingStreams, SayThatAJobIsStillNoFurther) {
    const auto stream = open("/ojs/v1/jobs/" + push() + "/progress");
    read(stream, 1);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(*finish(ask(stream)), ":\n\n");
}

class ProgressStreams : public Streams {
public:
    std::string path(const std::string& id) { return "/ojs/v1/jobs/" + id + "/progress"; }
    void report(const std::string& id, double progress) {
        EXPECT_EQ(send("PUT", path(id), json{{"progress", progress}}.dump()).status, 200);
    }
};

TEST_F(ProgressStreams, FollowAJobToItsEnd) {
    const auto id = push();
    const auto job = fetch();
    const auto stream = open(path(id));
    const auto first = read(stream, 1)[0];
    EXPECT_EQ(first.event, "progress");
    EXPECT_EQ(json::parse(first.data), get(path(id)));
    for (const double progress : {0.25, 0.5}) {
        const auto next = ask(stream);
        EXPECT_FALSE(next->has_value());
        report(id, progress);
        const auto told = blocks_of(*finish(next));
        ASSERT_EQ(told.size(), 1U);
        EXPECT_EQ(told[0].event, "progress");
        EXPECT_EQ(json::parse(told[0].data), get(path(id)));
        EXPECT_EQ(json::parse(told[0].data)["progress"], progress);
    }
    const auto last = ask(stream);
    EXPECT_FALSE(last->has_value());
    ack(job, "{\"a\":\r\n[1]}");
    const auto told = blocks_of(*finish(last));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].event, "completed");
    const auto end = json::parse(told[0].data);
    EXPECT_EQ(end["state"], "completed");
    EXPECT_EQ(end["result"], json({{"a", {1}}}));
    EXPECT_TRUE(end["updated_at"].is_string());
    EXPECT_TRUE(ends(stream));
}

TEST_F(ProgressStreams, OfJobsThatHaveEndedEndAtOnce) {
    const auto cancelled = push();
    EXPECT_EQ(send("DELETE", "/ojs/v1/jobs/" + cancelled).status, 200);
    const auto failed = dead_letter("default", "out_of_paper");
    for (const auto& [id, name] :
         {std::pair(cancelled, "cancelled"), std::pair(failed, "failed")}) {
        const auto stream = open(path(id) + "/stream");
        const auto told = read(stream, 1)[0];
        EXPECT_EQ(told.event, name);
        EXPECT_EQ(json::parse(told.data)["job_id"], id);
        EXPECT_TRUE(ends(stream));
    }
    const auto told = jsons(read(open(path(failed)), 1))[0];
    EXPECT_EQ(told["state"], "discarded");
    EXPECT_EQ(told["error"]["code"], "out_of_paper");
}

TEST_F(ProgressStreams, GoOnOverAFailedRun) {
    const auto id = push();
    fetch();
    report(id, 0.5);
    const auto stream = open(path(id));
    read(stream, 1);
    const auto next = ask(stream);
    EXPECT_FALSE(next->has_value());
    const json failure{{"job_id", id}, {"error", {{"code", "c"}, {"message", "m"}}}};
    post("/ojs/v1/workers/nack", failure);
    const auto told = blocks_of(*finish(next));
    EXPECT_EQ(told[0].event, "progress");
    EXPECT_EQ(json::parse(told[0].data)["state"], "retryable");
    const auto end = ask(stream);
    EXPECT_FALSE(end->has_value());
    EXPECT_EQ(send("DELETE", "/ojs/v1/jobs/" + id).status, 200);
    EXPECT_EQ(blocks_of(*finish(end))[0].event, "cancelled");
}

TEST_F(ProgressStreams, AreOfJobsTheCallerMaySee) {
    const header_fields as_stream{{"accept", "text/event-stream"}};
    const auto id = push();
    EXPECT_EQ(send("GET", path("nothing"), {}, as_stream).status, 404);
    queue_patterns = {"others"};
    EXPECT_EQ(send("GET", path(id), {}, as_stream).status, 404);
    EXPECT_EQ(send("GET", path(id) + "/stream").status, 404);
}

}  // namespace
}  // namespace sluice::http
