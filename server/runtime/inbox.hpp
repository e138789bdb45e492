#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace sluice {

/// Takes what other threads hand to the one that runs `executor`, in batches.
///
/// What comes while the thread has not looked yet is gathered in a list under a mutex, and only the
/// first of it posts: one trip through the executor's queue, and one wake-up at most, for all of
/// it. Each caller's items arrive in its order.
///
/// `post` from any thread, all else on the executor's. An item that throws ends its turn only: the
/// exception leaves through the executor, and the items behind it have the next turn. What has not
/// arrived when the inbox is destroyed is destroyed with it; the executor may run on.
class inbox {
public:
    class item {
    public:
        virtual ~item() = default;
        /// Once, on the executor. `self` owns this.
        virtual void arrive(std::unique_ptr<item> self) = 0;
    };

    explicit inbox(boost::asio::any_io_executor executor);
    ~inbox();
    inbox(const inbox&) = delete;
    inbox& operator=(const inbox&) = delete;

    void post(std::unique_ptr<item> what);

    /// `work()` is called once; it may be move-only.
    template <class F>
    void post_call(F work) {
        post(std::make_unique<call<F>>(std::move(work)));
    }

    const boost::asio::any_io_executor& executor() const { return executor_; }

private:
    template <class F>
    struct call final : item {
        explicit call(F f) : work(std::move(f)) {}
        void arrive(std::unique_ptr<item>) override { work(); }
        F work;
    };
    struct state;

    boost::asio::any_io_executor executor_;
    std::shared_ptr<state> state_;  // shared with what is posted
};

}  // namespace sluice
