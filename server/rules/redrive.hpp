#pragma once

#include "proto/redrive.hpp"

#include <chrono>
#include <cstdint>

/// What becomes of a redrive, and how fast it may go. Each change leaves it in the state that
/// follows: once all canaries have completed the others are sent, and once all are sent it is over.
namespace sluice::rules {

/// A redrive that has sent nothing yet.
redrive_record begin_redrive(redrive_request asked, std::string id, timestamp now);

/// Whether a job is to be sent: a dead letter that is meant and was one when the redrive began.
bool is_candidate(const redrive_record& redrive, const job_record& job);

/// How many it may send until canaries have ended, or it is over itself.
std::uint64_t left_to_send(const redrive_record& redrive);

/// A job was sent. Call only while there are some left to send.
void note_sent(redrive_record& redrive, const job_record& job, timestamp now);

/// All candidates have had their turn.
void note_exhausted(redrive_record& redrive, timestamp now);

/// A job has ended. If it is a canary that is waited for, this tells whether it completed: else the
/// redrive stops. False: it is none, and nothing has changed.
bool note_end(redrive_record& redrive, const job_record& job, timestamp now);

/// Nothing more is sent. False: it was over already.
bool cancel_redrive(redrive_record& redrive, timestamp now);

/// When the next job may be sent, on the steady clock.
struct send_pace {
    std::chrono::microseconds next{0};
};

/// How many may be sent now. Within any time t these are at most rate * t, and a tenth of a
/// second's worth, or one, at a time: a redrive that had to wait does not make up for it.
std::uint64_t due(const send_pace& pace, double rate, std::chrono::microseconds now);

/// So many were sent now.
void spend(send_pace& pace, double rate, std::uint64_t count, std::chrono::microseconds now);

}  // namespace sluice::rules
