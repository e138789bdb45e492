#include "server/http/body_stream.hpp"
#include "server/http/session.hpp"
#include "server/runtime/nothrow_await.hpp"

namespace sluice::http {

/// A body that its handler reads as it comes: the handler is started first.
boost::asio::awaitable<void> session::stream_body(incoming next) {
    const bool has_body = next.facts.has_body();
    if (next.facts.expects_continue && input_.size() == 0) {
        co_await send_continue();
        next.received = clock::now();
    }
    auto on_room = [self = weak_from_this()] {
        if (const auto alive = self.lock()) alive->changed_.notify_all();
    };
    const auto body = std::make_shared<body_stream>(
        state_->executor, body_charge(state_->common, body_charge::kind::line), std::move(on_room));
    if (has_body) reader_.begin_body(std::numeric_limits<std::uint64_t>::max());
    next.r.stream = body;
    streaming_ = body;
    start(std::move(next), body);
    body_end end = body_end::whole;
    if (has_body) end = co_await read_stream(body);
    body->finish(end);
    reading_over_ = true;
    streaming_.reset();
    may_half_close_ = end == body_end::whole;
    if (phase_ != phase::linger) enter(phase::busy);
}

boost::asio::awaitable<body_end> session::read_stream(std::shared_ptr<body_stream> body) {
    std::string piece;
    for (;;) {
        while (socket_.is_open() && !body->has_room() && !body->is_closed()) {
            enter(phase::busy);  // it is not the peer we wait for
            co_await changed_.wait();
        }
        if (!socket_.is_open() || body->is_closed()) co_return body_end::broken;
        piece.clear();
        const bool full = input_.size() == input_.max_size();
        const parse_step step = reader_.read_body(unread(), full, piece);
        input_.consume(reader_.consumed());
        if (!piece.empty()) body->add(piece);
        if (step == parse_step::complete) co_return body_end::whole;
        if (step == parse_step::fault) co_return body_end::broken;
        if (!body->has_room()) continue;
        enter(phase::body, clock::now() + state_->config.stream_stall_deadline);
        auto [ec, bytes] =
            co_await socket_.async_read_some(space(input_.max_size()), nothrow_await);
        if (std::exchange(expired_, false)) co_return body_end::stalled;
        if (ec) {
            peer_closed_ = true;
            stop_.request_stop();
            if (ec != boost::asio::error::eof) cut();
            co_return body_end::broken;
        }
        input_.commit(bytes);
    }
}

}  // namespace sluice::http
