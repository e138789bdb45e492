#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::worker::push {

/// What a look-up gave: addresses, in the order to try them, or a reason.
struct addresses {
    std::vector<boost::asio::ip::address> found;
    std::string fault;       ///< why nothing was found; empty otherwise
    bool timed_out = false;  ///< or stopped
};

/// Turns host names into addresses.
class name_lookup {
public:
    virtual ~name_lookup() = default;

    /// Ends at `deadline` or when `stop` is requested, whatever the resolver does. On the executor.
    virtual boost::asio::awaitable<addresses> find(std::string host,
                                                   std::chrono::steady_clock::time_point deadline,
                                                   std::stop_token stop) = 0;
};

/// The system's resolver, on a few threads of its own: it blocks, for seconds if it must, and Asio
/// would let one slow name delay all others. Questions for the same name at one time share one
/// look-up. Nothing is kept: each attempt of a job asks anew.
///
/// Everything on `executor`. The destructor waits for look-ups under way; they take at most a few
/// seconds, for the threads ask each server once and briefly.
std::unique_ptr<name_lookup> make_system_lookup(boost::asio::any_io_executor executor);

/// What looks up one name; may block. Called on several threads at one time.
using blocking_resolver = std::function<addresses(const std::string& host)>;

/// The same with another resolver, which must outlast the look-ups under way.
std::unique_ptr<name_lookup> make_lookup(boost::asio::any_io_executor executor,
                                         blocking_resolver resolve);

inline constexpr std::size_t lookup_threads = 4;
/// Names that are looked up or wait for it at one time; more are refused.
inline constexpr std::size_t names_looked_up_max = 1024;

}  // namespace sluice::worker::push
