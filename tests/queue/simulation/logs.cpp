#include "tests/queue/simulation/world.hpp"

#include <algorithm>

/// What workers say of their runs.
namespace sluice::test {

void world::say_something() {
    if (leases_.empty()) return;
    const auto recent = std::min<std::size_t>(leases_.size(), 12);
    auto held = one_in(8) ? any(leases_) : leases_[leases_.size() - 1 - below(recent)];
    if (held.args == made_args) return;  // the end of such a job is not told with its log
    if (one_in(40)) held.lease.nonce ^= 1;
    const auto at = seen_.calls.size();
    std::vector<log_text> lines;
    // One call of the history for each line, all with one answer.
    for (auto count = 1 + below(3); count > 0; --count) {
        job_call call;
        call.begun = next();
        call.what = verb::log;
        call.id = held.id;
        call.lease = held.lease;
        call.line = "line " + std::to_string(++names_);
        lines.push_back({log_stream::stdout_, call.line});
        seen_.calls.push_back(std::move(call));
    }
    with_jobs({held.id}, [this, held, at, lines = std::move(lines)] {
        if (!engine_->resident(held.id) || engine_->knows_log(held.id)) return say(held, at, lines);
        // Where the log ends is read; here that takes no time.
        const auto load = engine_->begin_load();
        const auto end = wrong_.leave_logs_unread
                             ? log_end{}
                             : store_->log_end_blocking(engine_->peek(held.id)->seq);
        engine_->learn_log(held.id, end, load);
        say(held, at, lines);
    });
}

void world::say(held_lease held, std::size_t at, std::vector<log_text> lines) {
    append_log_request request;
    request.job_id = held.id;
    request.lease = held.lease;
    request.lines = std::move(lines);
    const auto count = request.lines.size();
    auto made = engine_->append_log(std::move(request), clock_.now);
    const auto gate = made ? made->gate : engine_->gate(held.id);
    hold(gate, [this, at, count, made = std::move(made)] {
        for (std::size_t i = 0; i < count; ++i) {
            auto& told = seen_.calls[at + i];
            told.ended = next();
            told.how = made ? told::done : told::refused;
            if (made)
                told.kept = i < made->receipt.kept;
            else
                told.error = made.error().code;
        }
    });
}

}  // namespace sluice::test
