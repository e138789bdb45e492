// The handler of sluice.http beside wrk: requests a second to the same endpoint on this machine,
// over as many connections, on one thread each. The two take turns, so that what else the machine
// does meets both; medians count. Usage: bench_push [CONNECTIONS] [SECONDS] [ROUNDS]

#include "server/runtime/nothrow_await.hpp"
#include "server/worker/handlers/http/push_handler.hpp"
#include "tests/bench/process.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using namespace sluice;
using namespace sluice::worker;
using clock_type = std::chrono::steady_clock;

// The endpoint, a process of its own.

asio::awaitable<void> answer_all(tcp::socket socket) {
    static constexpr std::string_view answer =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    boost::beast::flat_buffer buffer{16384};
    for (;;) {
        http::request_parser<http::empty_body> parser;
        auto [ec, n] = co_await http::async_read(socket, buffer, parser, nothrow_await);
        if (ec) co_return;
        auto [failed, m] = co_await asio::async_write(socket, asio::buffer(answer), nothrow_await);
        if (failed) co_return;
    }
}

asio::awaitable<void> accept_all(tcp::acceptor& acceptor) {
    for (;;) {
        auto [ec, socket] = co_await acceptor.async_accept(nothrow_await);
        if (ec) co_return;
        socket.set_option(tcp::no_delay{true});
        asio::co_spawn(acceptor.get_executor(), answer_all(std::move(socket)),
                       [](std::exception_ptr) {});
    }
}

[[noreturn]] void serve(std::uint16_t port) {
    asio::io_context context{1};
    tcp::acceptor acceptor(context, tcp::endpoint{asio::ip::address_v4::loopback(), port});
    asio::co_spawn(context, accept_all(acceptor), [](std::exception_ptr) {});
    context.run();
    std::_Exit(EXIT_SUCCESS);
}

// The handler.

class bench_run final : public job_run {
public:
    explicit bench_run(job_record job) : job_(std::move(job)) {}
    const job_record& job() const override { return job_; }
    std::stop_token stop() const override { return stop_.get_token(); }
    void progress(double, std::string) override {}
    void log(log_stream, std::string_view) override {}
    asio::awaitable<bool> heartbeat() override { co_return true; }

private:
    job_record job_;
    std::stop_source stop_;  // each run of a server has one
};

asio::awaitable<void> run_some(const registered_handler& handler,
                               const std::shared_ptr<const job_spec>& spec,
                               clock_type::time_point end, std::size_t& done) {
    while (clock_type::now() < end) {
        job_record job;
        job.spec = spec;
        job.attempt = 1;
        job.lease = {.epoch = 1, .counter = done, .nonce = 3};
        auto running = handler.run(std::make_shared<bench_run>(std::move(job)));
        const outcome how = co_await std::move(running);
        if (const auto* bad = std::get_if<failed>(&how))
            throw std::runtime_error(bad->failure.message);
        ++done;
    }
}

double handler_rate(const std::string& url, std::size_t connections, int seconds) {
    asio::io_context context{1};
    push::push_config with;
    with.allow = {"127.0.0.1"};
    const auto executor = context.get_executor();
    const auto pushing = std::make_shared<push::push_handler>(
        executor, with, push::make_system_lookup(executor), [] { return timestamp{}; });
    handler_registry registry;
    pushing->add_to(registry);
    auto spec = std::make_shared<job_spec>();
    spec->id = make_uuid(timestamp{}, 7, 0);
    spec->type = "sluice.http";
    spec->args = "[{\"url\":\"" + url + "\"}]";
    std::size_t done = 0;
    std::exception_ptr fault;
    const auto begin = clock_type::now();
    const auto end = begin + std::chrono::seconds{seconds};
    for (std::size_t i = 0; i < connections; ++i)
        asio::co_spawn(context, run_some(*registry.find("sluice.http"), spec, end, done),
                       [&](std::exception_ptr e) { fault = e ? e : fault; });
    while (clock_type::now() < end && !fault) context.run_for(end - clock_type::now());
    if (fault) std::rethrow_exception(fault);
    const double rate = static_cast<double>(done) /
                        std::chrono::duration<double>(clock_type::now() - begin).count();
    pushing->close_idle();
    return rate;
}

double wrk_rate(const std::string& url, std::size_t connections, int seconds) {
    const auto command = "wrk -t1 -c" + std::to_string(connections) + " -d" +
                         std::to_string(seconds) + "s " + url + " 2>&1";
    std::FILE* const out = ::popen(command.c_str(), "r");
    if (out == nullptr) throw std::runtime_error("wrk cannot be started");
    std::string text;
    for (int c = 0; (c = std::fgetc(out)) != EOF;) text += static_cast<char>(c);
    const int status = ::pclose(out);
    static constexpr std::string_view name = "Requests/sec:";
    const auto at = text.find(name);
    if (status != 0 || at == std::string::npos) throw std::runtime_error("wrk: " + text);
    return std::strtod(text.c_str() + at + name.size(), nullptr);
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    const auto argument = [&](int i, int otherwise) {
        return argc > i ? std::atoi(argv[i]) : otherwise;
    };
    if (argc == 3 && std::string_view(argv[1]) == "serve")
        serve(static_cast<std::uint16_t>(argument(2, 0)));
    const auto connections = static_cast<std::size_t>(argument(1, 64));
    const int seconds = argument(2, 2);
    const int rounds = argument(3, 5);
    const auto port = bench::free_port();
    const bench::process endpoint({"/proc/self/exe", "serve", std::to_string(port)}, port,
                                  "/dev/null");
    const auto url = "http://127.0.0.1:" + std::to_string(port) + "/";
    std::vector<double> peers;
    std::vector<double> ours;
    for (int i = 0; i < rounds; ++i) {
        peers.push_back(wrk_rate(url, connections, seconds));
        ours.push_back(handler_rate(url, connections, seconds));
    }
    std::printf("%zu connections, %d rounds of %d s each\n", connections, rounds, seconds);
    std::printf(
        "wrk          %8.0f/s\nsluice.http  %8.0f/s\n"
        "ratio        %8.2f\n",
        median(peers), median(ours), median(ours) / median(peers));
    return EXIT_SUCCESS;
}
