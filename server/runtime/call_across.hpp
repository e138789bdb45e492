#pragma once

#include "server/runtime/inbox.hpp"
#include "server/runtime/suspended.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace sluice {

namespace detail {

/// A call on its way there and back. It owns the coroutine that waits for it, and so the frame that
/// the outcome is written into: whoever drops it on the way drops both.
class errand : public inbox::item {
public:
    errand(std::unique_ptr<suspended> caller, std::exception_ptr& fault, inbox& there, inbox& back)
        : caller_(std::move(caller)), fault_(fault), there_(there), back_(back) {}

    void arrive(std::unique_ptr<item> self) final {
        if (done_) {
            const auto caller = std::move(caller_);
            self.reset();
            caller->resume();
            return;
        }
        auto* const mine = static_cast<errand*>(self.release());
        bool begun = false;
        begun_ = &begun;
        try {
            auto work = perform();
            come_back answer{kept(mine)};
            boost::asio::co_spawn(there_.executor(), std::move(work), std::move(answer));
            if (!begun) begun_ = nullptr;
            return;
        } catch (...) {
            if (begun) throw;
            begun_ = nullptr;
            fault_ = std::current_exception();
        }
        go_back();  // there was no memory for the coroutine, and the caller is to know
    }

protected:
    /// The call itself; `has_begun` comes first.
    virtual boost::asio::awaitable<void> perform() = 0;
    void has_begun() {
        if (begun_) *std::exchange(begun_, nullptr) = true;
    }

private:
    /// A coroutine that could not be started takes its completion handler along, but not this.
    struct unless_starting {
        void operator()(errand* e) const {
            if (!e->begun_) delete e;
        }
    };
    using kept = std::unique_ptr<errand, unless_starting>;
    struct come_back {
        kept self;
        void operator()(std::exception_ptr fault) {
            self->fault_ = std::move(fault);
            self.release()->go_back();
        }
    };

    void go_back() {
        done_ = true;
        back_.post(std::unique_ptr<item>(this));
    }

    std::unique_ptr<suspended> caller_;
    std::exception_ptr& fault_;
    inbox& there_;
    inbox& back_;
    bool* begun_ = nullptr;  ///< while the coroutine is being started
    bool done_ = false;
};

template <class Call, class T>
class errand_of final : public errand {
public:
    errand_of(Call call, std::optional<T>& made, std::unique_ptr<suspended> caller,
              std::exception_ptr& fault, inbox& there, inbox& back)
        : errand(std::move(caller), fault, there, back), call_(std::move(call)), made_(made) {}

private:
    boost::asio::awaitable<void> perform() override {
        this->has_begun();
        auto calling = call_();
        auto made = co_await std::move(calling);
        made_.emplace(std::move(made));
    }

    Call call_;
    std::optional<T>& made_;
};

}  // namespace detail

/// Awaits `call()`, which gives an awaitable, on the executor of `there`, while the caller waits on
/// that of `back`, which must be its own. Gives what it returns and throws what it throws, or
/// std::bad_alloc when there is no memory to begin it.
///
/// `call` is moved there, called and destroyed there or, when the answer has come, here. Calls of
/// one caller start in its order. A call under way cannot be cancelled from here: hand it a
/// stop_token, whose callbacks run on the thread that requests the stop. What `call` refers to in
/// the caller's frame stays there meanwhile, and is read by another thread. Both inboxes outlive
/// the call.
template <class Call>
boost::asio::awaitable<typename std::invoke_result_t<Call&>::value_type> call_across(inbox& there,
                                                                                     inbox& back,
                                                                                     Call call) {
    using value_type = typename std::invoke_result_t<Call&>::value_type;
    std::optional<value_type> made;
    std::exception_ptr fault;
    auto send = [&](std::unique_ptr<suspended> caller) {
        there.post(std::make_unique<detail::errand_of<Call, value_type>>(
            std::move(call), made, std::move(caller), fault, there, back));
    };
    auto sent = suspend(std::move(send));
    co_await std::move(sent);
    if (fault) std::rethrow_exception(fault);
    co_return *std::move(made);
}

}  // namespace sluice
