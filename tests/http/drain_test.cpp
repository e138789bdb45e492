#include "tests/http/wire_fixture.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

const std::string get_one = get("/things/1");

TEST(Drain, AsksRequestsToStopAnswersThemAndCloses) {
    test_server server;
    wire_client client(server.port());
    client.send(post("/hold/a") + post("/hold/b"));
    ASSERT_TRUE(server.wait_for_held(2));
    server.on_thread([](auto& s) { s.begin_drain(); });
    const wire_answer first = client.read_answer();
    EXPECT_EQ(first.body, "stopped");
    EXPECT_EQ(first.field("Connection"), "");
    const wire_answer second = client.read_answer();
    EXPECT_EQ(second.body, "stopped");
    EXPECT_EQ(second.field("Connection"), "close");
    EXPECT_TRUE(client.closes());
    EXPECT_THROW(wire_client(server.port()), std::runtime_error);
}

TEST(Drain, StillAnswersARequestThatWasOnItsWay) {
    test_server server;
    wire_client idle(server.port());
    wire_client halfway(server.port());
    halfway.send(get_one.substr(0, 20));
    ASSERT_TRUE(server.wait_for_connections(2));
    server.settle();
    server.on_thread([](auto& s) { s.begin_drain(); });
    idle.send(get_one);
    const wire_answer answer = idle.read_answer();
    EXPECT_EQ(answer.body, "1");
    EXPECT_EQ(answer.field("Connection"), "close");
    halfway.send(get_one.substr(20));
    EXPECT_EQ(halfway.read_answer().field("Connection"), "close");
    EXPECT_TRUE(server.stop(5s));
}

TEST(Drain, ClosesIdleConnectionsByItself) {
    test_server server;
    wire_client client(server.port());
    client.send(get_one);
    EXPECT_EQ(client.read_answer().status, 200);
    EXPECT_TRUE(server.stop(5s));
    EXPECT_TRUE(client.closes());
}

TEST(Drain, CutsWhoeverIsLeftAfterTheGrace) {
    test_server server;
    wire_client stalled(server.port());
    for (int i = 0; i < 4; ++i) stalled.send(get("/large"));
    wire_client halfway(server.port());
    halfway.send(get_one.substr(0, 20));
    ASSERT_TRUE(server.wait_for_connections(2));
    server.settle();
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_TRUE(server.stop(50ms));
    EXPECT_GE(std::chrono::steady_clock::now() - begun, 50ms);
    EXPECT_TRUE(server.wait_for_connections(0));
}

TEST(Drain, MayBeBegunTwice) {
    test_server server;
    server.on_thread([](auto& s) {
        s.begin_drain();
        s.begin_drain();
    });
    EXPECT_TRUE(server.stop(1s));
    EXPECT_TRUE(server.stop(1s));
}

TEST(Host, OfALoopbackServerIsOneOfItsNames) {
    http_config config;
    config.allowed_hosts = {"Jobs.Example", "other:8443"};
    test_server server(config);
    wire_client client(server.port());
    const auto status_for = [&](const std::string& host) {
        client.send("GET /things/1 HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
        return client.read_answer().status;
    };
    for (const char* own : {"localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8080", "[::1]",
                            "[::1]:8080", "jobs.example", "other"})
        EXPECT_EQ(status_for(own), 200) << own;
    for (const char* foreign : {"evil.example", "127.0.0.2", "localhost.", "example", "[::2]"})
        EXPECT_EQ(status_for(foreign), 421) << foreign;
}

TEST(Host, OfAPublicServerIsAnyUnlessConfigured) {
    http_config config;
    config.host = "0.0.0.0";
    const std::string request = "GET /things/1 HTTP/1.1\r\nHost: any.example\r\n\r\n";
    test_server open(config);
    wire_client to_open(open.port());
    to_open.send(request);
    EXPECT_EQ(to_open.read_answer().status, 200);
    config.allowed_hosts = {"jobs.example"};
    test_server strict(config);
    wire_client to_strict(strict.port());
    to_strict.send(request);
    EXPECT_EQ(to_strict.read_answer().status, 421);
}

TEST(Listen, TakesNamesAndRefusesAPortInUse) {
    http_config config;
    config.host = "localhost";
    test_server server(config);
    EXPECT_TRUE(serves_a_good_request(server.port()));
    asio::io_context context;
    const router routes;
    logger log(log_level::error, logger::format::json, false);
    config.host = "127.0.0.1";
    config.port = server.port();
    http::server second(context, routes, config, log);
    EXPECT_THROW(second.listen(), boost::system::system_error);
}

}  // namespace
}  // namespace sluice::http
