#pragma once

#include "proto/time.hpp"
#include "server/worker/handler.hpp"
#include "server/worker/handlers/http/reply.hpp"

#include <chrono>
#include <cstdint>
#include <string>

/// From what came back to what becomes of the job. Pure.
namespace sluice::worker::push {

enum class result_form : std::uint8_t {
    exchange,  ///< {"status", "elapsed_ms", "body"}
    body,      ///< the body alone
};

struct exchange_facts {
    std::string holder;  ///< who answered, for a delegation
    std::string lease;   ///< of the job
    std::chrono::steady_clock::duration elapsed{};
    timestamp now;
    result_form form = result_form::exchange;
};

/// A body that is JSON stays as it is, byte for byte; any other, and one that was cut, becomes a
/// JSON string; no body is null.
raw_json body_as_json(const reply& answer);

outcome outcome_of(exchanged end, const exchange_facts& facts);

/// The failure of a job whose arguments cannot be used, which will not change.
outcome refused_for_good(const error& why);

}  // namespace sluice::worker::push
