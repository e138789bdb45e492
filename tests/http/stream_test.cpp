#include "tests/http/wire_fixture.hpp"

#include <gtest/gtest.h>
#include <boost/asio/this_coro.hpp>

#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t large_piece = 32 * 1024;
constexpr std::size_t whole_piece = 0x1000000;  // more than the kernel takes at once

/// A stream that sends what the test tells it to.
struct tap {
    tap(const asio::any_io_executor& executor, std::stop_token s, int& count)
        : stop(std::move(s)), changed(executor), open(count) {
        ++open;
    }
    ~tap() { --open; }
    tap(const tap&) = delete;
    tap& operator=(const tap&) = delete;

    asio::awaitable<std::optional<std::string>> next() {
        const std::stop_callback wake(stop, [this] { changed.notify_all(); });
        while (pieces.empty() && !over && !stop.stop_requested()) co_await changed.wait();
        if (fails) throw std::runtime_error("the well is dry");
        if (pieces.empty()) co_return std::nullopt;
        auto piece = std::move(pieces.front());
        pieces.pop_front();
        co_return piece;
    }

    std::stop_token stop;
    notifier changed;
    int& open;
    std::deque<std::string> pieces;
    bool over = false;
    bool fails = false;
};

/// GET /tap streams; so do GET /flood, without an end and without waiting, and GET /whole, one
/// piece at once.
class Stream : public ::testing::Test {
public:
    explicit Stream(http_config config = {})
        : server(std::move(config), [this](router& routes) { add_routes(routes); }) {}

    void give(std::string piece) {
        change([&](tap& t) { t.pieces.push_back(std::move(piece)); });
    }
    void end() {
        change([](tap& t) { t.over = true; });
    }
    void change(const std::function<void(tap&)>& how) {
        server.on_thread([&](auto&) {
            const auto t = latest.lock();
            if (!t) return;
            how(*t);
            t->changed.notify_all();
        });
    }
    bool wait_for_open(int count) {
        return server.wait_until([&](auto&) { return open == count; });
    }

    int open = 0;
    std::weak_ptr<tap> latest;
    std::size_t flooded = 0;  ///< pieces that were asked for
    test_server server;

private:
    void add_routes(router& routes) {
        routes.add("GET", "/tap", {}, [this](request r, path_values) { return open_tap(r.stop); });
        routes.add("GET", "/always", {.streams = true},
                   [this](request r, path_values) { return open_tap(r.stop); });
        routes.add("GET", "/flood", {}, [this](request, path_values) { return open_flood(); });
        routes.add("GET", "/whole", {}, [this](request, path_values) { return open_whole(); });
    }
    asio::awaitable<response> open_tap(std::stop_token stop) {
        const auto executor = co_await asio::this_coro::executor;
        const auto t = std::make_shared<tap>(executor, std::move(stop), open);
        latest = t;
        response answer;
        answer.content_type = "text/event-stream";
        answer.stream = [t] { return t->next(); };
        co_return answer;
    }
    asio::awaitable<response> open_flood() {
        response answer;
        answer.stream = [this] { return flood(); };
        co_return answer;
    }
    asio::awaitable<response> open_whole() {
        response answer;
        answer.stream = [this] { return whole(); };
        co_return answer;
    }
    asio::awaitable<std::optional<std::string>> whole() {
        if (++flooded > 1) co_return std::nullopt;
        co_return std::string(whole_piece, 'x');
    }
    asio::awaitable<std::optional<std::string>> flood() {
        ++flooded;
        co_return std::string(large_piece, 'x');
    }
};

TEST_F(Stream, ComesPieceByPieceAndClosesAtItsEnd) {
    wire_client client(server.port());
    client.send(get("/tap"));
    const auto head = client.read_through("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
    EXPECT_NE(head.find("\r\nContent-Type: text/event-stream\r\n"), std::string::npos);
    EXPECT_NE(head.find("\r\nTransfer-Encoding: chunked\r\n"), std::string::npos);
    EXPECT_NE(head.find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_EQ(head.find("Content-Length"), std::string::npos);
    give("one");
    EXPECT_EQ(client.read_through("one\r\n"), "3\r\none\r\n");
    give(std::string(26, 'z'));
    EXPECT_EQ(client.read_through("z\r\n"), "1a\r\n" + std::string(26, 'z') + "\r\n");
    end();
    EXPECT_EQ(client.read_through("\r\n\r\n"), "0\r\n\r\n");
    EXPECT_TRUE(client.closes());
    EXPECT_TRUE(wait_for_open(0));
}

TEST_F(Stream, IsSentOnceWhenItsFirstPieceDoesNotFitInAtOnce) {
    wire_client client(server.port());
    client.send(get("/whole"));
    client.read_through("\r\n\r\n");
    const auto body = client.read_through("\r\n0\r\n\r\n");
    EXPECT_EQ(body.size(), std::string("1000000\r\n").size() + whole_piece + 7);
    EXPECT_TRUE(client.closes());
}

TEST_F(Stream, IsItsHeadAloneInTheAnswerToHead) {
    wire_client client(server.port());
    client.send("HEAD /tap HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/things/1"));
    const auto answer = client.read_answer(true);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.field("Transfer-Encoding"), "chunked");
    EXPECT_EQ(answer.field("Connection"), "");
    EXPECT_EQ(client.read_answer().body, "1");
    EXPECT_TRUE(wait_for_open(0));
}

TEST_F(Stream, EndsWithTheConnectionInHttp10) {
    wire_client client(server.port());
    client.send("GET /tap HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto head = client.read_through("\r\n\r\n");
    EXPECT_EQ(head.find("Transfer-Encoding"), std::string::npos);
    EXPECT_NE(head.find("\r\nConnection: close\r\n"), std::string::npos);
    give("one");
    EXPECT_EQ(client.read_through("one"), "one");
    give("two");
    end();
    EXPECT_EQ(client.read_through("two"), "two");
    EXPECT_TRUE(client.closes());
}

TEST_F(Stream, EndsWhenTheServerDrains) {
    wire_client client(server.port());
    client.send(get("/tap"));
    client.read_through("\r\n\r\n");
    server.on_thread([](auto& s) { s.begin_drain(); });
    EXPECT_EQ(client.read_through("\r\n\r\n"), "0\r\n\r\n");
    EXPECT_TRUE(client.closes());
    EXPECT_TRUE(server.stop(5s));
}

TEST_F(Stream, EndsWhenThePeerGoes) {
    {
        wire_client client(server.port());
        client.send(get("/tap"));
        EXPECT_NE(client.read_through("\r\n\r\n"), "");
        EXPECT_TRUE(wait_for_open(1));
    }
    EXPECT_TRUE(wait_for_open(0));
    wire_client rude(server.port());
    rude.send(get("/tap"));
    EXPECT_NE(rude.read_through("\r\n\r\n"), "");
    rude.reset();
    EXPECT_TRUE(wait_for_open(0));
    EXPECT_TRUE(server.wait_for_connections(0));
    wire_client half(server.port());
    half.send(get("/tap"));
    EXPECT_NE(half.read_through("\r\n\r\n"), "");
    half.shut_down_sending();
    EXPECT_EQ(half.read_through("\r\n\r\n"), "0\r\n\r\n");
    EXPECT_TRUE(half.closes());
}

TEST_F(Stream, ThatBreaksOffHasNoLastChunk) {
    wire_client client(server.port());
    client.send(get("/tap"));
    client.read_through("\r\n\r\n");
    give("one");
    EXPECT_EQ(client.read_through("one\r\n"), "3\r\none\r\n");
    change([](tap& t) { t.over = t.fails = true; });
    EXPECT_EQ(client.read_through("\r\n"), "");
    EXPECT_TRUE(client.closes());
    EXPECT_TRUE(serves_a_good_request(server.port()));
}

TEST_F(Stream, IsTheLastAnswerOfItsConnection) {
    wire_client client(server.port());
    client.send(get("/things/1") + get("/tap") + get("/things/2"));
    EXPECT_EQ(client.read_answer().body, "1");
    client.read_through("\r\n\r\n");
    EXPECT_TRUE(wait_for_open(1));
    client.send(post("/hold/late"));
    server.settle();
    give("one");
    end();
    EXPECT_EQ(client.read_through("0\r\n\r\n"), "3\r\none\r\n0\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 0);
    EXPECT_TRUE(client.closes());
    EXPECT_TRUE(server.begun().empty());
}

class QuickStream : public Stream {
public:
    QuickStream() : Stream(config()) {}
    static http_config config() {
        http_config quick;
        quick.keep_alive = quick.head_deadline = quick.write_deadline = 100ms;
        return quick;
    }
};

TEST_F(QuickStream, MayBeQuietForLongerThanAConnectionMayBeIdle) {
    wire_client client(server.port());
    client.send(get("/tap"));
    client.read_through("\r\n\r\n");
    for (int i = 0; i < 2; ++i) {
        wire_client idle(server.port());
        idle.send(get("/things/1"));
        EXPECT_TRUE(idle.closes());
    }
    give("one");
    EXPECT_EQ(client.read_through("one\r\n"), "3\r\none\r\n");
}

/// What the sockets of both ends may hold, with a margin.
constexpr std::size_t flood_max = std::size_t{48} * 1024 * 1024;

TEST_F(QuickStream, OfAPeerThatDoesNotReadWaitsAndIsCut) {
    wire_client client(server.port());
    client.send(get("/flood"));
    EXPECT_TRUE(server.wait_until([&](auto&) { return flooded > 0; }));
    EXPECT_TRUE(server.wait_for_connections(0));
    EXPECT_LT(flooded * large_piece, flood_max);
    EXPECT_TRUE(serves_a_good_request(server.port()));
}

TEST_F(QuickStream, OfAPeerThatReadsGoesOn) {
    wire_client client(server.port());
    client.send(get("/flood"));
    client.read_through("\r\n\r\n");
    const std::string end_of_piece = "x\r\n";
    for (std::size_t read = 0; read < flood_max + flood_max / 4; read += large_piece)
        ASSERT_NE(client.read_through(end_of_piece), "") << read;
    EXPECT_TRUE(server.wait_for_connections(1));
}

class FewStreams : public Stream {
public:
    FewStreams() : Stream(config()) {}
    static http_config config() {
        http_config few;
        few.streams_max = 1;
        return few;
    }
};

TEST_F(FewStreams, AreBoundedAndFreeTheirPlaces) {
    wire_client second(server.port());
    {
        wire_client first(server.port());
        first.send(get("/tap"));
        EXPECT_NE(first.read_through("\r\n\r\n"), "");
        second.send(get("/tap"));
        const auto refused = second.read_answer();
        EXPECT_EQ(refused.status, 503);
        EXPECT_EQ(refused.field("Retry-After"), "1");
        EXPECT_NE(refused.body.find("overloaded"), std::string::npos) << refused.body;
        second.send("HEAD /tap HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/things/1"));
        EXPECT_EQ(second.read_answer(true).status, 200);
        EXPECT_EQ(second.read_answer().body, "1");
    }
    EXPECT_TRUE(wait_for_open(0));
    second.send(get("/tap"));
    EXPECT_TRUE(second.read_through("\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(Stream, IsNotForPagesOfOtherSites) {
    const auto status = [&](const std::string& target, const std::string& fields) {
        wire_client client(server.port());
        client.send(get(target, fields));
        return client.read_answer(true).status;
    };
    const std::string stream = "Accept: text/event-stream\r\n";
    EXPECT_EQ(status("/tap", stream + "Origin: http://evil.example\r\n"), 403);
    EXPECT_EQ(status("/tap", stream + "Origin: null\r\n"), 403);
    EXPECT_EQ(status("/tap", stream + "Sec-Fetch-Site: cross-site\r\n"), 403);
    EXPECT_EQ(status("/always", "Origin: http://evil.example\r\n"), 403);
    EXPECT_EQ(status("/tap", stream + "Origin: http://localhost\r\n"), 200);
    EXPECT_EQ(status("/tap", stream + "Sec-Fetch-Site: same-origin\r\n"), 200);
    EXPECT_EQ(status("/always", ""), 200);
    // As before: what does not stream and changes nothing is kept from others by the browser.
    EXPECT_EQ(status("/things/1", "Origin: http://evil.example\r\n"), 200);
}

}  // namespace
}  // namespace sluice::http
