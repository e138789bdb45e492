#include "tests/bench/load.hpp"

#include "tests/bench/wire.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <stdexcept>
#include <thread>

namespace sluice::bench {
namespace asio = boost::asio;
using asio::ip::tcp;
using steady = std::chrono::steady_clock;

namespace {

asio::awaitable<void> one_connection(asio::io_context* context, std::uint16_t port, protocol peer,
                                     steady::time_point end, std::uint64_t first,
                                     std::uint64_t step, std::uint64_t* done) {
    wire connection(*context);
    co_await connection.open(port, peer.greeting);
    for (auto number = first; steady::now() < end; number += step) {
        co_await connection.ask(peer.request(number), &peer.answer);
        ++*done;
    }
}

double seconds_since(steady::time_point then) {
    return std::chrono::duration<double>(steady::now() - then).count();
}

void rethrow(std::exception_ptr fault) {
    if (fault) std::rethrow_exception(fault);
}

}  // namespace

std::string job_payload(std::uint64_t number) {
    static const std::string filling(100 - 24, 'x');
    auto text = std::to_string(number);
    return std::string(24 - text.size(), '0') + text + filling;
}

std::size_t line_answer(std::string_view text, std::string_view good) {
    const auto end = text.find("\r\n");
    if (end == std::string_view::npos) return 0;
    if (!text.starts_with(good))
        throw std::runtime_error("refused: " + std::string(text.substr(0, end)));
    return end + 2;
}

std::size_t http_answer(std::string_view text) {
    const auto head = text.find("\r\n\r\n");
    if (head == std::string_view::npos) return 0;
    if (!text.starts_with("HTTP/1.1 20")) throw std::runtime_error("refused: " + std::string(text));
    constexpr std::string_view name = "\r\nContent-Length: ";
    const auto at = text.substr(0, head).find(name);
    std::size_t length = 0;
    if (at != std::string_view::npos)
        std::from_chars(text.data() + at + name.size(), text.data() + head, length);
    return text.size() >= head + 4 + length ? head + 4 + length : 0;
}

std::string http_post(std::string_view path, std::string_view body) {
    std::string request = "POST ";
    request.append(path).append(
        " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ");
    request.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
    return request;
}

protocol sluice_push(std::string queue, std::string type) {
    const auto request = [queue = std::move(queue), type = std::move(type)](std::uint64_t number) {
        const auto body = R"({"type":")" + type + R"(","args":[")" + job_payload(number) +
                          R"("],"options":{"queue":")" + queue + R"("}})";
        return http_post("/ojs/v1/jobs", body);
    };
    return {request, http_answer};
}

protocol redis_lpush(std::string key) {
    const auto request = [key = std::move(key)](std::uint64_t number) {
        return "*3\r\n$5\r\nLPUSH\r\n$" + std::to_string(key.size()) + "\r\n" + key +
               "\r\n$100\r\n" + job_payload(number) + "\r\n";
    };
    return {request, [](std::string_view text) { return line_answer(text, ":"); }};
}

protocol beanstalkd_put() {
    const auto request = [](std::uint64_t number) {
        return "put 0 0 60 100\r\n" + job_payload(number) + "\r\n";
    };
    return {request, [](std::string_view text) { return line_answer(text, "INSERTED"); }};
}

double closed_loop(std::uint16_t port, const protocol& peer, std::size_t connections,
                   std::chrono::milliseconds duration) {
    return closed_loop(
        port, [&peer] { return peer; }, connections, duration);
}

double closed_loop(std::uint16_t port, const std::function<protocol()>& peer,
                   std::size_t connections, std::chrono::milliseconds duration) {
    return closed_loop(port, peer, connections, counting{}, duration).rate();
}

counted closed_loop(std::uint16_t port, const std::function<protocol()>& peer,
                    std::size_t connections, const counting& when,
                    std::chrono::milliseconds duration) {
    asio::io_context context(1);
    std::uint64_t done = 0;
    const auto end = steady::now() + when.lead_in + duration;
    for (std::size_t i = 0; i < connections; ++i)
        asio::co_spawn(context, one_connection(&context, port, peer(), end, i, connections, &done),
                       rethrow);
    context.run_for(when.lead_in);
    when.begins();
    const auto begun = steady::now();
    const auto not_counted = done;
    context.run_for(duration);
    const counted all{seconds_since(begun), static_cast<double>(done - not_counted)};
    when.ends();
    context.run();
    return all;
}

counted stream_lines(std::uint16_t port, const std::function<std::string(std::uint64_t)>& job,
                     const std::function<bool(std::uint64_t)>& more, const counting& when,
                     std::chrono::milliseconds duration) {
    constexpr std::uint64_t lines_at_once = 100;
    constexpr std::string_view mark = "commit_us";  // each receipt has it once
    asio::io_context context;
    tcp::socket socket(context);
    socket.connect({asio::ip::address_v4::loopback(), port});
    const auto opened = steady::now();
    std::uint64_t sent = 0;
    std::thread sender([&] {
        std::string out =
            "POST /ojs/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson"
            "\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (; more(sent); sent += lines_at_once) {
            std::string body;
            for (std::uint64_t i = 0; i < lines_at_once; ++i) body += job(sent + i) + '\n';
            std::array<char, 24> size{};
            std::snprintf(size.data(), size.size(), "%zx\r\n", body.size());
            out.append(size.data()).append(body).append("\r\n");
            asio::write(socket, asio::buffer(out));
            out.clear();
        }
        out += "0\r\n\r\n";
        asio::write(socket, asio::buffer(out));
    });
    std::uint64_t receipts = 0;
    std::uint64_t not_counted = 0;
    counted all;
    auto begun = opened;
    enum { leads_in, counts, ended } now = when.lead_in.count() > 0 ? leads_in : counts;
    const auto end_count = [&] {
        all = {seconds_since(begun), static_cast<double>(receipts - not_counted)};
        when.ends();
        now = ended;
    };
    std::string some;
    std::array<char, 65536> buffer{};
    boost::system::error_code ec;
    while (!ec) {
        some.append(buffer.data(), socket.read_some(asio::buffer(buffer), ec));
        for (auto at = some.find(mark); at != std::string::npos; at = some.find(mark, at + 1))
            ++receipts;
        some.erase(0, some.size() - std::min(some.size(), mark.size() - 1));
        const auto length = steady::now() - opened;
        if (now == leads_in && length >= when.lead_in) {
            when.begins();
            not_counted = receipts;
            begun = steady::now();
            now = counts;
        } else if (now == counts && length - when.lead_in >= duration) {
            end_count();
        }
    }
    if (now != ended) end_count();
    sender.join();
    if (receipts != sent) throw std::runtime_error("some lines were not stored");
    return all;
}

}  // namespace sluice::bench
