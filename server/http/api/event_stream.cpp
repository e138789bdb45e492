#include "server/http/api/event_stream.hpp"

#include "proto/json_text.hpp"
#include "server/http/api/stream_text.hpp"
#include "server/queue/event_json.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace sluice::http {
namespace {

using std::chrono::steady_clock;

/// A piece ends with the event that goes beyond this; one event is a few kilobytes at most.
constexpr std::size_t piece_bytes = 32 * 1024;
constexpr std::size_t page_events = 64;

}  // namespace

event_stream::event_stream(services_ptr services, request r, event_query filter,
                           std::vector<std::string> job_types, stream_start start)
    : services_(std::move(services)),
      request_(std::move(r)),
      query_(std::move(filter)),
      job_types_(std::move(job_types)),
      position_(std::move(start.position)),
      told_(start.after),
      from_the_oldest_(start.gap) {
    query_.after = start.after;
    query_.limit = page_events;
}

asio::awaitable<std::optional<std::string>> event_stream::next() {
    if (!std::exchange(open_, true)) co_return opening();
    while (!request_.stop.stop_requested()) {
        const auto before = *query_.after;
        auto query = query_;
        query.wait = time_until(next_beat_);
        auto page = co_await services_->queue->events(std::move(query), request_.stop);
        if (!page) co_return std::nullopt;
        std::string piece = take(*page);
        const bool early = steady_clock::now() < next_beat_;
        // Nothing new, and sooner than asked: the server drains.
        if (piece.empty() && early && *query_.after == before) co_return std::nullopt;
        if (piece.empty() && early) {
            // Of a long history nothing may be for this reader: others have their turn in between.
            const auto executor = co_await asio::this_coro::executor;
            co_await asio::post(executor, asio::use_awaitable);
            continue;
        }
        if (piece.empty()) piece = beat();
        next_beat_ = steady_clock::now() + services_->stream_beat;
        co_return piece;
    }
    co_return std::nullopt;
}

std::string event_stream::opening() {
    std::string out;
    append_stream_opening(out);
    if (from_the_oldest_)
        say_gap(out);
    else
        append_stream_position(out, position_);
    next_beat_ = steady_clock::now() + services_->stream_beat;
    return out;
}

/// What the reader is to hear of a page; moves the position past what was looked at.
std::string event_stream::take(const event_page& page) {
    std::string out;
    if (page.gap && !from_the_oldest_) say_gap(out);
    from_the_oldest_ = false;
    std::string json;
    for (const auto& event : page.events) {
        query_.after = event.id;
        if (!is_wanted(event)) continue;
        json.clear();
        append_event(json, event);
        told_ = event.id;
        position_ = event_id(event.time, event.id);
        append_stream_event(out, position_, event.type, json);
        if (out.size() >= piece_bytes) return out;
    }
    query_.after = page.last_id;
    return out;
}

bool event_stream::is_wanted(const job_event& event) const {
    const auto& spec = *event.job.spec;
    const bool of_type =
        job_types_.empty() || std::ranges::find(job_types_, spec.type) != job_types_.end();
    return of_type && queue_allowed(request_, spec.queue);
}

/// Events after the position have already been dropped.
void event_stream::say_gap(std::string& out) {
    std::string json;
    json_writer(json).begin_object().key("after").string(position_).end_object();
    append_stream_event(out, {}, "gap", json);
}

/// What was left out lies behind a reader that comes back.
std::string event_stream::beat() {
    std::string out;
    append_stream_beat(out);
    if (told_ != *query_.after) {
        told_ = *query_.after;
        position_ = event_id(services_->now().wall, told_);
        append_stream_position(out, position_);
    }
    return out;
}

}  // namespace sluice::http
