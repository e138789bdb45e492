#include "tests/http/wire_fixture.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <future>
#include <stdexcept>
#include <utility>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

asio::awaitable<response> echo(request r, path_values) {
    response answer;
    answer.status = 201;
    answer.body = std::move(r.body);
    co_return answer;
}

asio::awaitable<response> first_value(request r, path_values values) {
    response answer;
    answer.body = values.empty() ? r.path : values[0];
    co_return answer;
}

asio::awaitable<response> large(request, path_values) {
    response answer;
    answer.body.assign(4 * 1024 * 1024, 'x');
    co_return answer;
}

asio::awaitable<response> throws(request, path_values) {
    throw std::runtime_error("a secret of the server");
    co_return response{};
}

asio::awaitable<response> forged_header(request, path_values) {
    response answer;
    answer.fields.emplace_back("X-Name", "a\r\nSet-Cookie: forged=1");
    co_return answer;
}

asio::awaitable<response> own_queue(request r, path_values values) {
    if (!queue_allowed(r, values[0])) co_return error_response(errc::forbidden, r);
    response answer;
    answer.body = values[0];
    co_return answer;
}

}  // namespace

test_server::test_server(http_config config, const std::function<void(router&)>& more)
    : work_(context_.get_executor()), released_(context_.get_executor()) {
    add_routes();
    if (more) more(routes_);
    config.port = 0;
    server_ = std::make_unique<server>(context_, routes_, std::move(config), log_);
    port_ = server_->listen().port();
    thread_ = std::thread([this] { context_.run(); });
}

test_server::~test_server() {
    stop(0ms);
    work_.reset();
    context_.stop();
    thread_.join();
}

void test_server::add_routes() {
    routes_.add("POST", "/echo", {scope::enqueue, 1024 * 1024}, echo);
    routes_.add("POST", "/small", {scope::enqueue, 16}, echo);
    routes_.add("GET", "/things/{id}", {scope::read}, first_value);
    routes_.add("GET", "/large", {scope::read}, large);
    routes_.add("GET", "/throws", {scope::read}, throws);
    routes_.add("GET", "/forged-header", {scope::read}, forged_header);
    routes_.add("POST", "/admin", {scope::admin}, first_value);
    routes_.add("POST", "/work", {scope::work}, first_value);
    routes_.add("GET", "/open", {scope::none}, first_value);
    routes_.add("GET", "/queue/{name}", {scope::read}, own_queue);
    routes_.add("POST", "/hold/{name}", {scope::work}, [this](request r, path_values values) {
        return hold(std::move(r), std::move(values));
    });
    const auto brief = [](const request& r) { return r.field("prefer").empty(); };
    routes_.add(
        "POST", "/brief/{name}", {.needs = scope::work, .is_brief = brief},
        [this](request r, path_values values) { return hold(std::move(r), std::move(values)); });
    routes_.add("GET", "/brief-throws", {.needs = scope::read, .is_brief = brief}, throws);
    routes_.add("POST", "/release/{name}", {scope::work}, [this](request r, path_values values) {
        return release(std::move(r), std::move(values));
    });
}

asio::awaitable<response> test_server::hold(request r, path_values values) {
    const std::string name = values[0];
    begun_.push_back(name);
    held_.try_emplace(name, false);
    const std::stop_callback wake(r.stop, [this] { released_.notify_all(); });
    released_.notify_all();
    while (!held_[name] && !r.stop.stop_requested()) co_await released_.wait();
    response answer;
    answer.body = held_[name] ? name : "stopped";
    held_.erase(name);
    co_return answer;
}

asio::awaitable<response> test_server::release(request, path_values values) {
    held_[values[0]] = true;
    released_.notify_all();
    co_return response{};
}

void test_server::on_thread(std::function<void(server&)> work) {
    std::promise<void> done;
    asio::post(context_, [&] {
        work(*server_);
        done.set_value();
    });
    done.get_future().wait();
}

void test_server::settle() {
    for (int i = 0; i < 3; ++i) on_thread([](server&) {});
}

bool test_server::wait_until(const std::function<bool(server&)>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    for (;;) {
        bool held = false;
        on_thread([&](server& s) { held = holds(s); });
        if (held) return true;
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::yield();
    }
}

bool test_server::wait_for_connections(std::size_t count) {
    return wait_until([&](server& s) { return s.connections() == count; });
}

bool test_server::wait_for_held(std::size_t count) {
    return wait_until([&](server&) { return held_.size() == count; });
}

bool test_server::stop(std::chrono::milliseconds grace) {
    auto done = std::make_shared<std::promise<void>>();
    on_thread([&](server& s) {
        asio::co_spawn(context_, s.stop(grace), [done](std::exception_ptr) { done->set_value(); });
    });
    return done->get_future().wait_for(5s) == std::future_status::ready;
}

std::vector<std::string> test_server::begun() {
    std::vector<std::string> names;
    on_thread([&](server&) { names = begun_; });
    return names;
}

std::string wire_answer::field(std::string_view name) const {
    const std::string start = "\r\n" + std::string(name) + ": ";
    const std::size_t at = head.find(start);
    if (at == std::string::npos) return {};
    const std::size_t begin = at + start.size();
    return head.substr(begin, head.find("\r\n", begin) - begin);
}

wire_client::wire_client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("cannot connect");
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const timeval patience{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

wire_client::~wire_client() {
    ::close(fd_);
}

bool wire_client::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

bool wire_client::receive_more() {
    char buffer[65536];
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
    if (got > 0) received_.append(buffer, static_cast<std::size_t>(got));
    if (got == 0 || (got < 0 && errno == ECONNRESET)) closed_ = true;
    return got > 0;
}

wire_answer wire_client::read_answer(bool head_only) {
    wire_answer answer;
    std::size_t end = 0;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos)
        if (!receive_more()) return answer;
    answer.head = received_.substr(0, end + 2);
    received_.erase(0, end + 4);
    answer.status = std::stoi(answer.head.substr(9, 3));
    const std::string length = answer.field("Content-Length");
    const std::size_t size = length.empty() || head_only ? 0 : std::stoul(length);
    while (received_.size() < size)
        if (!receive_more()) return answer;
    answer.body = received_.substr(0, size);
    received_.erase(0, size);
    return answer;
}

std::string wire_client::read_through(std::string_view text) {
    std::size_t at = 0;
    while ((at = received_.find(text)) == std::string::npos)
        if (!receive_more()) return {};
    const std::string through = received_.substr(0, at + text.size());
    received_.erase(0, at + text.size());
    return through;
}

bool wire_client::closes() {
    while (receive_more()) {
    }
    return closed_;
}

bool wire_client::hears_within(std::chrono::milliseconds time) {
    pollfd waited{.fd = fd_, .events = POLLIN, .revents = 0};
    return !received_.empty() || ::poll(&waited, 1, static_cast<int>(time.count())) > 0;
}

void wire_client::shut_down_sending() {
    ::shutdown(fd_, SHUT_WR);
}

void wire_client::reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(fd_, -1));
}

std::string get(const std::string& target, const std::string& fields) {
    return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
}

std::string post(const std::string& target, const std::string& fields) {
    return "POST " + target + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
}

std::string post_body(const std::string& target, const std::string& body) {
    return post(target, "Content-Type: application/json; charset=utf-8\r\nContent-Length: " +
                            std::to_string(body.size()) + "\r\n") +
           body;
}

bool serves_a_good_request(std::uint16_t port) {
    wire_client client(port);
    client.send(get("/things/good"));
    const wire_answer answer = client.read_answer();
    return answer.status == 200 && answer.body == "good";
}

}  // namespace sluice::http
