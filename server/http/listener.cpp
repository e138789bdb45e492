#include "server/http/listener.hpp"

#include "server/http/session.hpp"
#include "server/runtime/nothrow_await.hpp"

#include <boost/asio/steady_timer.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <exception>
#include <string>
#include <utility>

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

void report(logger& log, const std::exception_ptr& fault) {
    try {
        std::rethrow_exception(fault);
    } catch (const std::exception& e) {
        log.error("a connection failed", {{"problem", std::string_view{e.what()}}});
    }
}

/// Asio has no name for this option.
void share_port(tcp::acceptor& acceptor) {
    const int on = 1;
    if (::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        throw boost::system::system_error(errno, boost::system::system_category());
}

}  // namespace

listener::listener(boost::asio::io_context& context, const router& routes,
                   std::shared_ptr<server_common> common)
    : context_(context),
      routes_(routes),
      common_(std::move(common)),
      tasks_(context.get_executor(),
             [&log = common_->log](const std::exception_ptr& fault) { report(log, fault); }) {}

/// The first one binds as if it were alone and shares afterwards: else it would join whatever other
/// process of the same account has the port, and get half of its connections.
void listener::open(const tcp::endpoint& endpoint, sharing how) {
    tcp::acceptor acceptor(context_);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(boost::asio::socket_base::reuse_address(true));
    if (how == sharing::joined) share_port(acceptor);
    acceptor.bind(endpoint);
    if (how == sharing::first) share_port(acceptor);
    acceptor.listen(boost::asio::socket_base::max_listen_connections);
    acceptors_.push_back(std::move(acceptor));
}

std::vector<tcp::endpoint> listener::bound() const {
    std::vector<tcp::endpoint> all;
    for (const tcp::acceptor& acceptor : acceptors_) all.push_back(acceptor.local_endpoint());
    return all;
}

void listener::begin() {
    state_ = std::make_shared<server_state>(context_.get_executor(), routes_, common_,
                                            acceptors_.front().local_endpoint().address());
    for (tcp::acceptor& acceptor : acceptors_) tasks_.spawn(accept(acceptor));
}

boost::asio::awaitable<void> listener::accept(tcp::acceptor& acceptor) {
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
        common_->log.warning("cannot accept", {{"problem", std::string_view{problem}}});
        back_off.expires_after(accept_back_off);
        co_await back_off.async_wait(nothrow_await);
    }
}

void listener::welcome(tcp::socket socket, const boost::asio::ip::address& peer) {
    boost::system::error_code ec;
    socket.set_option(tcp::no_delay(true), ec);
    socket.non_blocking(true, ec);
    if (ec) return;
    const std::string_view limit = common_->connections.enter(peer);
    if (!limit.empty()) {
        common_->warn_of_limit(limit, peer);
        return turn_away(std::move(socket));
    }
    std::shared_ptr<session> connection;
    try {
        connection = std::make_shared<session>(std::move(socket), peer, state_);
    } catch (...) {
        common_->connections.leave(peer);
        throw;
    }
    tasks_.spawn(session::run(std::move(connection)));
}

/// Best effort: the peer may have sent something already, and then the answer can get lost.
void listener::turn_away(tcp::socket socket) {
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

std::vector<std::shared_ptr<session>> listener::open_sessions() const {
    std::vector<std::shared_ptr<session>> open;
    for (session* s : state_->sessions) open.push_back(s->shared_from_this());
    return open;
}

void listener::begin_drain() {
    if (std::exchange(state_->draining, true)) return;
    boost::system::error_code ignored;
    for (tcp::acceptor& acceptor : acceptors_) acceptor.close(ignored);
    for (const auto& s : open_sessions()) s->drain();
}

boost::asio::awaitable<void> listener::stop(std::chrono::milliseconds grace) {
    begin_drain();
    const auto deadline = std::chrono::steady_clock::now() + grace;
    while (!state_->sessions.empty()) {
        const wake_reason woken = co_await state_->session_ended.wait_until(deadline);
        if (woken == wake_reason::timed_out) break;
    }
    for (const auto& s : open_sessions()) s->cut();
    co_await tasks_.join();
}

}  // namespace sluice::http
