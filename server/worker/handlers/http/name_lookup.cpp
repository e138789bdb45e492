#include "server/worker/handlers/http/name_lookup.hpp"

#include "server/runtime/notifier.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include <array>
#include <cstring>
#include <list>
#include <map>
#include <memory>
#include <utility>

namespace sluice::worker::push {

namespace {

namespace asio = boost::asio;
namespace ip = boost::asio::ip;

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

/// One name, and all who wait for it.
struct question {
    question(const asio::any_io_executor& executor, std::string name)
        : host(std::move(name)), changed(executor) {}

    const std::string host;
    notifier changed;
    std::size_t wanted_by = 0;
    bool begun = false;
    bool answered = false;
    addresses answer;
};

/// The questions that are open. A name nobody waits for any more makes room at once and is not
/// looked up; one that a thread has begun with can only be waited for. On the executor.
class question_book : public std::enable_shared_from_this<question_book> {
public:
    question_book(asio::any_io_executor executor, blocking_resolver resolve,
                  asio::thread_pool& threads)
        : executor_(std::move(executor)), resolve_(std::move(resolve)), threads_(&threads) {}

    /// Begins with no other name; the threads may go.
    void close() { threads_ = nullptr; }

    /// Null when there are too many. Whoever asked says `leave`.
    std::shared_ptr<question> ask(const std::string& host) {
        auto it = open_.find(host);
        if (it == open_.end()) {
            if (open_.size() >= names_looked_up_max) return nullptr;
            auto made = std::make_shared<question>(executor_, host);
            it = open_.emplace(host, made).first;
            waiting_.push_back(std::move(made));
            begin_more();
        }
        ++it->second->wanted_by;
        return it->second;
    }

    void leave(const std::shared_ptr<question>& asked) {
        if (--asked->wanted_by > 0 || asked->begun) return;
        waiting_.remove(asked);
        open_.erase(asked->host);
    }

private:
    void begin_more() {
        while (threads_ != nullptr && begun_ < lookup_threads && !waiting_.empty()) {
            auto next = std::move(waiting_.front());
            waiting_.pop_front();
            next->begun = true;
            ++begun_;
            asio::post(*threads_, [all = shared_from_this(), next = std::move(next)] {
                addresses answer = all->resolve_(next->host);
                asio::post(all->executor_, [all, next, answer = std::move(answer)]() mutable {
                    all->answer(*next, std::move(answer));
                });
            });
        }
    }

    void answer(question& asked, addresses found) {
        --begun_;
        open_.erase(asked.host);
        asked.answer = std::move(found);
        asked.answered = true;
        asked.changed.notify_all();
        begin_more();
    }

    asio::any_io_executor executor_;
    const blocking_resolver resolve_;
    asio::thread_pool* threads_;
    std::map<std::string, std::shared_ptr<question>> open_;
    std::list<std::shared_ptr<question>> waiting_;  ///< for a thread, the oldest first
    std::size_t begun_ = 0;
};

class shared_lookup final : public name_lookup {
public:
    shared_lookup(asio::any_io_executor executor, blocking_resolver resolve)
        : book_(
              std::make_shared<question_book>(std::move(executor), std::move(resolve), threads_)) {}

    ~shared_lookup() override {
        book_->close();
        threads_.stop();
        threads_.join();
    }

    asio::awaitable<addresses> find(std::string host,
                                    std::chrono::steady_clock::time_point deadline,
                                    std::stop_token stop) override {
        const interest mine(book_, host);
        const auto& asked = mine.asked;
        if (!asked) co_return failure("too many names are looked up");
        auto wake = [&changed = asked->changed] { changed.notify_all(); };
        const std::stop_callback on_stop(stop, std::move(wake));
        while (!asked->answered && !stop.stop_requested()) {
            const auto reason = co_await asked->changed.wait_until(deadline);
            if (reason == wake_reason::timed_out && !asked->answered) break;
        }
        if (asked->answered) co_return asked->answer;
        addresses late = failure("no answer in time");
        late.timed_out = true;
        co_return late;
    }

private:
    /// One who waits.
    struct interest {
        interest(std::shared_ptr<question_book> in, const std::string& host)
            : book(std::move(in)), asked(book->ask(host)) {}
        ~interest() {
            if (asked) book->leave(asked);
        }
        interest(const interest&) = delete;
        interest& operator=(const interest&) = delete;

        std::shared_ptr<question_book> book;
        std::shared_ptr<question> asked;
    };

    static addresses failure(std::string why) {
        addresses out;
        out.fault = std::move(why);
        return out;
    }

    asio::thread_pool threads_{lookup_threads};
    std::shared_ptr<question_book> book_;
};

}  // namespace

std::unique_ptr<name_lookup> make_system_lookup(asio::any_io_executor executor) {
    return make_lookup(std::move(executor), look_up_blocking);
}

std::unique_ptr<name_lookup> make_lookup(asio::any_io_executor executor,
                                         blocking_resolver resolve) {
    return std::make_unique<shared_lookup>(std::move(executor), std::move(resolve));
}

}  // namespace sluice::worker::push
