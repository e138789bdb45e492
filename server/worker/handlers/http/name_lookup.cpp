#include "server/worker/handlers/http/name_lookup.hpp"

#include "server/runtime/notifier.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include <array>
#include <cstring>
#include <map>
#include <utility>

namespace sluice::worker::push {

namespace {

namespace asio = boost::asio;
namespace ip = boost::asio::ip;

constexpr std::size_t threads = 4;
constexpr std::size_t names_max = 1024;  ///< looked up or waiting for it at one time

/// Per thread: the C library's default is 5 s for each server, twice.
void be_brief() {
    thread_local const bool done = [] {
        if (::res_init() == 0) {
            _res.retrans = 2;
            _res.retry = 1;
        }
        return true;
    }();
    (void)done;
}

ip::address address_of(const sockaddr* from) {
    if (from->sa_family == AF_INET) {
        const auto* in = reinterpret_cast<const sockaddr_in*>(from);
        return ip::address_v4{ntohl(in->sin_addr.s_addr)};
    }
    const auto* in = reinterpret_cast<const sockaddr_in6*>(from);
    ip::address_v6::bytes_type bytes{};
    std::memcpy(bytes.data(), &in->sin6_addr, bytes.size());
    return ip::address_v6{bytes, in->sin6_scope_id};
}

addresses look_up_blocking(const std::string& host) {
    be_brief();
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    addresses out;
    if (const int fault = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); fault != 0) {
        out.fault = ::gai_strerror(fault);
        return out;
    }
    for (const auto* each = list; each != nullptr; each = each->ai_next)
        if (each->ai_family == AF_INET || each->ai_family == AF_INET6)
            out.found.push_back(address_of(each->ai_addr));
    ::freeaddrinfo(list);
    if (out.found.empty()) out.fault = "no address";
    return out;
}

class system_lookup final : public name_lookup {
public:
    explicit system_lookup(asio::any_io_executor executor)
        : state_(std::make_shared<state>(std::move(executor))) {}

    /// What has not begun is dropped: nobody waits for it any more, and it could take minutes.
    ~system_lookup() override {
        pool_.stop();
        pool_.join();
    }

    asio::awaitable<addresses> find(std::string host,
                                    std::chrono::steady_clock::time_point deadline,
                                    std::stop_token stop) override {
        const auto mine = question_for(host);
        if (!mine) co_return failure("too many names are looked up");
        auto wake = [&changed = mine->changed] { changed.notify_all(); };
        const std::stop_callback on_stop(stop, std::move(wake));
        while (!mine->answered && !stop.stop_requested()) {
            const auto reason = co_await mine->changed.wait_until(deadline);
            if (reason == wake_reason::timed_out && !mine->answered) break;
        }
        if (mine->answered) co_return mine->answer;
        addresses late = failure("no answer in time");
        late.timed_out = true;
        co_return late;
    }

private:
    /// One name, and all who wait for it.
    struct question {
        explicit question(const asio::any_io_executor& executor) : changed(executor) {}
        notifier changed;
        addresses answer;
        bool answered = false;
    };
    struct state {
        explicit state(asio::any_io_executor ex) : executor(std::move(ex)) {}
        asio::any_io_executor executor;
        std::map<std::string, std::shared_ptr<question>> open;
    };

    static addresses failure(std::string why) {
        addresses out;
        out.fault = std::move(why);
        return out;
    }

    std::shared_ptr<question> question_for(const std::string& host) {
        if (const auto it = state_->open.find(host); it != state_->open.end()) return it->second;
        if (state_->open.size() >= names_max) return nullptr;
        const auto asked = std::make_shared<question>(state_->executor);
        state_->open.emplace(host, asked);
        asio::post(pool_, [all = state_, host, asked] {
            addresses answer = look_up_blocking(host);
            asio::post(all->executor, [all, host, asked, answer = std::move(answer)]() mutable {
                all->open.erase(host);
                asked->answer = std::move(answer);
                asked->answered = true;
                asked->changed.notify_all();
            });
        });
        return asked;
    }

    std::shared_ptr<state> state_;
    asio::thread_pool pool_{threads};
};

}  // namespace

std::unique_ptr<name_lookup> make_system_lookup(asio::any_io_executor executor) {
    return std::make_unique<system_lookup>(std::move(executor));
}

}  // namespace sluice::worker::push
