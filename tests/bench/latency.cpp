#include "proto/time.hpp"
#include "tests/bench/load.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>

namespace sluice::bench {
namespace asio = boost::asio;
using asio::ip::tcp;
using steady = std::chrono::steady_clock;

namespace {

timestamp wall_now() {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
}

/// One connection that sends a request and reads lines or bodies.
class connection {
public:
    connection(asio::io_context& context, std::uint16_t port) : socket_(context) {
        socket_.connect({asio::ip::address_v4::loopback(), port});
        socket_.set_option(tcp::no_delay(true));
    }
    asio::awaitable<void> send(std::string text) {
        co_await asio::async_write(socket_, asio::buffer(text), asio::use_awaitable);
    }
    asio::awaitable<std::string> line() {
        const auto size = co_await asio::async_read_until(socket_, asio::dynamic_buffer(buffer_),
                                                          "\r\n", asio::use_awaitable);
        auto text = buffer_.substr(0, size - 2);
        buffer_.erase(0, size);
        co_return text;
    }
    asio::awaitable<std::string> bytes(std::size_t count) {
        while (buffer_.size() < count) {
            char piece[16384];
            const auto room = asio::buffer(piece);
            const auto size = co_await socket_.async_read_some(room, asio::use_awaitable);
            buffer_.append(piece, size);
        }
        auto text = buffer_.substr(0, count);
        buffer_.erase(0, count);
        co_return text;
    }
    asio::awaitable<std::string> http_body() {
        std::size_t length = 0;
        for (;;) {
            const auto field = co_await line();
            if (field.empty()) break;
            if (field.starts_with("Content-Length: ")) length = std::stoul(field.substr(16));
        }
        auto body = co_await bytes(length);
        co_return body;
    }

private:
    tcp::socket socket_;
    std::string buffer_;
};

/// Calls `create(i)` at a constant rate, whatever the answers do.
template <class Create>
asio::awaitable<void> at_rate(double rate, std::size_t count, Create* create) {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor);
    const auto begun = steady::now();
    for (std::size_t i = 0; i < count; ++i) {
        timer.expires_at(begun + std::chrono::duration_cast<steady::duration>(
                                     std::chrono::duration<double>(static_cast<double>(i) / rate)));
        co_await timer.async_wait(asio::use_awaitable);
        co_await (*create)();
    }
}

void rethrow(std::exception_ptr fault) {
    if (fault) std::rethrow_exception(fault);
}

asio::awaitable<void> take_from_redis(connection* from, std::size_t count,
                                      std::vector<double>* out) {
    for (std::size_t i = 0; i < count; ++i) {
        co_await from->send("*3\r\n$5\r\nBRPOP\r\n$3\r\nlat\r\n$1\r\n0\r\n");
        for (int part = 0; part < 3; ++part) co_await from->line();  // "*2", "$3", "lat"
        const auto size = co_await from->line();
        const auto item = co_await from->line();
        const auto created = std::chrono::microseconds{std::stoll(item)};
        out->push_back(static_cast<double>((wall_now().time_since_epoch() - created).count()));
    }
}

struct redis_producer {
    connection* to;
    asio::awaitable<void> operator()() {
        auto item = std::to_string(wall_now().time_since_epoch().count());
        item.resize(100, ' ');
        auto request = "*3\r\n$5\r\nLPUSH\r\n$3\r\nlat\r\n$100\r\n" + item + "\r\n";
        co_await to->send(std::move(request));
        co_await to->line();
    }
};

struct sluice_producer {
    connection* to;
    std::string queue;
    std::string durability;
    asio::awaitable<void> operator()() {
        const auto body = R"({"type":"sluice.echo","args":[")" + std::string(100, 'x') +
                          R"("],"options":{"queue":")" + queue + R"(","durability":")" +
                          durability + R"(","produced_at":")" + format_timestamp(wall_now()) +
                          R"("}})";
        auto request =
            "POST /ojs/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Content-Length: " +
            std::to_string(body.size()) + "\r\n\r\n" + body;
        co_await to->send(std::move(request));
        co_await to->http_body();
    }
};

std::string events_request(const std::string& queue, std::uint64_t after, std::size_t limit) {
    return "GET /ojs/v1/events?types=job.completed&queues=" + queue +
           "&after=" + std::to_string(after) + "&limit=" + std::to_string(limit) +
           "&wait_ms=5000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

/// The server stamps the start; producer and server read the same machine's clock.
asio::awaitable<void> read_starts(connection* from, std::string queue, std::size_t count,
                                  std::vector<double>* out) {
    std::uint64_t after = 0;
    while (out->size() < count) {
        auto request = events_request(queue, after, 1000);
        co_await from->send(std::move(request));
        const auto body = co_await from->http_body();
        const auto page = nlohmann::json::parse(body);
        after = page.at("last_id").get<std::uint64_t>();
        if (page.at("gap").get<bool>() && after > 0 && page.at("events").empty())
            throw std::runtime_error("events were dropped");
        for (const auto& event : page.at("events")) {
            const auto& timeline = event.at("data").at("timeline");
            const auto created = parse_timestamp(timeline.at("produced_at").get<std::string>());
            const auto started = parse_timestamp(timeline.at("started_at").get<std::string>());
            out->push_back(static_cast<double>((*started - *created).count()));
        }
    }
}

}  // namespace

std::vector<double> redis_latency(std::uint16_t port, double rate, std::size_t count) {
    asio::io_context context(1);
    connection in(context, port);
    connection out(context, port);
    std::vector<double> latencies;
    redis_producer create{&in};
    asio::co_spawn(context, take_from_redis(&out, count, &latencies), rethrow);
    asio::co_spawn(context, at_rate(rate, count, &create), rethrow);
    context.run();
    std::sort(latencies.begin(), latencies.end());
    return latencies;
}

std::vector<double> sluice_latency(std::uint16_t port, double rate, std::size_t count,
                                   const std::string& durability, const counting& when) {
    asio::io_context context(1);
    connection in(context, port);
    std::vector<double> latencies;
    // A queue for each run: events of an earlier one must not be counted again.
    static int runs = 0;
    const auto queue = "lat-" + std::to_string(++runs);
    sluice_producer create{&in, queue, durability};
    const auto not_counted =
        static_cast<std::size_t>(rate * std::chrono::duration<double>(when.lead_in).count());
    const auto send = [&](std::size_t jobs) {
        asio::co_spawn(context, at_rate(rate, jobs, &create), rethrow);
        context.run();
        context.restart();
    };
    send(not_counted);
    when.begins();
    send(count);
    when.ends();
    // Read afterwards: whoever watches must not slow down what is watched. The lead-in's come
    // first.
    connection out(context, port);
    std::vector<double> all;
    const auto read = [&] {
        asio::co_spawn(context, read_starts(&out, queue, not_counted + count, &all), rethrow);
        context.run();
    };
    read();
    latencies.assign(all.end() - static_cast<std::ptrdiff_t>(count), all.end());
    std::sort(latencies.begin(), latencies.end());
    return latencies;
}

}  // namespace sluice::bench
