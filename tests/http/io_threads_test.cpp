#include "server/runtime/context_thread.hpp"
#include "tests/http/wire_fixture.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

asio::awaitable<response> thread_name(request, path_values) {
    response answer;
    answer.body = std::to_string(std::hash<std::thread::id>{}(std::this_thread::get_id()));
    co_return answer;
}

/// Answers when it is asked to stop.
asio::awaitable<response> wait_for_stop(request r, path_values) {
    notifier changed(co_await asio::this_coro::executor);
    const std::stop_callback wake(r.stop, [&changed] { changed.notify_all(); });
    while (!r.stop.stop_requested()) co_await changed.wait();
    response answer;
    answer.body = "stopped";
    co_return answer;
}

http_config on_any_port() {
    http_config config;
    config.port = 0;
    return config;
}

/// A server whose connections are on threads of their own.
class spread_server {
public:
    explicit spread_server(http_config config = on_any_port(), std::size_t threads = 3) {
        std::vector<server_part> all;
        for (std::size_t i = 0; i < threads; ++i) {
            part& p = parts_.emplace_back();
            p.routes.add("GET", "/thread", {.needs = scope::read}, thread_name);
            p.routes.add("GET", "/wait", {.needs = scope::read}, wait_for_stop);
            all.push_back({p.thread.context(), p.routes});
        }
        server_.emplace(home_.context(), all, std::move(config), log_);
    }
    ~spread_server() {
        if (started_) stop(0ms);
        home_.stop();
        for (part& p : parts_) p.thread.stop();
    }

    std::uint16_t start() {
        const auto port = server_->listen().port();
        for (part& p : parts_) p.thread.start();
        home_.start();
        started_ = true;
        return port;
    }

    bool stop(std::chrono::milliseconds grace) {
        auto stopping = server_->stop(grace);
        return asio::co_spawn(home_.context(), std::move(stopping), asio::use_future)
                   .wait_for(5s) == std::future_status::ready;
    }

    std::size_t connections() const { return server_->connections(); }

private:
    struct part {
        context_thread thread{"part", [](const std::exception_ptr&) { ADD_FAILURE(); }};
        router routes;
    };
    logger log_{log_level::error, logger::format::json, false};
    std::deque<part> parts_;
    context_thread home_{"home", [](const std::exception_ptr&) { ADD_FAILURE(); }};
    std::optional<server> server_;
    bool started_ = false;
};

TEST(IoThreads, ShareTheConnectionsAndKeepEachOnItsThread) {
    spread_server server;
    const auto port = server.start();
    std::set<std::string> seen;
    for (int i = 0; i < 64; ++i) {
        wire_client client(port);
        std::set<std::string> of_one;
        for (int k = 0; k < 3; ++k) {
            client.send(get("/thread"));
            of_one.insert(client.read_answer().body);
        }
        EXPECT_EQ(of_one.size(), 1U);
        seen.merge(of_one);
    }
    // By a hash of both ports: that one of three gets none of 64 has odds of 1 to 10^11.
    EXPECT_EQ(seen.size(), 3U);

    spread_server control(on_any_port(), 1);
    const auto lone = control.start();
    seen.clear();
    for (int i = 0; i < 8; ++i) {
        wire_client client(lone);
        client.send(get("/thread"));
        seen.insert(client.read_answer().body);
    }
    EXPECT_EQ(seen.size(), 1U);
}

/// How many of so many clients are served at one time.
int served_of(int clients, std::uint16_t port) {
    std::deque<wire_client> open;
    int served = 0;
    for (int i = 0; i < clients; ++i) {
        auto& client = open.emplace_back(port);
        client.send(get("/thread"));
        served += client.read_answer().status == 200;  // a refusal may get lost
    }
    return served;
}

TEST(IoThreads, HoldTheLimitOfConnectionsTogether) {
    auto config = on_any_port();
    config.connections_max = 5;
    spread_server server(config);
    EXPECT_EQ(served_of(24, server.start()), 5);
}

/// The soft limit of descriptors, for as long as this lives.
class descriptor_limit {
public:
    explicit descriptor_limit(rlim_t most) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        auto less = before_;
        less.rlim_cur = most;
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &less), 0);
    }
    ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    descriptor_limit(const descriptor_limit&) = delete;
    descriptor_limit& operator=(const descriptor_limit&) = delete;

private:
    rlimit before_{};
};

TEST(IoThreads, LeaveDescriptorsForOneAnother) {
    std::vector<int> served;
    for (const std::size_t threads : {1U, 3U}) {
        std::optional<spread_server> server;
        {
            const descriptor_limit few(200);
            server.emplace(on_any_port(), threads);
        }
        served.push_back(served_of(200, server->start()));
    }
    EXPECT_EQ(served, (std::vector{200 - 64, 200 - 64 - 2 * 5}));
}

TEST(IoThreads, EndTogetherWhenTheServerStops) {
    spread_server server;
    const auto port = server.start();
    std::deque<wire_client> clients;
    for (int i = 0; i < 24; ++i) clients.emplace_back(port).send(get("/wait"));
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (server.connections() < 24 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    EXPECT_EQ(server.connections(), 24U);
    EXPECT_TRUE(server.stop(3s));
    for (auto& client : clients) {
        EXPECT_EQ(client.read_answer().body, "stopped");
        EXPECT_TRUE(client.closes());
    }
    EXPECT_EQ(server.connections(), 0U);
}

/// A socket that listens at `port` and shares it from the start.
bool joins(std::uint16_t port, int& fd) {
    fd = ::socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
           ::listen(fd, 1) == 0;
}

TEST(IoThreads, DoNotJoinThePortOfAnotherServer) {
    spread_server first;
    http_config same;
    same.port = first.start();
    spread_server second(same);
    EXPECT_THROW(second.start(), boost::system::system_error);
    // Control: whoever shares from the start gets in.
    int fd = -1;
    EXPECT_TRUE(joins(same.port, fd));
    ::close(fd);
}

}  // namespace
}  // namespace sluice::http
