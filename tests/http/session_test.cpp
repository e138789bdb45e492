#include "tests/http/wire_fixture.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::http {
namespace {

const std::string chunked_hello =
    post("/echo", "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n") +
    "2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\n";

TEST(Session, KeepsTheConnectionAndWritesTheCommonFields) {
    test_server server;
    wire_client client(server.port());
    client.send(get("/things/1"));
    const wire_answer first = client.read_answer();
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(first.body, "1");
    EXPECT_EQ(first.field("Server"), "Sluice");
    EXPECT_EQ(first.field("OJS-Version"), "1.0");
    EXPECT_EQ(first.field("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(first.field("Content-Type"), "application/openjobspec+json");
    EXPECT_TRUE(first.field("Date").ends_with(" GMT"));
    EXPECT_TRUE(first.field("X-Request-Id").starts_with("req_"));
    EXPECT_EQ(first.field("Connection"), "");
    client.send(get("/things/2"));
    const wire_answer second = client.read_answer();
    EXPECT_EQ(second.body, "2");
    EXPECT_NE(second.field("X-Request-Id"), first.field("X-Request-Id"));
}

TEST(Session, EchoesAWellFormedRequestId) {
    test_server server;
    wire_client client(server.port());
    client.send(get("/things/1", "X-Request-Id: abc_DEF-123\r\n"));
    EXPECT_EQ(client.read_answer().field("X-Request-Id"), "abc_DEF-123");
    for (const std::string& bad : {std::string(65, 'a'), std::string("a b"), std::string("a\"b")}) {
        client.send(get("/things/1", "X-Request-Id: " + bad + "\r\n"));
        EXPECT_TRUE(client.read_answer().field("X-Request-Id").starts_with("req_"));
    }
}

TEST(Session, ReadsBodiesByLengthAndByChunks) {
    test_server server;
    wire_client client(server.port());
    client.send(post_body("/echo", "{\"a\":1}"));
    EXPECT_EQ(client.read_answer().body, "{\"a\":1}");
    client.send(chunked_hello + "\r\n");
    EXPECT_EQ(client.read_answer().body, "hello");
    const std::string megabyte(1024 * 1024, 'x');
    client.send(post_body("/echo", megabyte));
    EXPECT_EQ(client.read_answer().body, megabyte);
    client.send(post("/echo"));
    EXPECT_EQ(client.read_answer().status, 201);
}

TEST(Session, DropsTrailers) {
    test_server server;
    wire_client client(server.port());
    client.send(chunked_hello + "Host: evil\r\nContent-Length: 99\r\nTransfer-Encoding: x\r\n\r\n");
    EXPECT_EQ(client.read_answer().body, "hello");
    client.send(get("/things/1"));
    EXPECT_EQ(client.read_answer().body, "1");
}

TEST(Session, ReadsGoodRequestsSplitAtAnyByte) {
    test_server server;
    wire_client client(server.port());
    const std::string with_trailer = chunked_hello + "A: b\r\n\r\n";
    for (const std::string& bytes : {post_body("/echo", "hello"), with_trailer}) {
        for (std::size_t at = 1; at < bytes.size(); ++at) {
            client.send(bytes.substr(0, at));
            server.settle();
            client.send(bytes.substr(at));
            const wire_answer answer = client.read_answer();
            ASSERT_EQ(answer.status, 201) << at;
            ASSERT_EQ(answer.body, "hello") << at;
        }
    }
}

TEST(Session, AnswersHeadWithoutABody) {
    test_server server;
    wire_client client(server.port());
    client.send("HEAD /things/abc HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/things/1"));
    EXPECT_EQ(client.read_answer(true).field("Content-Length"), "3");
    EXPECT_EQ(client.read_answer().body, "1");
    client.send("HEAD /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/things/2"));
    EXPECT_EQ(client.read_answer(true).status, 404);
    EXPECT_EQ(client.read_answer().body, "2");
}

TEST(Session, AnswersOptions) {
    test_server server;
    wire_client client(server.port());
    client.send("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 204);
    client.send("OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const wire_answer answer = client.read_answer();
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer.field("Allow"), "POST");
    client.send("OPTIONS /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 404);
}

TEST(Session, ServesHttp10) {
    test_server server;
    wire_client once(server.port());
    once.send("GET /things/1 HTTP/1.0\r\n\r\n");
    EXPECT_EQ(once.read_answer().field("Connection"), "close");
    EXPECT_TRUE(once.closes());
    wire_client kept(server.port());
    for (int i = 0; i < 2; ++i) {
        kept.send("GET /things/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        EXPECT_EQ(kept.read_answer().field("Connection"), "keep-alive");
    }
}

TEST(Session, ClosesWhenAskedTo) {
    test_server server;
    wire_client client(server.port());
    client.send(get("/things/1", "Connection: close\r\n") + get("/things/2"));
    EXPECT_EQ(client.read_answer().body, "1");
    EXPECT_EQ(client.read_answer().status, 0);
    EXPECT_TRUE(client.closes());
}

TEST(Session, IgnoresRangeAndUpgrade) {
    test_server server;
    wire_client client(server.port());
    std::string ranges = "Range: bytes=0-1";
    for (int i = 0; i < 1000; ++i) ranges += ",0-1";
    client.send(get("/things/whole", ranges + "\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"));
    const wire_answer answer = client.read_answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "whole");
}

TEST(Session, SendsContinueWhenABodyIsWanted) {
    test_server server;
    wire_client client(server.port());
    const std::string expecting =
        "Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n";
    client.send(post("/echo", expecting));
    EXPECT_EQ(client.read_answer().status, 100);
    client.send("{}");
    EXPECT_EQ(client.read_answer().body, "{}");

    client.send(post("/nothing", expecting));
    EXPECT_EQ(client.read_answer().status, 404);
    EXPECT_TRUE(client.closes());
}

TEST(Session, SendsContinueAfterEarlierAnswers) {
    test_server server;
    wire_client client(server.port());
    client.send(post("/hold/a") + post("/echo",
                                       "Content-Type: application/json\r\n"
                                       "Content-Length: 2\r\nExpect: 100-continue\r\n"));
    ASSERT_TRUE(server.wait_for_held(1));
    wire_client other(server.port());
    other.send(post("/release/a"));
    EXPECT_EQ(other.read_answer().status, 200);
    EXPECT_EQ(client.read_answer().body, "a");
    EXPECT_EQ(client.read_answer().status, 100);
    client.send("{}");
    EXPECT_EQ(client.read_answer().body, "{}");
}

TEST(Session, KeepsWhatAHandlerThrowsToItself) {
    test_server server;
    wire_client client(server.port());
    client.send(get("/throws"));
    const wire_answer thrown = client.read_answer();
    EXPECT_EQ(thrown.status, 500);
    EXPECT_EQ(thrown.body.find("secret"), std::string::npos);
    EXPECT_NE(thrown.body.find("\"details\":{\"outcome\":\"unknown\"}"), std::string::npos);
    client.send(get("/forged-header"));
    const wire_answer forged = client.read_answer();
    EXPECT_EQ(forged.status, 500);
    EXPECT_EQ(forged.head.find("forged"), std::string::npos);
    client.send(get("/things/1"));
    EXPECT_EQ(client.read_answer().status, 200);
}

TEST(Pipelining, BeginsInOrderAndAnswersInOrderWhateverEndsFirst) {
    test_server server;
    wire_client client(server.port());
    client.send(post("/hold/a") + post("/hold/b") + get("/things/1") + post("/hold/c"));
    ASSERT_TRUE(server.wait_for_held(3));
    EXPECT_EQ(server.begun(), (std::vector<std::string>{"a", "b", "c"}));
    wire_client other(server.port());
    for (const char* name : {"c", "b", "a"}) {
        other.send(post("/release/" + std::string(name)));
        EXPECT_EQ(other.read_answer().status, 200);
    }
    for (const char* body : {"a", "b", "1", "c"}) EXPECT_EQ(client.read_answer().body, body);
}

TEST(Pipelining, StopsReadingAtItsLimit) {
    http_config config;
    config.pipeline_max = 2;
    test_server server(config);
    wire_client client(server.port());
    client.send(post("/hold/a") + post("/hold/b") + post("/hold/c"));
    ASSERT_TRUE(server.wait_for_held(2));
    server.settle();
    EXPECT_EQ(server.begun().size(), 2U);
    wire_client other(server.port());
    other.send(post("/release/a"));
    EXPECT_EQ(client.read_answer().body, "a");
    ASSERT_TRUE(server.wait_for_held(2));
    EXPECT_EQ(server.begun().back(), "c");
}

TEST(Pipelining, AnswersAThousandRequestsSentAtOnce) {
    test_server server;
    wire_client client(server.port());
    std::string all;
    for (int i = 0; i < 1000; ++i) all += get("/things/" + std::to_string(i));
    client.send(all);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(client.read_answer().body, std::to_string(i));
}

TEST(Pipelining, RefusesInTurn) {
    test_server server;
    wire_client client(server.port());
    client.send(post("/hold/a") + get("/nothing") + "garbage\r\n\r\n");
    ASSERT_TRUE(server.wait_for_held(1));
    wire_client other(server.port());
    other.send(post("/release/a"));
    EXPECT_EQ(client.read_answer().body, "a");
    EXPECT_EQ(client.read_answer().status, 404);
    EXPECT_EQ(client.read_answer().status, 400);
    EXPECT_TRUE(client.closes());
}

TEST(Session, StopsTheRequestsOfAPeerThatHasGone) {
    test_server server;
    {
        wire_client gone(server.port());
        gone.send(post("/hold/a") + post("/hold/b"));
        ASSERT_TRUE(server.wait_for_held(2));
    }
    EXPECT_TRUE(server.wait_for_held(0));
    wire_client reset(server.port());
    reset.send(post("/hold/c"));
    ASSERT_TRUE(server.wait_for_held(1));
    reset.reset();
    EXPECT_TRUE(server.wait_for_held(0));
    EXPECT_TRUE(server.wait_for_connections(0));
}

TEST(Session, AnswersAPeerThatOnlyStoppedSending) {
    test_server server;
    wire_client client(server.port());
    client.send(post("/hold/a"));
    ASSERT_TRUE(server.wait_for_held(1));
    client.shut_down_sending();
    EXPECT_EQ(client.read_answer().body, "stopped");
    EXPECT_TRUE(client.closes());
}

TEST(BriefRequest, IsAnsweredAndTheConnectionGoesOn) {
    test_server server;
    wire_client client(server.port());
    wire_client other(server.port());
    for (const std::string name : {"a", "b"}) {
        client.send(post("/brief/" + name));
        ASSERT_TRUE(server.wait_for_held(1));
        other.send(post("/release/" + name));
        EXPECT_EQ(client.read_answer().body, name);
    }
    client.send(get("/brief-throws"));
    EXPECT_EQ(client.read_answer().status, 500);
    client.send(post("/brief/c", "Connection: close\r\n"));
    ASSERT_TRUE(server.wait_for_held(1));
    other.send(post("/release/c"));
    EXPECT_EQ(client.read_answer().field("Connection"), "close");
    EXPECT_TRUE(client.closes());
}

TEST(BriefRequest, RunsBesideOthersThatCameWithIt) {
    test_server server;
    wire_client client(server.port());
    client.send(post("/brief/a") + post("/brief/b"));
    ASSERT_TRUE(server.wait_for_held(2));
    wire_client other(server.port());
    other.send(post("/release/b"));
    other.send(post("/release/a"));
    for (const char* body : {"a", "b"}) EXPECT_EQ(client.read_answer().body, body);
}

TEST(BriefRequest, ThatComesLaterIsTakenUpAfterTheAnswer) {
    test_server server;
    wire_client client(server.port());
    client.send(post("/brief/a"));
    ASSERT_TRUE(server.wait_for_held(1));
    client.send(post("/brief/b") + post("/brief/c"));
    server.settle();
    EXPECT_EQ(server.begun().size(), 1U);
    wire_client other(server.port());
    other.send(post("/release/a"));
    EXPECT_EQ(client.read_answer().body, "a");
    ASSERT_TRUE(server.wait_for_held(2));  // the two together again
    other.send(post("/release/b") + post("/release/c"));
    for (const char* body : {"b", "c"}) EXPECT_EQ(client.read_answer().body, body);
}

TEST(BriefRequest, ThatMayWaitAfterAllEndsWithItsPeer) {
    test_server server;
    {
        wire_client gone(server.port());
        gone.send(post("/brief/a", "Prefer: wait=5\r\n"));
        ASSERT_TRUE(server.wait_for_held(1));
    }
    EXPECT_TRUE(server.wait_for_held(0));
    EXPECT_TRUE(server.wait_for_connections(0));
}

TEST(BriefRequest, OfAPeerThatHasGoneLeavesNothingBehind) {
    test_server server;
    {
        wire_client gone(server.port());
        gone.send(post("/brief/a"));
        ASSERT_TRUE(server.wait_for_held(1));
        gone.reset();
    }
    wire_client other(server.port());
    other.send(post("/release/a"));
    EXPECT_EQ(other.read_answer().status, 200);
    EXPECT_TRUE(server.wait_for_connections(1));
}

TEST(BriefRequest, IsAnsweredByAServerThatDrains) {
    test_server server;
    wire_client client(server.port());
    client.send(post("/brief/a"));
    ASSERT_TRUE(server.wait_for_held(1));
    server.on_thread([](auto& s) { s.begin_drain(); });
    const wire_answer answer = client.read_answer();
    EXPECT_EQ(answer.body, "stopped");
    EXPECT_EQ(answer.field("Connection"), "close");
    EXPECT_TRUE(client.closes());
}

}  // namespace
}  // namespace sluice::http
