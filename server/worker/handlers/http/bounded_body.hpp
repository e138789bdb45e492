#pragma once

#include "server/worker/handlers/http/reply.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/optional.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

namespace sluice::worker::push {

/// A body for Beast's parser that keeps the first `reply_body_bytes_max` bytes and then ends the
/// reading with `error::body_limit`. What was kept stays.
struct bounded_body {
    struct value_type {
        std::string text;
        bool cut = false;
    };

    class reader {
    public:
        template <bool IsRequest, class Fields>
        reader(boost::beast::http::header<IsRequest, Fields>&, value_type& body) : body_(body) {}

        void init(const boost::optional<std::uint64_t>& length, boost::system::error_code& ec) {
            ec = {};
            if (length) body_.text.reserve(std::min<std::uint64_t>(*length, reply_body_bytes_max));
        }

        template <class Buffers>
        std::size_t put(const Buffers& buffers, boost::system::error_code& ec) {
            std::size_t taken = 0;
            ec = {};
            for (const auto buffer : boost::beast::buffers_range_ref(buffers)) {
                const std::size_t room = reply_body_bytes_max - body_.text.size();
                const std::size_t part = std::min(room, buffer.size());
                body_.text.append(static_cast<const char*>(buffer.data()), part);
                taken += part;
                if (part == buffer.size()) continue;
                body_.cut = true;
                ec = boost::beast::http::error::body_limit;
                break;
            }
            return taken;
        }

        void finish(boost::system::error_code& ec) { ec = {}; }

    private:
        value_type& body_;
    };
};

}  // namespace sluice::worker::push
