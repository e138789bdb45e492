#include "client/name_lookup.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <netdb.h>

#include <cerrno>
#include <functional>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace sluice::client {

namespace {

boost::system::error_code error_of(int fault) {
    switch (fault) {
        case EAI_AGAIN:
            return asio::error::host_not_found_try_again;
        case EAI_MEMORY:
            return asio::error::no_memory;
        case EAI_SERVICE:
            return asio::error::service_not_found;
        case EAI_SYSTEM:
            return {errno, boost::system::system_category()};
        default:
            return asio::error::host_not_found;
    }
}

name_lookup::answer look_up_blocking(const std::string& host, const std::string& port) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    name_lookup::answer made;
    if (const int fault = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &list); fault != 0) {
        made.problem = error_of(fault);
        return made;
    }
    made.found = name_lookup::endpoints::create(list, host, port);
    ::freeaddrinfo(list);
    if (made.found.empty()) made.problem = asio::error::host_not_found;
    return made;
}

}  // namespace

/// What the thread and whoever asked have in common.
struct name_lookup::question {
    std::mutex mutex;
    std::optional<answer> answered;
    std::function<void()> tell;  ///< empty once nobody is there any more
};

name_lookup::name_lookup(asio::any_io_executor executor, std::string host, std::string port)
    : executor_(std::move(executor)),
      host_(std::move(host)),
      port_(std::move(port)),
      changed_(std::make_shared<wakeup>(executor_)) {}

name_lookup::~name_lookup() {
    if (!question_) return;
    const std::lock_guard lock(question_->mutex);
    question_->tell = {};
}

/// Throws std::system_error when there is no thread to be had.
void name_lookup::ask() {
    const auto asked = std::make_shared<question>();
    // Under the question's lock, so that the executor's context is there as long as we are.
    asked->tell = [executor = executor_, changed = std::weak_ptr<wakeup>(changed_)] {
        asio::post(executor, [changed] {
            if (const auto still = changed.lock()) still->notify_all();
        });
    };
    std::thread thread([asked, host = host_, port = port_] {
        name_lookup::answer made;
        try {
            made = look_up_blocking(host, port);
        } catch (...) {  // nobody above this would catch it
            made = {};
            made.problem = asio::error::no_memory;
        }
        const std::lock_guard lock(asked->mutex);
        asked->answered = std::move(made);
        if (asked->tell) asked->tell();
    });
    thread.detach();
    question_ = asked;
}

asio::awaitable<name_lookup::answer> name_lookup::find(wakeup::clock::time_point deadline) {
    cancelled_ = false;
    answer made;
    try {
        if (!question_) ask();
    } catch (const std::system_error& e) {
        made.problem = {e.code().value(), boost::system::system_category()};
    }
    if (made.problem) co_return made;
    for (bool more = true; !cancelled_;) {
        {
            const std::lock_guard lock(question_->mutex);
            if (question_->answered)
                made = std::move(*question_->answered);
            else
                made.problem = asio::error::would_block;
        }
        if (made.problem != asio::error::would_block) {
            question_.reset();
            co_return made;
        }
        if (!more) {
            made.problem = asio::error::timed_out;
            co_return made;
        }
        more = co_await changed_->wait_until(deadline);
    }
    made.problem = asio::error::operation_aborted;
    co_return made;
}

void name_lookup::cancel() {
    cancelled_ = true;
    changed_->notify_all();
}

}  // namespace sluice::client
