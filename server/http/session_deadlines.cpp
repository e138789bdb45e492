#include "server/http/session.hpp"

#include <algorithm>

namespace sluice::http {
namespace {

/// How long an idle connection stays open once the server drains: a request sent just before its
/// client could know still gets an answer.
constexpr std::chrono::milliseconds drain_idle_time{250};

}  // namespace

void session::enter(phase p, clock::time_point deadline) {
    phase_ = p;
    read_deadline_ = deadline;
    arm_timer();
}

/// Nothing is under way and nothing has begun to come in.
void session::rest() {
    const auto time = state_->draining ? drain_idle_time : state_->config.keep_alive;
    enter(phase::idle, clock::now() + time);
}

/// The timer is armed anew only for an earlier time. A deadline that moves away, as that of every
/// request served does, costs nothing: when the timer fires too early it is armed again.
void session::arm_timer() {
    const clock::time_point next = std::min(read_deadline_, write_deadline_);
    if (next == clock::time_point::max() || !socket_.is_open()) return;
    if (timer_waits_ > 0 && armed_for_ <= next) return;
    armed_for_ = next;
    timer_.expires_at(next);
    ++timer_waits_;
    timer_.async_wait(
        [self = shared_from_this()](const boost::system::error_code&) { self->timer_fired(); });
}

/// Decides by the deadlines, not by how the wait ended: a wait that was cancelled in favour of an
/// earlier one may have fired already.
void session::timer_fired() {
    if (--timer_waits_ > 0 || !socket_.is_open()) return;
    const auto now = clock::now();
    if (write_deadline_ <= now) {
        state_->warn_of_limit("write_deadline", peer_);
        cut();
    } else if (read_deadline_ <= now) {
        expire();
    }
    arm_timer();
}

void session::expire() {
    read_deadline_ = clock::time_point::max();
    const bool mid_request = phase_ == phase::head || phase_ == phase::body;
    if (streaming_ && streaming_->is_busy() && phase_ == phase::body) {
        // It may be waiting for us. What has come has been looked at when the time begins anew.
        read_deadline_ = clock::now() + state_->config.stream_stall_deadline;
        return;
    }
    if (!mid_request || writing_) return cut();
    state_->warn_of_limit(phase_ == phase::head ? "head_deadline" : "body_deadline", peer_);
    // The reader sees the reason and answers. No keep-alive after this.
    expired_ = true;
    socket_.cancel();
}

void session::drain() {
    stop_.request_stop();
    if (phase_ == phase::idle)
        enter(phase::idle, std::min(read_deadline_, clock::now() + drain_idle_time));
}

void session::cut() {
    if (!socket_.is_open()) return;
    boost::system::error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
    reading_over_ = true;
    stop_.request_stop();
    schedule_flush();  // drops what is finished and wakes the reader
    changed_.notify_all();
}

}  // namespace sluice::http
