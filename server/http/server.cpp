#include "server/http/server.hpp"

#include "server/http/server_state.hpp"
#include "server/http/session.hpp"
#include "server/runtime/nothrow_await.hpp"
#include "server/runtime/task_group.hpp"

#include <boost/asio/ip/v6_only.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

namespace sluice::http {
namespace {

using boost::asio::ip::tcp;

constexpr std::chrono::milliseconds accept_back_off{100};

/// An IPv4 peer of a dual-stack listener counts as what it is.
boost::asio::ip::address plain_address(const boost::asio::ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
    return address;
}

std::vector<tcp::endpoint> resolve(boost::asio::io_context& context, const http_config& config) {
    std::string_view host = config.host;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    boost::system::error_code not_literal;
    const auto address = boost::asio::ip::make_address(host, not_literal);
    if (!not_literal) return {tcp::endpoint(address, config.port)};

    std::vector<tcp::endpoint> endpoints;
    tcp::resolver resolver(context);
    for (const auto& entry : resolver.resolve(host, std::to_string(config.port)))
        if (std::ranges::find(endpoints, entry.endpoint()) == endpoints.end())
            endpoints.push_back(entry.endpoint());
    return endpoints;
}

/// Descriptors are left for the store, timers and handlers even when every connection is taken.
std::size_t connections_within_rlimit(std::size_t wanted) {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return wanted;
    const auto limit = static_cast<std::size_t>(files.rlim_cur);
    return std::min(wanted, limit - std::min<std::size_t>(64, limit / 2));
}

}  // namespace

class server::impl {
public:
    impl(boost::asio::io_context& context, const router& routes, http_config config, logger& log)
        : context_(context),
          routes_(routes),
          config_(std::move(config)),
          log_(log),
          tasks_(context.get_executor(), [&log](std::exception_ptr fault) { report(log, fault); }) {
    }

    tcp::endpoint listen();
    void begin_drain();
    boost::asio::awaitable<void> stop(std::chrono::milliseconds grace);
    std::size_t connections() const { return state_ ? state_->sessions.size() : 0; }

private:
    static void report(logger& log, const std::exception_ptr& fault);
    tcp::acceptor open(const tcp::endpoint& endpoint);
    boost::asio::awaitable<void> accept(tcp::acceptor& acceptor);
    void welcome(tcp::socket socket, const boost::asio::ip::address& peer);
    void turn_away(tcp::socket socket);
    std::vector<std::shared_ptr<session>> open_sessions() const;

    boost::asio::io_context& context_;
    const router& routes_;
    http_config config_;
    logger& log_;
    std::shared_ptr<server_state> state_;
    std::vector<tcp::acceptor> acceptors_;
    task_group tasks_;
};

void server::impl::report(logger& log, const std::exception_ptr& fault) {
    try {
        std::rethrow_exception(fault);
    } catch (const std::exception& e) {
        log.error("a connection failed", {{"problem", std::string_view{e.what()}}});
    }
}

tcp::endpoint server::impl::listen() {
    config_.connections_max = connections_within_rlimit(config_.connections_max);
    std::vector<tcp::endpoint> endpoints = resolve(context_, config_);
    boost::system::system_error failure(boost::asio::error::host_not_found);
    for (tcp::endpoint& endpoint : endpoints) {
        // One port for all addresses of a name, also when the system chose it.
        if (!acceptors_.empty()) endpoint.port(acceptors_.front().local_endpoint().port());
        try {
            acceptors_.push_back(open(endpoint));
        } catch (const boost::system::system_error& e) {
            failure = e;
        }
    }
    if (acceptors_.empty()) throw failure;

    const tcp::endpoint bound = acceptors_.front().local_endpoint();
    state_ = std::make_shared<server_state>(context_.get_executor(), routes_, config_, log_,
                                            bound.address());
    for (tcp::acceptor& acceptor : acceptors_) tasks_.spawn(accept(acceptor));
    return bound;
}

tcp::acceptor server::impl::open(const tcp::endpoint& endpoint) {
    tcp::acceptor acceptor(context_);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(boost::asio::socket_base::reuse_address(true));
    acceptor.bind(endpoint);
    acceptor.listen(boost::asio::socket_base::max_listen_connections);
    return acceptor;
}

boost::asio::awaitable<void> server::impl::accept(tcp::acceptor& acceptor) {
    boost::asio::steady_timer back_off(context_);
    while (acceptor.is_open()) {
        auto [ec, socket] = co_await acceptor.async_accept(nothrow_await);
        if (!acceptor.is_open()) break;
        if (!ec) {
            boost::system::error_code gone;
            const tcp::endpoint peer = socket.remote_endpoint(gone);
            if (!gone) welcome(std::move(socket), plain_address(peer.address()));
            continue;
        }
        if (ec == boost::asio::error::connection_aborted) continue;
        // Out of descriptors or memory: the connection stays in the backlog, and accepting again
        // at once would spin.
        const std::string problem = ec.message();
        log_.warning("cannot accept", {{"problem", std::string_view{problem}}});
        back_off.expires_after(accept_back_off);
        co_await back_off.async_wait(nothrow_await);
    }
}

void server::impl::welcome(tcp::socket socket, const boost::asio::ip::address& peer) {
    boost::system::error_code ec;
    socket.set_option(tcp::no_delay(true), ec);
    socket.non_blocking(true, ec);
    if (ec) return;
    const auto known = state_->per_address.find(peer);
    const std::size_t of_peer = known == state_->per_address.end() ? 0 : known->second;
    if (state_->connections >= config_.connections_max) {
        state_->warn_of_limit("connections", peer);
        return turn_away(std::move(socket));
    }
    if (of_peer >= config_.connections_per_address_max) {
        state_->warn_of_limit("connections_per_address", peer);
        return turn_away(std::move(socket));
    }
    auto connection = std::make_shared<session>(std::move(socket), peer, state_);
    tasks_.spawn(session::run(std::move(connection)));
}

/// Best effort: the peer may have sent something already, and then the answer can get lost.
void server::impl::turn_away(tcp::socket socket) {
    request named;
    named.request_id = state_->new_request_id();
    const response answer = error_response(error(errc::overloaded, "too many connections"), named);
    response_frame frame;
    frame.date = state_->dates.text(std::chrono::system_clock::now());
    frame.request_id = named.request_id;
    frame.close = true;
    std::string bytes;
    append_response(bytes, answer, frame);
    boost::system::error_code ignored;
    socket.write_some(boost::asio::buffer(bytes), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
}

std::vector<std::shared_ptr<session>> server::impl::open_sessions() const {
    std::vector<std::shared_ptr<session>> open;
    for (session* s : state_->sessions) open.push_back(s->shared_from_this());
    return open;
}

void server::impl::begin_drain() {
    if (!state_ || std::exchange(state_->draining, true)) return;
    boost::system::error_code ignored;
    for (tcp::acceptor& acceptor : acceptors_) acceptor.close(ignored);
    for (const auto& s : open_sessions()) s->drain();
}

boost::asio::awaitable<void> server::impl::stop(std::chrono::milliseconds grace) {
    if (!state_) co_return;
    begin_drain();
    const auto deadline = std::chrono::steady_clock::now() + grace;
    while (!state_->sessions.empty()) {
        const wake_reason woken = co_await state_->session_ended.wait_until(deadline);
        if (woken == wake_reason::timed_out) break;
    }
    for (const auto& s : open_sessions()) s->cut();
    co_await tasks_.join();
}

server::server(boost::asio::io_context& context, const router& routes, http_config config,
               logger& log)
    : impl_(std::make_unique<impl>(context, routes, std::move(config), log)) {}

server::~server() = default;

boost::asio::ip::tcp::endpoint server::listen() {
    return impl_->listen();
}

void server::begin_drain() {
    impl_->begin_drain();
}

boost::asio::awaitable<void> server::stop(std::chrono::milliseconds grace) {
    return impl_->stop(grace);
}

std::size_t server::connections() const {
    return impl_->connections();
}

}  // namespace sluice::http
