#include "server/http/server.hpp"

#include "server/http/listener.hpp"
#include "server/runtime/notifier.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

namespace sluice::http {
namespace {

using boost::asio::ip::tcp;

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

/// Descriptors are left for the store, timers and handlers even when every connection is taken, and
/// for the contexts and listeners of further threads.
std::size_t connections_within_rlimit(std::size_t wanted, std::size_t parts) {
    constexpr std::size_t of_part = 5;
    const auto reserve = 64 + of_part * (parts - 1);
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return wanted;
    const auto limit = static_cast<std::size_t>(files.rlim_cur);
    return std::min(wanted, limit - std::min(reserve, limit / 2));
}

http_config within_rlimit(http_config config, std::size_t parts) {
    config.connections_max = connections_within_rlimit(config.connections_max, parts);
    return config;
}

}  // namespace

class server::impl {
public:
    impl(boost::asio::io_context& home, const std::vector<server_part>& parts, http_config config,
         logger& log)
        : home_(home),
          common_(std::make_shared<server_common>(within_rlimit(std::move(config), parts.size()),
                                                  log)) {
        for (const server_part& part : parts)
            listeners_.push_back(std::make_unique<listener>(part.context, part.routes, common_));
    }

    tcp::endpoint listen();
    void begin_drain();
    boost::asio::awaitable<void> stop(std::chrono::milliseconds grace);
    std::size_t connections() const { return common_->connections.size(); }

private:
    /// Who waits for all parts to stop.
    struct gathering {
        gathering(const boost::asio::any_io_executor& executor, std::size_t count)
            : left(count), changed(executor) {}
        std::size_t left;
        notifier changed;
    };

    bool is_home(listener& part) const { return &part.context() == &home_; }

    boost::asio::io_context& home_;
    std::shared_ptr<server_common> common_;
    bool listening_ = false;
    std::vector<std::unique_ptr<listener>> listeners_;
};

tcp::endpoint server::impl::listen() {
    using sharing = listener::sharing;
    std::vector<tcp::endpoint> endpoints = resolve(home_, common_->config);
    boost::system::system_error failure(boost::asio::error::host_not_found);
    listener& first = *listeners_.front();
    std::vector<tcp::endpoint> bound;
    for (tcp::endpoint& endpoint : endpoints) {
        // One port for all addresses of a name, also when the system chose it.
        if (!bound.empty()) endpoint.port(bound.front().port());
        try {
            first.open(endpoint, listeners_.size() == 1 ? sharing::none : sharing::first);
        } catch (const boost::system::system_error& e) {
            failure = e;
        }
        bound = first.bound();
    }
    if (bound.empty()) throw failure;
    for (std::size_t i = 1; i < listeners_.size(); ++i)
        for (const tcp::endpoint& endpoint : bound) listeners_[i]->open(endpoint, sharing::joined);
    for (const auto& part : listeners_) part->begin();
    listening_ = true;
    return bound.front();
}

void server::impl::begin_drain() {
    if (!listening_) return;
    for (const auto& part : listeners_) {
        if (is_home(*part))
            part->begin_drain();
        else
            boost::asio::post(part->context(), [part = part.get()] { part->begin_drain(); });
    }
}

boost::asio::awaitable<void> server::impl::stop(std::chrono::milliseconds grace) {
    if (!listening_) co_return;
    const auto all = std::make_shared<gathering>(home_.get_executor(), listeners_.size());
    for (const auto& part : listeners_) {
        boost::asio::co_spawn(part->context(), part->stop(grace),
                              [this, all](const std::exception_ptr& fault) {
                                  if (fault) common_->log.error("connections did not stop");
                                  boost::asio::post(home_, [all] {
                                      --all->left;
                                      all->changed.notify_all();
                                  });
                              });
    }
    while (all->left > 0) co_await all->changed.wait();
}

server::server(boost::asio::io_context& home, const router& routes, http_config config, logger& log)
    : server(home, {{home, routes}}, std::move(config), log) {}

server::server(boost::asio::io_context& home, const std::vector<server_part>& parts,
               http_config config, logger& log)
    : impl_(std::make_unique<impl>(home, parts, std::move(config), log)) {}

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
