#include "server/http/session.hpp"

#include "server/runtime/nothrow_await.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

namespace sluice::http {

/// The answer to HEAD is a head and takes nobody's place.
void session::admit_stream(exchange& e, response& answer) {
    if (e.method == "HEAD") return;
    e.slot = stream_slot(state_->common);
    if (e.slot) return;
    state_->warn_of_limit("streams", peer_);
    request named;
    named.request_id = e.request_id;
    answer = error_response(error(errc::overloaded, "too many streams are open"), named);
}

/// After the head. The exchange is under way again until the stream has ended.
void session::begin_stream(exchange& e) {
    e.done = false;
    reading_over_ = true;
    boost::asio::co_spawn(
        state_->executor, run_stream(e),
        [self = shared_from_this(), &e](std::exception_ptr fault) { self->end_stream(e, fault); });
}

boost::asio::awaitable<void> session::run_stream(exchange& e) {
    std::exception_ptr fault;
    try {
        co_await send_stream(e);
    } catch (...) {
        fault = std::current_exception();
    }
    if (e.answer.after_stream) co_await e.answer.after_stream();
    if (fault) std::rethrow_exception(fault);
}

/// Asks for a piece only when all before it was handed to the system. Others have their turn after
/// each: whoever goes on from the past takes many in a row.
boost::asio::awaitable<void> session::send_stream(exchange& e) {
    for (;;) {
        while (writing_ && socket_.is_open()) co_await changed_.wait();
        if (!socket_.is_open()) co_return;
        auto piece = co_await e.answer.stream();
        if (!piece || !socket_.is_open()) co_return;
        if (e.modern)
            append_chunk(output_, *piece);
        else
            output_ += *piece;
        write();
        piece.reset();
        co_await boost::asio::post(state_->executor, nothrow_await);
    }
}

/// A body that broke off gets no last chunk: that is how the peer can tell.
void session::end_stream(const exchange& e, const std::exception_ptr& fault) {
    if (fault) {
        log_failure(e, what_of(fault));
        cut();
    }
    const bool framed = e.modern;
    exchanges_.pop_front();
    if (socket_.is_open()) {
        last_answer_ = true;
        if (framed) append_last_chunk(output_);
        if (output_.empty())
            all_sent();
        else
            write();
    }
    schedule_flush();  // drops what was read behind the stream, and wakes who waits for its end
}

}  // namespace sluice::http
