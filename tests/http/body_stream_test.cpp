#include "server/http/body_stream.hpp"
#include "tests/http/wire_fixture.hpp"

#include <gtest/gtest.h>
#include <boost/asio/this_coro.hpp>

#include <string>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view streamed =
    "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n";

std::string chunk(const std::string& text) {
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    return size + text + "\r\n";
}

std::string_view name_of(body_end end) {
    switch (end) {
        case body_end::whole:
            return "whole";
        case body_end::broken:
            return "broken";
        case body_end::stalled:
            return "stalled";
        case body_end::open:
            break;
    }
    return "open";
}

/// POST /parrot says back what comes, piece by piece, and at last how the body ended.
class BodyStream : public ::testing::Test {
public:
    explicit BodyStream(http_config config = {})
        : server(std::move(config), [this](router& routes) {
              routes.add("POST", "/parrot", {.takes_stream = true},
                         [this](request r, path_values) { return parrot(std::move(r)); });
              routes.add("POST", "/deaf", {.takes_stream = true},
                         [](request, path_values) { return say_no(); });
          }) {}

    static asio::awaitable<response> say_no() {
        response answer;
        answer.status = 400;
        co_return answer;
    }

    asio::awaitable<response> parrot(request r) {
        response answer;
        if (!r.stream) {
            answer.body = "plain " + r.body;
            co_return answer;
        }
        answer.stream = [this, body = r.stream, stop = r.stop, said = false]() mutable {
            return say_back(body, stop, said);
        };
        answer.after_stream = [this]() -> asio::awaitable<void> {
            ++left;
            co_return;
        };
        co_return answer;
    }

    asio::awaitable<std::optional<std::string>> say_back(std::shared_ptr<body_stream> body,
                                                         std::stop_token stop, bool& said) {
        const std::stop_callback stopped(stop, [body] { body->close(); });
        while (mute) co_await hush();
        auto piece = co_await body->next();
        if (piece) taken += piece->size();
        if (!piece && !std::exchange(said, true)) piece = std::string(name_of(body->end()));
        co_return piece;
    }

    asio::awaitable<void> hush() {
        const auto executor = co_await asio::this_coro::executor;
        asio::steady_timer pause(executor, 1ms);
        co_await pause.async_wait(asio::use_awaitable);
    }

    bool mute = false;
    std::size_t taken = 0;
    int left = 0;
    test_server server;
};

TEST_F(BodyStream, ComesAsItIsSentAndIsAnsweredMeanwhile) {
    wire_client client(server.port());
    client.send(post("/parrot", std::string(streamed)));
    EXPECT_NE(client.read_through("\r\n\r\n").find("200 OK"), std::string::npos);
    for (const std::string piece : {"one\n", "two\n", "three\n"}) {
        client.send(chunk(piece));
        EXPECT_EQ(client.read_through(piece + "\r\n"), chunk(piece));
    }
    client.send("0\r\n\r\n");
    EXPECT_EQ(client.read_through("0\r\n\r\n"), chunk("whole") + "0\r\n\r\n");
    EXPECT_TRUE(client.closes());
    EXPECT_TRUE(server.wait_until([this](auto&) { return left == 1; }));
}

TEST_F(BodyStream, MayHaveAKnownLengthOrNone) {
    for (const std::string text : {"four", ""}) {
        wire_client client(server.port());
        client.send(post("/parrot", "Content-Type: application/x-ndjson\r\nContent-Length: " +
                                        std::to_string(text.size()) + "\r\n") +
                    text);
        const auto all = client.read_through("0\r\n\r\n");
        EXPECT_NE(all.find(chunk("whole")), std::string::npos) << all;
        if (!text.empty()) {
            EXPECT_NE(all.find(chunk(text)), std::string::npos) << all;
        }
    }
}

TEST_F(BodyStream, IsOneOnlyWhereItIsTakenAndOfItsMediaType) {
    wire_client client(server.port());
    client.send(post_body("/parrot", "{}"));
    EXPECT_EQ(client.read_answer().body, "plain {}");
    client.send(post("/echo", "Content-Type: application/x-ndjson\r\nContent-Length: 2\r\n") +
                "{}");
    EXPECT_EQ(client.read_answer().status, 400);
}

TEST_F(BodyStream, IsAskedForWhenItsSenderWantsThat) {
    wire_client client(server.port());
    client.send(post("/parrot", std::string(streamed) + "Expect: 100-continue\r\n"));
    EXPECT_NE(client.read_through("\r\n\r\n").find("100 Continue"), std::string::npos);
    client.send(chunk("x") + "0\r\n\r\n");
    EXPECT_NE(client.read_through("0\r\n\r\n").find(chunk("x")), std::string::npos);
}

TEST_F(BodyStream, WaitsItsTurnAndEndsItsConnection) {
    wire_client client(server.port());
    client.send(get("/things/1") + post("/parrot", std::string(streamed)) + chunk("a") +
                "0\r\n\r\n" + get("/things/2"));
    EXPECT_EQ(client.read_answer().body, "1");
    const auto rest = client.read_through("0\r\n\r\n");
    EXPECT_NE(rest.find(chunk("a")), std::string::npos) << rest;
    EXPECT_TRUE(client.closes());
}

/// A handler that takes nothing keeps its peer from sending more than the buffers between hold.
TEST_F(BodyStream, HoldsBackAPeerWhoseHandlerIsBusy) {
    mute = true;
    wire_client client(server.port());
    client.send(post("/parrot", std::string(streamed)));
    const auto much = chunk(std::string(1024 * 1024, 'x'));
    std::thread sender([&] {
        for (int i = 0; i < 32; ++i)
            if (!client.send(much)) return;
        client.send("0\r\n\r\n");
    });
    EXPECT_TRUE(server.wait_for_connections(1));
    server.settle();
    std::size_t held = 0;
    server.on_thread([&](auto&) { held = taken; });
    EXPECT_EQ(held, 0U);
    server.on_thread([&](auto&) { mute = false; });
    EXPECT_NE(client.read_through("whole"), "");
    sender.join();
    server.on_thread([&](auto&) { held = taken; });
    EXPECT_EQ(held, 32U * 1024 * 1024);
}

TEST_F(BodyStream, ThatNobodyReadsEndsItsConnection) {
    wire_client client(server.port());
    client.send(post("/deaf", std::string(streamed)) + chunk(std::string(60'000, 'x')));
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.field("Connection"), "close");
    EXPECT_TRUE(client.closes());
    EXPECT_TRUE(server.wait_for_connections(0));
}

TEST_F(BodyStream, ThatIsNoneIsBroken) {
    wire_client client(server.port());
    client.send(post("/parrot", std::string(streamed)) + chunk("a") + "zz\r\n");
    const auto all = client.read_through("0\r\n\r\n");
    EXPECT_NE(all.find("broken"), std::string::npos) << all;
    EXPECT_TRUE(client.closes());
}

TEST_F(BodyStream, EndsWhenItsPeerGoes) {
    for (const bool rudely : {false, true}) {
        wire_client client(server.port());
        client.send(post("/parrot", std::string(streamed)) + chunk("a"));
        EXPECT_NE(client.read_through(chunk("a")), "");
        if (rudely)
            client.reset();
        else
            client.shut_down_sending();
        EXPECT_TRUE(server.wait_until([&](auto&) { return left == (rudely ? 2 : 1); }));
    }
    EXPECT_TRUE(server.wait_for_connections(0));
}

TEST_F(BodyStream, EndsWhenTheServerDrains) {
    wire_client client(server.port());
    client.send(post("/parrot", std::string(streamed)) + chunk("a"));
    EXPECT_NE(client.read_through(chunk("a")), "");
    server.on_thread([](auto& s) { s.begin_drain(); });
    EXPECT_EQ(client.read_through("0\r\n\r\n"), chunk("open") + "0\r\n\r\n");
    EXPECT_TRUE(client.closes());
    EXPECT_TRUE(server.stop(5s));
}

class ImpatientBodyStream : public BodyStream {
public:
    ImpatientBodyStream() : BodyStream(impatient()) {}
    static http_config impatient() {
        http_config config;
        config.stream_stall_deadline = 150ms;
        config.write_deadline = 300ms;
        return config;
    }
};

TEST_F(ImpatientBodyStream, EndsWhenNothingComesForTooLong) {
    wire_client client(server.port());
    client.send(post("/parrot", std::string(streamed)) + chunk("a"));
    EXPECT_NE(client.read_through(chunk("a")), "");
    EXPECT_EQ(client.read_through("0\r\n\r\n"), chunk("stalled") + "0\r\n\r\n");
    EXPECT_TRUE(client.closes());
}

/// What comes back fills the way to a peer that reads nothing; then nothing is read from it either.
TEST_F(ImpatientBodyStream, IsCutWhenWhatItIsAnsweredIsNotTaken) {
    wire_client client(server.port());
    client.send(post("/parrot", std::string(streamed)));
    const auto much = chunk(std::string(1024 * 1024, 'x'));
    bool cut = false;
    for (int i = 0; i < 64 && !cut; ++i) cut = !client.send(much);
    EXPECT_TRUE(cut);
    EXPECT_TRUE(server.wait_until([this](auto&) { return left == 1; }));
    EXPECT_TRUE(server.wait_for_connections(0));
}

}  // namespace
}  // namespace sluice::http
