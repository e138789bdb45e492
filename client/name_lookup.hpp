#pragma once

#include "client/asio.hpp"
#include "client/wakeup.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <string>

namespace sluice::client {

/// Looks up the addresses of one host.
///
/// The C library's look-up blocks, for minutes in the worst case, and nothing can break it off. So
/// it has a thread of its own that nobody ever waits for: whoever is asked to stop, or has waited
/// long enough, just goes, and neither the end of the execution context nor that of the process is
/// held up. While one look-up hangs no second one is begun: who asks again waits for the same.
/// Everything but that thread is on one executor.
class name_lookup {
public:
    using endpoints = asio::ip::tcp::resolver::results_type;
    struct answer {
        boost::system::error_code problem;  ///< timed_out, operation_aborted, or what is wrong
        endpoints found;
    };

    name_lookup(asio::any_io_executor executor, std::string host, std::string port);
    ~name_lookup();
    name_lookup(const name_lookup&) = delete;
    name_lookup& operator=(const name_lookup&) = delete;

    /// One caller at a time.
    asio::awaitable<answer> find(wakeup::clock::time_point deadline);
    /// Ends the call of find under way, if there is one.
    void cancel();

private:
    struct question;
    void ask();

    const asio::any_io_executor executor_;
    const std::string host_;
    const std::string port_;
    std::shared_ptr<wakeup> changed_;
    std::shared_ptr<question> question_;  ///< null: nothing is looked up
    bool cancelled_ = false;
};

}  // namespace sluice::client
