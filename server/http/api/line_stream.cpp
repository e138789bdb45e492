#include "server/http/api/line_stream.hpp"

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "server/http/body_stream.hpp"

#include <utility>

namespace sluice::http {

line_stream::line_stream(services_ptr services, request r, const asio::any_io_executor& executor)
    : services_(std::move(services)),
      request_(std::move(r)),
      changed_(executor),
      lines_(limits::body_bytes_max),
      tasks_(executor, [this](std::exception_ptr fault) {
          fault_ = std::move(fault);
          changed_.notify_all();
      }) {}

response line_stream::answer(const std::shared_ptr<line_stream>& made) {
    response answer;
    answer.content_type = "application/x-ndjson";
    answer.stream = [made] { return made->next(); };
    answer.after_stream = [made] { return made->end(); };
    return answer;
}

asio::awaitable<std::optional<std::string>> line_stream::next() {
    if (!std::exchange(begun_, true)) {
        on_stop_.emplace(request_.stop, [this] { stop(); });
        tasks_.spawn(take_in());
    }
    next_beat_ = std::chrono::steady_clock::now() + services_->stream_beat;
    std::string piece;
    for (;;) {
        if (fault_) std::rethrow_exception(fault_);
        collect(piece);
        const bool last = over_ && settled();
        if (piece.empty() && last) piece = std::exchange(last_words_, {});
        if (!piece.empty()) co_return piece;
        if (last) co_return std::nullopt;
        const auto woken = co_await changed_.wait_until(next_beat_);
        if (woken == wake_reason::timed_out) co_return "\n";
    }
}

asio::awaitable<void> line_stream::end() {
    if (!begun_) co_return;
    abandoned_ = true;
    stop();
    co_await tasks_.join();
    on_stop_.reset();
    co_await leave();
}

/// Lines that have come are still taken in.
void line_stream::stop() {
    stop_.request_stop();
    request_.stream->close();
    changed_.notify_all();
}

asio::awaitable<void> line_stream::take_in() {
    auto& body = *request_.stream;
    for (;;) {
        auto piece = co_await body.next();
        if (!piece || abandoned_ || has_ended()) break;
        lines_.add(*piece);
        piece.reset();
        co_await take_lines();
        if (!body.hold(lines_.held()) && lines_.held() > 0) {
            lines_.drop(errc::overloaded);
            body.hold(0);
        }
    }
    if (has_ended()) {
        // It has been said why.
    } else if (body.end() == body_end::whole) {
        lines_.finish();
        co_await take_lines();
    } else {
        say_why_it_broke_off();
    }
    over_ = true;
    changed_.notify_all();
}

void line_stream::append_refusal(std::string& out, std::uint64_t line, const error& why) const {
    out += "{\"line\":" + std::to_string(line) + ',';
    out.append(encode_error(why, request_.request_id), 1);  // its one member is "error"
    out += '\n';
}

error line_stream::why_dropped(const line_splitter::line& line) {
    return {*line.dropped, *line.dropped == errc::too_large
                               ? "The line is too long."
                               : "Too many bodies are on their way in."};
}

void line_stream::end_with(const error& why) {
    last_words_ = encode_error(why, request_.request_id) + '\n';
    stop();
}

error line_stream::shutting_down() {
    return {errc::shutting_down, "The server is shutting down."};
}

void line_stream::say_why_it_broke_off() {
    if (request_.stream->end() == body_end::stalled)
        end_with({errc::invalid_request, "Nothing has come for too long."});
    else if (is_draining())
        end_with(shutting_down());
    else
        end_with({errc::invalid_request, "The body broke off."});
}

}  // namespace sluice::http
