#pragma once

#include "server/http/api/handlers.hpp"
#include "server/http/api/line_splitter.hpp"
#include "server/runtime/notifier.hpp"
#include "server/runtime/task_group.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace sluice::http {

/// A request whose body is lines of JSON, and whose answer is lines of JSON that go out meanwhile.
///
/// Lines are taken in by a coroutine of its own, which the first call for a piece of the answer
/// starts, and which ends before the exchange does. When there is nothing to say for a while a
/// blank line is sent: whoever has gone is noticed by that. Everything on one executor.
class line_stream {
public:
    line_stream(const line_stream&) = delete;
    line_stream& operator=(const line_stream&) = delete;
    virtual ~line_stream() = default;

    /// The answer to the request, which keeps `made` alive.
    static response answer(const std::shared_ptr<line_stream>& made);

protected:
    /// `r.stream` must be set.
    line_stream(services_ptr services, request r, const asio::any_io_executor& executor);

    /// Does what the lines that have come ask for; returns when the next may come.
    virtual asio::awaitable<void> take_lines() = 0;
    /// Moves what is to be said now into `piece`.
    virtual void collect(std::string& piece) = 0;
    /// Whether all has been said, once no more is taken in.
    virtual bool settled() const = 0;
    /// Awaited after the last piece.
    virtual asio::awaitable<void> leave() { co_return; }

    /// The answer to a line that was not taken.
    void append_refusal(std::string& out, std::uint64_t line, const error& why) const;
    static error why_dropped(const line_splitter::line& line);
    bool is_draining() const { return services_->draining && services_->draining(); }
    static error shutting_down();
    /// Takes in nothing more, waits for nothing, and says so at the end.
    void end_with(const error& why);
    bool has_ended() const { return !last_words_.empty(); }

    static constexpr std::size_t piece_bytes = std::size_t{64} * 1024;

    services_ptr services_;
    request request_;
    notifier changed_;
    line_splitter lines_;
    std::stop_source stop_;   ///< of all that waits for something else than the peer
    bool over_ = false;       ///< nothing more is taken in
    bool abandoned_ = false;  ///< nobody asks for the answer any more
    std::exception_ptr fault_;

private:
    asio::awaitable<std::optional<std::string>> next();
    asio::awaitable<void> end();
    asio::awaitable<void> take_in();
    void say_why_it_broke_off();
    void stop();

    using stop_hook = std::stop_callback<std::function<void()>>;
    std::optional<stop_hook> on_stop_;  ///< until the end
    std::chrono::steady_clock::time_point next_beat_;
    bool begun_ = false;
    std::string last_words_;

protected:
    task_group tasks_;  ///< last, see there
};

}  // namespace sluice::http
