#include "tests/http/wire_fixture.hpp"

#include <gtest/gtest.h>

#include <string>

/// Deadlines of a few dozen milliseconds, so that no test waits for long.
namespace sluice::http {
namespace {

using namespace std::chrono_literals;

http_config unhurried() {
    http_config config;
    config.head_deadline = config.body_idle_deadline = config.write_deadline = 60s;
    return config;
}

const std::string body_head =
    "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    "Content-Length: 10\r\n\r\n";

TEST(Deadlines, CloseAConnectionThatSendsNothing) {
    http_config config = unhurried();
    config.head_deadline = 50ms;
    test_server server(config);
    wire_client client(server.port());
    EXPECT_EQ(client.read_answer().status, 0);
    EXPECT_TRUE(client.closes());
}

TEST(Deadlines, HoldForTheWholeHeadHoweverItDrips) {
    http_config config = unhurried();
    config.head_deadline = 100ms;
    test_server server(config);
    wire_client client(server.port());
    // Each byte comes well within the deadline; all together do not.
    bool heard = false;
    for (int i = 0; i < 250 && !heard; ++i) {
        client.send("G");
        heard = client.hears_within(20ms);
    }
    EXPECT_TRUE(heard) << "each byte bought time";
    EXPECT_EQ(client.read_answer().status, 408);
    EXPECT_TRUE(client.closes());
    EXPECT_TRUE(serves_a_good_request(server.port()));
}

TEST(Deadlines, EndABodyThatStopsComing) {
    http_config config = unhurried();
    config.body_idle_deadline = 50ms;
    test_server server(config);
    wire_client client(server.port());
    client.send(body_head + "hello");
    EXPECT_EQ(client.read_answer().status, 408);
    EXPECT_TRUE(client.closes());
}

TEST(Deadlines, EndABodyThatComesTooSlowly) {
    http_config config = unhurried();
    config.body_idle_deadline = 400ms;  // the average counts after 200 ms
    config.body_bytes_per_second_min = 1000;
    test_server server(config);
    wire_client client(server.port());
    const auto begun = std::chrono::steady_clock::now();
    client.send(body_head);
    for (int i = 0; i < 3; ++i) {
        client.send("x");
        server.settle();
    }
    EXPECT_EQ(client.read_answer().status, 408);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 390ms);
}

TEST(Deadlines, AnswerEarlierRequestsBeforeTheTimeOut) {
    http_config config = unhurried();
    config.body_idle_deadline = 50ms;
    test_server server(config);
    wire_client client(server.port());
    client.send(get("/things/1") + body_head);
    EXPECT_EQ(client.read_answer().body, "1");
    EXPECT_EQ(client.read_answer().status, 408);
}

TEST(Deadlines, CloseAnIdleConnectionButNotABusyOne) {
    http_config config = unhurried();
    config.keep_alive = 50ms;
    test_server server(config);
    wire_client idle(server.port());
    idle.send(get("/things/1"));
    EXPECT_EQ(idle.read_answer().status, 200);
    wire_client busy(server.port());
    busy.send(post("/hold/a"));
    EXPECT_TRUE(idle.closes());
    ASSERT_TRUE(server.wait_for_held(1));
    EXPECT_TRUE(server.wait_for_connections(1));
    wire_client other(server.port());
    other.send(post("/release/a"));
    EXPECT_EQ(busy.read_answer().body, "a");
    EXPECT_TRUE(busy.closes());
}

TEST(Deadlines, CutAPeerThatDoesNotReadItsAnswers) {
    http_config config = unhurried();
    config.write_deadline = 100ms;
    test_server server(config);
    wire_client client(server.port());
    for (int i = 0; i < 8; ++i) client.send(get("/large"));
    EXPECT_TRUE(server.wait_for_connections(1));
    EXPECT_TRUE(server.wait_for_connections(0));
    EXPECT_TRUE(serves_a_good_request(server.port()));
}

TEST(Deadlines, LetAPeerTakeItsTimeAsLongAsItReads) {
    http_config config = unhurried();
    config.write_deadline = 10s;
    test_server server(config);
    wire_client client(server.port());
    for (int i = 0; i < 4; ++i) client.send(get("/large"));
    server.settle();
    for (int i = 0; i < 4; ++i) EXPECT_EQ(client.read_answer().body.size(), 4U * 1024 * 1024);
}

}  // namespace
}  // namespace sluice::http
