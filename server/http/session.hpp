#pragma once

#include "server/http/body_stream.hpp"
#include "server/http/head_check.hpp"
#include "server/http/request_reader.hpp"
#include "server/http/router.hpp"
#include "server/http/server_state.hpp"
#include "server/runtime/notifier.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <list>
#include <memory>
#include <stop_token>
#include <string>

namespace sluice::http {

/// One connection: requests in, answers out, until either side has had enough.
///
/// A reader coroutine parses, checks and starts requests, up to `pipeline_max` at a time; their
/// handlers start in order of arrival and may end in any. Answers leave in order, and all that are
/// ready leave in one write. Reading goes on while handlers run: that is how a peer that has gone
/// is noticed. Only a lone request that is answered by the next commit is awaited by the reader
/// itself. A request that cannot be trusted is answered, and nothing after it is read as a
/// request. A stream is the last answer: what was read behind it is dropped.
class session : public std::enable_shared_from_this<session> {
public:
    /// `peer` has entered the book of connections, and leaves it with this.
    session(boost::asio::ip::tcp::socket socket, boost::asio::ip::address peer,
            std::shared_ptr<server_state> state);
    ~session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    /// Serves the connection; ends when it is closed and all its handlers have ended.
    static boost::asio::awaitable<void> run(std::shared_ptr<session> self);

    /// Requests `stop` of what is under way and closes after the answers; an idle connection stays
    /// for a moment, for a request may be on its way already.
    void drain();

    /// Closes at once.
    void cut();

private:
    using clock = std::chrono::steady_clock;

    /// A request under way, from its last byte to the moment its answer is handed to the system.
    struct exchange {
        std::string method;
        std::string path;
        std::string request_id;
        clock::time_point received;
        body_charge charge;
        stream_slot slot;
        bool modern = true;
        bool close = false;
        bool done = false;
        response answer;
        std::shared_ptr<body_stream> body;  ///< set: it is read while the handler runs
    };

    /// A request on its way in.
    struct incoming {
        request r;
        head_facts facts;  ///< its views are dead once the head has been consumed
        router::match route;
        body_charge charge;
        clock::time_point received;  ///< its latest bytes
    };
    enum class look : std::uint8_t { need_bytes, refused, admitted };

    /// What the reader waits for; decides what happens when the time is up.
    enum class phase : std::uint8_t { busy, idle, head, body, linger };

    // session.cpp: reading
    boost::asio::awaitable<void> read_requests();
    boost::asio::awaitable<bool> read_body(incoming& next);
    look look_at_body(incoming& next);
    boost::asio::awaitable<void> send_continue();
    boost::asio::awaitable<void> wind_down();
    look look_at_head(incoming& next);
    bool has_room() const;
    bool all_answered() const { return exchanges_.empty() && output_.empty(); }
    std::string_view unread() const;
    boost::asio::mutable_buffer space(std::size_t wanted);
    void wait_for_head();
    bool take(const boost::system::error_code& ec, std::size_t bytes, incoming& next);
    void refuse(const refusal& why, const incoming& next, bool for_good);
    bool is_alone(const incoming& next) const;
    exchange& begin(incoming& next, std::shared_ptr<body_stream> body = nullptr);
    void start(incoming next, std::shared_ptr<body_stream> body = nullptr);

    // session_body.cpp: bodies that are streams
    boost::asio::awaitable<void> stream_body(incoming next);
    boost::asio::awaitable<body_end> read_stream(std::shared_ptr<body_stream> body);

    // session_answers.cpp: writing
    exchange& open_exchange(const incoming& next);
    void finish(exchange& e, std::exception_ptr fault, response answer);
    void complete(exchange& e, const std::exception_ptr& fault, response answer);
    void schedule_flush();
    void flush();
    void append_answer(exchange& e);
    void write();
    void write_rest(std::size_t sent);
    void all_sent();
    void log_failure(const exchange& e, std::string_view problem);
    static std::string what_of(const std::exception_ptr& fault);

    // session_stream.cpp: answers without a foreseeable end
    void admit_stream(exchange& e, response& answer);
    void begin_stream(exchange& e);
    boost::asio::awaitable<void> run_stream(exchange& e);
    boost::asio::awaitable<void> send_stream(exchange& e);
    void end_stream(const exchange& e, const std::exception_ptr& fault);

    // session_deadlines.cpp
    void enter(phase p, clock::time_point deadline = clock::time_point::max());
    void rest();
    void arm_timer();
    void timer_fired();
    void expire();

    boost::asio::ip::tcp::socket socket_;
    boost::asio::ip::address peer_;
    std::shared_ptr<server_state> state_;
    std::stop_source stop_;

    boost::beast::flat_buffer input_;
    request_reader reader_;
    std::list<exchange> exchanges_;  ///< an idle connection keeps no memory for one
    notifier changed_;               ///< answers were sent, or the connection was closed

    std::string output_;  ///< has the spare buffer of its thread while answers are made
    bool flush_posted_ = false;
    bool writing_ = false;
    bool last_answer_ = false;   ///< the answer that says "close" is in `output_` or sent
    bool reading_over_ = false;  ///< nothing that comes in is a request any more
    bool peer_closed_ = false;
    std::shared_ptr<body_stream> streaming_;  ///< the body that is read while its handler runs
    /// A peer that has sent a whole stream may send nothing more and still listen.
    bool may_half_close_ = false;

    phase phase_ = phase::busy;
    bool expired_ = false;
    clock::time_point read_deadline_ = clock::time_point::max();
    clock::time_point write_deadline_ = clock::time_point::max();
    clock::time_point armed_for_ = clock::time_point::max();
    std::size_t timer_waits_ = 0;
    boost::asio::steady_timer timer_;
};

}  // namespace sluice::http
