#pragma once

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace sluice::worker::push::test {

/// An HTTP client as one would write it without thinking: no limits, no deadline, no look at what
/// is wrong. What the tests of ours prove not to happen, happens to it.
struct naive_reply {
    std::string text;      ///< all that came, head and all
    bool ended = false;    ///< the connection did; else it would wait and read on
    unsigned status = 0;   ///< 0: no status line
    std::string location;  ///< of a redirect
    std::string body;
};

/// Sends `request` to 127.0.0.1:`port` and reads to the end of the connection. So that a test comes
/// to its end it gives up after `patience`, or once it has `enough`. It blocks:
/// `aside` runs it.
naive_reply naive_call(std::uint16_t port, const std::string& request,
                       std::chrono::milliseconds patience = std::chrono::milliseconds{300},
                       std::size_t enough = std::size_t{4} << 20);

/// Runs `what` on a thread of its own, and `context`, with the receivers, meanwhile.
void aside(boost::asio::io_context& context, const std::function<void()>& what);

}  // namespace sluice::worker::push::test
