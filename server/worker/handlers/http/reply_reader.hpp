#pragma once

#include "server/worker/handlers/http/bounded_body.hpp"
#include "server/worker/handlers/http/reply.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include <cstdint>
#include <optional>

namespace sluice::worker::push {

/// Takes one answer apart as its bytes come, within the limits of reply.hpp; interim answers before
/// it are skipped. No I/O: what comes out depends on the bytes alone, not on how they were cut.
class reply_reader {
public:
    enum class step : std::uint8_t { need_more, done, failed };

    /// `head`: the answer to a HEAD request, which has no body whatever its header says.
    explicit reply_reader(bool head);

    /// Takes what it can from `buffer`. What is left there after `done` was never asked for.
    step read(boost::beast::flat_buffer& buffer);

    /// The connection has ended, which may be the end of the body. Never `need_more`.
    step end();
    /// It was lost: nothing that is not whole already becomes so.
    step lost();

    /// Whether a byte of an answer came.
    bool began() const { return began_; }

    /// After `done`.
    reply take_reply() { return std::move(reply_); }
    /// After `failed`.
    fault take_fault() { return std::move(fault_); }

private:
    using parser = boost::beast::http::response_parser<bounded_body>;

    void begin();
    /// One whole answer, interim or not.
    step next();
    step fail(fault_kind kind, std::string message);
    step fail(const boost::system::error_code& ec);

    const bool head_;
    int interim_ = 0;
    bool began_ = false;
    std::optional<parser> parser_;
    reply reply_;
    fault fault_;
};

}  // namespace sluice::worker::push
