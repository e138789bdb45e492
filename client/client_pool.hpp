#pragma once

#include "client/client.hpp"
#include "client/wakeup.hpp"

#include <memory>
#include <vector>

namespace sluice::client {

/// A few connections that many coroutines on one executor share, each for one call at a time.
class client_pool {
public:
    client_pool(asio::any_io_executor executor, settings with, std::size_t size);

    /// One connection, given back when it is destroyed. The pool must outlive it.
    class loan {
    public:
        loan(client_pool& from, client& what) : from_(&from), what_(&what) {}
        loan(loan&& other) noexcept
            : from_(std::exchange(other.from_, nullptr)), what_(other.what_) {}
        loan& operator=(loan&&) = delete;
        ~loan() {
            if (from_ != nullptr) from_->give_back(*what_);
        }
        client& operator*() const { return *what_; }
        client* operator->() const { return what_; }

    private:
        client_pool* from_;
        client* what_;
    };

    /// Waits until one is free.
    asio::awaitable<loan> borrow();
    /// Ends the calls under way and all later ones with `closed`.
    void close();

private:
    void give_back(client& one);

    std::vector<std::unique_ptr<client>> all_;
    std::vector<client*> free_;  ///< the one used last goes first: few stay open
    wakeup freed_;
};

}  // namespace sluice::client
