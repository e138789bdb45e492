#include "server/http/session.hpp"

#include "proto/http_text.hpp"
#include "server/runtime/nothrow_await.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace sluice::http {
namespace {

constexpr std::size_t read_bytes = 4096;
constexpr std::size_t dropped_bytes_max = 64 * 1024;
constexpr std::size_t body_reserve_max = 64 * 1024;

bool is_request_id(std::string_view text) {
    return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
        return is_alphanumeric(c) || c == '-' || c == '_';
    });
}

/// Keeps the connection in the books for as long as its coroutine lives. Its end may be that of the
/// whole context, so nothing is started here.
struct registration {
    registration(session& s, server_state& shared) : owner(s), state(shared) {
        state.sessions.insert(&owner);
    }
    ~registration() {
        state.sessions.erase(&owner);
        state.session_ended.notify_all();
    }
    registration(const registration&) = delete;
    registration& operator=(const registration&) = delete;

    session& owner;
    server_state& state;
};

}  // namespace

session::session(boost::asio::ip::tcp::socket socket, boost::asio::ip::address peer,
                 std::shared_ptr<server_state> state)
    : socket_(std::move(socket)),
      peer_(std::move(peer)),
      state_(std::move(state)),
      // A whole head and one more read always fit.
      input_(std::max(state_->config.buffer_bytes_max, state_->config.head_bytes_max + read_bytes)),
      reader_({state_->config.head_bytes_max, state_->config.fields_max}),
      changed_(state_->executor),
      timer_(state_->executor) {}

session::~session() {
    state_->common->connections.leave(peer_);
}

boost::asio::awaitable<void> session::run(std::shared_ptr<session> self) {
    const registration here(*self, *self->state_);
    self->enter(phase::idle, clock::now() + self->state_->config.head_deadline);
    if (self->state_->draining) self->drain();
    std::exception_ptr fault;
    try {
        co_await self->read_requests();
    } catch (...) {
        fault = std::current_exception();
    }
    if (fault) self->cut();
    co_await self->wind_down();
    if (fault) std::rethrow_exception(fault);
}

boost::asio::awaitable<void> session::read_requests() {
    while (!reading_over_) {
        if (!has_room()) {
            co_await changed_.wait();
            continue;
        }
        incoming next;
        const look head = look_at_head(next);
        if (head == look::need_bytes) {
            wait_for_head();
            if (!exchanges_.empty() && input_.size() == 0) {
                // A request under way may be a long poll, of which there are many: they wait
                // without a buffer. Whatever ends the wait, the read tells what it was.
                input_.shrink_to_fit();
                co_await socket_.async_wait(boost::asio::socket_base::wait_read, nothrow_await);
            }
            auto [ec, bytes] = co_await socket_.async_read_some(space(read_bytes), nothrow_await);
            if (!take(ec, bytes, next)) co_return;
        }
        if (head != look::admitted) continue;
        if (next.facts.streams_body) {
            co_await stream_body(std::move(next));
            continue;
        }
        // Most bodies have come together with their head and need no waiting.
        const look body = next.facts.has_body() ? look_at_body(next) : look::admitted;
        if (body == look::refused) co_return;
        if (body == look::need_bytes) {
            const bool whole = co_await read_body(next);
            if (!whole) co_return;
        }
        reader_.reset();
        if (!is_alone(next)) {
            start(std::move(next));
            continue;
        }
        // Awaited here it needs no coroutine of its own, and its answer no turn of the loop.
        exchange& e = begin(next);
        response answer;
        std::exception_ptr fault;
        try {
            auto handling = (*next.route.handle)(std::move(next.r), std::move(next.route.values));
            answer = co_await std::move(handling);
        } catch (...) {
            fault = std::current_exception();
        }
        complete(e, fault, std::move(answer));
        flush();
        // Behind the others of the same commit: a read at once would find nothing yet, and one more
        // would have to follow. Saves 0.7 system calls a request on 64 connections (decision 34).
        if (input_.size() == 0 && state_->sessions.size() > 1)
            co_await boost::asio::post(state_->executor, boost::asio::use_awaitable);
    }
}

/// Whether nothing else can happen on this connection before the request is answered, which must
/// be soon: while the reader awaits it nobody reads, and a peer that goes is not missed.
bool session::is_alone(const incoming& next) const {
    const auto brief = next.route.options.is_brief;
    return brief && exchanges_.empty() && input_.size() == 0 && brief(next.r);
}

/// Decides on the head of the next request. When it is admitted its bytes are consumed.
session::look session::look_at_head(incoming& next) {
    const parse_step step = reader_.read_head(unread());
    if (step == parse_step::need_more) return look::need_bytes;
    if (step == parse_step::fault) {
        refuse(refusal(reader_.fault()), next, true);
        return look::refused;
    }
    auto no = check_head(reader_.head(), state_->config.target_bytes_max, next.facts, next.r);
    const bool trusted = !no;
    next.received = clock::now();
    if (trusted) no = state_->door.admit(next.facts, next.r, next.route, peer_, next.received);
    if (no) {
        refuse(*no, next, !trusted || next.facts.has_body() || !next.facts.keep_alive);
        input_.consume(reader_.consumed());
        reader_.reset();
        return look::refused;
    }
    const std::string_view given = next.r.field("x-request-id");
    next.r.request_id = is_request_id(given) ? std::string(given) : state_->new_request_id();
    input_.consume(reader_.consumed());
    if (next.facts.has_body() && !next.facts.streams_body) {
        next.charge = body_charge(state_->common);
        next.r.body.reserve(std::min<std::size_t>(next.facts.content_length, body_reserve_max));
        reader_.begin_body(next.route.options.body_bytes_max);
    }
    return look::admitted;
}

/// Moves what has come of the body out of the buffer. `admitted`: it is whole.
session::look session::look_at_body(incoming& next) {
    const bool full = input_.size() == input_.max_size();
    const parse_step step = reader_.read_body(unread(), full, next.r.body);
    if (step == parse_step::fault) {
        refuse(refusal(reader_.fault()), next, true);
        return look::refused;
    }
    input_.consume(reader_.consumed());
    if (!next.charge.grow_to(next.r.body.size())) {
        state_->warn_of_limit("body_bytes_in_flight", peer_);
        refuse(refusal(503, errc::overloaded, "too many bodies are on their way in"), next, true);
        return look::refused;
    }
    return step == parse_step::complete ? look::admitted : look::need_bytes;
}

/// Waits for the rest of the body.
boost::asio::awaitable<bool> session::read_body(incoming& next) {
    const http_config& config = state_->config;
    if (next.facts.expects_continue && next.r.body.empty() && input_.size() == 0)
        co_await send_continue();
    const auto begun = clock::now();
    for (look seen = look::need_bytes; seen != look::admitted; seen = look_at_body(next)) {
        if (seen == look::refused) co_return false;
        // The average rate counts after half the idle deadline, so that a short stall is forgiven.
        const auto earned = std::chrono::duration<double>(
            static_cast<double>(next.r.body.size()) /
            static_cast<double>(std::max<std::size_t>(config.body_bytes_per_second_min, 1)));
        enter(phase::body, std::min(clock::now() + config.body_idle_deadline,
                                    begun + config.body_idle_deadline / 2 +
                                        std::chrono::duration_cast<clock::duration>(earned)));
        auto [ec, bytes] =
            co_await socket_.async_read_some(space(input_.max_size()), nothrow_await);
        if (!take(ec, bytes, next)) co_return false;
        next.received = clock::now();
    }
    co_return true;
}

/// After the answers that are still to come: they are for earlier requests.
boost::asio::awaitable<void> session::send_continue() {
    enter(phase::body);  // without a deadline: it is not the peer we wait for
    while (socket_.is_open() && !all_answered()) co_await changed_.wait();
    if (!socket_.is_open()) co_return;
    output_ = "HTTP/1.1 100 Continue\r\n\r\n";
    write();
}

/// Answers still leave while what comes in is dropped, so that closing does not reset the
/// connection under an answer the peer has yet to read.
boost::asio::awaitable<void> session::wind_down() {
    input_.consume(input_.size());
    std::size_t dropped = 0;
    while (socket_.is_open() && !peer_closed_ && dropped <= dropped_bytes_max) {
        if (phase_ != phase::linger) enter(phase::busy);
        auto [ec, bytes] = co_await socket_.async_read_some(space(read_bytes), nothrow_await);
        dropped += bytes;
        if (ec) {
            peer_closed_ = true;
            if (ec != boost::asio::error::eof || !may_half_close_) stop_.request_stop();
        }
    }
    while (socket_.is_open() && !all_answered()) co_await changed_.wait();
    cut();
    while (!exchanges_.empty()) co_await changed_.wait();
}

/// A peer that does not take its answers gets no further requests started.
bool session::has_room() const {
    return !writing_ && exchanges_.size() < state_->config.pipeline_max;
}

std::string_view session::unread() const {
    const auto bytes = input_.cdata();
    return {static_cast<const char*>(bytes.data()), bytes.size()};
}

boost::asio::mutable_buffer session::space(std::size_t wanted) {
    return input_.prepare(std::min(wanted, input_.max_size() - input_.size()));
}

void session::wait_for_head() {
    if (input_.size() != 0) {
        // Absolute, from the first byte on: one more byte now and then buys no time.
        if (phase_ != phase::head) enter(phase::head, clock::now() + state_->config.head_deadline);
        return;
    }
    if (input_.capacity() > 2 * read_bytes) input_.shrink_to_fit();
    if (all_answered() && phase_ == phase::busy) rest();
}

/// After a read. False when there is nothing more to read.
bool session::take(const boost::system::error_code& ec, std::size_t bytes, incoming& next) {
    if (std::exchange(expired_, false)) {
        refuse({408, errc::invalid_request, "the request took too long to arrive"}, next, true);
        return false;
    }
    if (ec) {
        peer_closed_ = true;
        reading_over_ = true;
        stop_.request_stop();
        if (ec != boost::asio::error::eof) cut();
        return false;
    }
    input_.commit(bytes);
    return !reading_over_;
}

void session::refuse(const refusal& why, const incoming& next, bool for_good) {
    exchange& e = open_exchange(next);
    if (e.request_id.empty()) e.request_id = state_->new_request_id();
    request named;
    named.request_id = e.request_id;
    response answer = error_response(why.what, named);
    answer.status = why.status;
    if (!why.allow.empty()) answer.fields.emplace_back("Allow", why.allow);
    e.close = for_good;
    if (for_good) reading_over_ = true;
    enter(phase::busy);
    finish(e, nullptr, std::move(answer));
}

session::exchange& session::begin(incoming& next, std::shared_ptr<body_stream> body) {
    exchange& e = open_exchange(next);
    e.charge = std::move(next.charge);
    e.body = std::move(body);
    e.close = !next.facts.keep_alive;
    if (e.close) reading_over_ = true;
    enter(phase::busy);
    next.r.received = e.received;
    next.r.stop = stop_.get_token();
    return e;
}

void session::start(incoming next, std::shared_ptr<body_stream> body) {
    exchange& e = begin(next, std::move(body));
    if (next.route.handle == nullptr) {  // OPTIONS, which the server answers itself
        response answer;
        answer.status = 204;
        answer.fields.emplace_back("Allow", next.route.allow);
        finish(e, nullptr, std::move(answer));
        return;
    }
    auto handling = (*next.route.handle)(std::move(next.r), std::move(next.route.values));
    boost::asio::co_spawn(
        state_->executor, std::move(handling),
        [self = shared_from_this(), &e](std::exception_ptr fault, response answer) {
            self->finish(e, fault, std::move(answer));
        });
}

}  // namespace sluice::http
