#pragma once

#include "server/worker/stall_watch.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>

#include <type_traits>
#include <utility>

namespace sluice::worker {

/// Runs what it is given on an io_context and tells the watch when that begins and when it ends.
///
/// A coroutine that is spawned on it is resumed through it each time, whatever it waited for, and
/// so is what such a coroutine spawns on its own executor. Two pointers large, so that an
/// any_io_executor holds it without an allocation.
template <class Inner>
class watched_executor {
public:
    watched_executor(Inner inner, const stall_watch::mark& what)
        : inner_(std::move(inner)), what_(&what) {}

    template <class F>
    void execute(F f) const {
        inner_.execute([what = what_, f = std::move(f)]() mutable {
            const stay here(*what);
            std::move(f)();
        });
    }

    template <class Property>
    auto query(const Property& property) const
        -> decltype(boost::asio::query(std::declval<const Inner&>(), property)) {
        return boost::asio::query(inner_, property);
    }
    template <class Property>
    auto require(const Property& property) const -> watched_executor<
        std::decay_t<decltype(boost::asio::require(std::declval<const Inner&>(), property))>> {
        return {boost::asio::require(inner_, property), *what_};
    }
    template <class Property>
    auto prefer(const Property& property) const -> watched_executor<
        std::decay_t<decltype(boost::asio::prefer(std::declval<const Inner&>(), property))>> {
        return {boost::asio::prefer(inner_, property), *what_};
    }

    friend bool operator==(const watched_executor& a, const watched_executor& b) noexcept {
        return a.inner_ == b.inner_ && a.what_ == b.what_;
    }
    friend bool operator!=(const watched_executor& a, const watched_executor& b) noexcept {
        return !(a == b);
    }

private:
    class stay {
    public:
        explicit stay(const stall_watch::mark& what)
            : watch_(*what.watch), before_(watch_.enter(&what)) {}
        ~stay() { watch_.leave(before_); }
        stay(const stay&) = delete;
        stay& operator=(const stay&) = delete;

    private:
        stall_watch& watch_;
        const stall_watch::mark* before_;
    };

    Inner inner_;
    const stall_watch::mark* what_;
};

/// `executor`, watched. Only the executor of an io_context can be; any other comes back as it is.
inline boost::asio::any_io_executor watched(const boost::asio::any_io_executor& executor,
                                            const stall_watch::mark& what) {
    const auto* plain = executor.target<boost::asio::io_context::executor_type>();
    if (plain == nullptr || what.watch == nullptr) return executor;
    return watched_executor(*plain, what);
}

}  // namespace sluice::worker
