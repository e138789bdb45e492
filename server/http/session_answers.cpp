#include "server/http/session.hpp"

#include <boost/asio/post.hpp>

#include <exception>
#include <utility>

namespace sluice::http {
namespace {

/// One write holds as many answers as begin within this.
constexpr std::size_t output_bytes_max = 64 * 1024;
constexpr std::size_t output_bytes_kept = 4 * 1024;
constexpr std::chrono::seconds linger_time{1};

}  // namespace

session::exchange& session::open_exchange(const incoming& next) {
    exchange& e = exchanges_.emplace_back();
    e.method = next.r.method;
    e.path = next.r.path;
    e.request_id = next.r.request_id;
    const bool is_head = next.received != clock::time_point{};
    e.received = is_head ? next.received : clock::now();
    e.modern = next.facts.modern;
    return e;
}

void session::finish(exchange& e, std::exception_ptr fault, response answer) {
    complete(e, fault, std::move(answer));
    if (&e == &exchanges_.front()) schedule_flush();
}

void session::complete(exchange& e, const std::exception_ptr& fault, response answer) {
    std::string problem;
    if (fault)
        problem = what_of(fault);
    else if (!is_sendable(answer))
        problem = "a header field of the answer holds a control character";
    if (!problem.empty()) {
        log_failure(e, problem);
        request named;
        named.request_id = e.request_id;
        answer = error_response(error(errc::internal, "internal error"), named);
    }
    if (answer.stream) admit_stream(e, answer);
    if (e.body && !answer.stream) {  // nobody reads the rest of it
        e.close = true;
        e.body->close();
    }
    e.answer = std::move(answer);
    e.done = true;
    e.charge.release();
}

/// Not at once: other handlers that were woken together with this one finish in the same round, and
/// their answers go out in the same write.
void session::schedule_flush() {
    if (flush_posted_ || writing_) return;
    flush_posted_ = true;
    boost::asio::post(state_->executor, [self = shared_from_this()] { self->flush(); });
}

void session::flush() {
    flush_posted_ = false;
    do {
        if (writing_) return;
        const bool open = socket_.is_open();
        while (!exchanges_.empty() && exchanges_.front().done &&
               (!open || output_.size() < output_bytes_max)) {
            if (open && !last_answer_) append_answer(exchanges_.front());
            // A stream that has begun goes on.
            if (exchanges_.front().done) exchanges_.pop_front();
        }
        if (writing_) return;  // a stream has begun, and its first piece did not fit in at once
        if (open && !output_.empty())
            write();
        else
            changed_.notify_all();
    } while (!exchanges_.empty() && exchanges_.front().done);
}

void session::append_answer(exchange& e) {
    const bool reader_rests =
        input_.size() == 0 && (phase_ == phase::busy || phase_ == phase::idle);
    const bool drained = state_->draining && exchanges_.size() == 1 && reader_rests;
    const bool last = e.close || e.answer.close || drained;
    response_frame frame;
    frame.date = state_->dates.text(std::chrono::system_clock::now());
    frame.request_id = e.request_id;
    frame.head_only = e.method == "HEAD";
    const bool streams = e.answer.stream && !frame.head_only;
    frame.close = last || streams;
    frame.modern = e.modern;
    auto& spare = state_->spare_output;
    if (output_.empty() && output_.capacity() < spare.capacity()) output_.swap(spare);
    append_response(output_, e.answer, frame);
    if (streams)
        begin_stream(e);
    else if (last)
        last_answer_ = reading_over_ = true;
    if (!state_->log.shows(log_level::debug)) return;
    const auto taken = std::chrono::duration<double, std::milli>(clock::now() - e.received);
    state_->log.debug("request", {{"method", std::string_view{e.method}},
                                  {"path", std::string_view{e.path}},
                                  {"status", std::int64_t{e.answer.status}},
                                  {"ms", taken.count()},
                                  {"request_id", std::string_view{e.request_id}}});
}

void session::log_failure(const exchange& e, std::string_view problem) {
    state_->log.error("a request failed", {{"problem", problem},
                                           {"method", std::string_view{e.method}},
                                           {"path", std::string_view{e.path}},
                                           {"request_id", std::string_view{e.request_id}}});
}

std::string session::what_of(const std::exception_ptr& fault) {
    try {
        std::rethrow_exception(fault);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "an exception of unknown type";
    }
}

/// Most answers fit into the socket's buffer; then no operation is started at all.
void session::write() {
    boost::system::error_code ec;
    const std::size_t sent = socket_.write_some(boost::asio::buffer(output_), ec);
    if (ec && ec != boost::asio::error::would_block) return cut();
    if (sent == output_.size()) return all_sent();
    writing_ = true;
    write_rest(sent);
}

void session::write_rest(std::size_t sent) {
    write_deadline_ = clock::now() + state_->config.write_deadline;
    arm_timer();
    socket_.async_write_some(
        boost::asio::buffer(output_) + sent,
        [self = shared_from_this(), sent](const boost::system::error_code& ec, std::size_t bytes) {
            if (!ec && sent + bytes < self->output_.size()) return self->write_rest(sent + bytes);
            self->writing_ = false;
            if (ec) {
                self->cut();
                self->schedule_flush();
                return;
            }
            self->write_deadline_ = clock::time_point::max();
            self->all_sent();
            self->flush();
        });
}

void session::all_sent() {
    output_.clear();
    if (output_.capacity() > output_bytes_kept) output_.shrink_to_fit();
    auto& spare = state_->spare_output;
    if (output_.capacity() > spare.capacity()) output_.swap(spare);
    if (last_answer_) {
        boost::system::error_code ignored;
        socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
        enter(phase::linger, clock::now() + linger_time);
    } else if (exchanges_.empty() && phase_ == phase::busy && input_.size() == 0) {
        rest();
    }
    changed_.notify_all();
}

}  // namespace sluice::http
