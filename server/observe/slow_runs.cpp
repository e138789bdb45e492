#include "server/observe/slow_runs.hpp"

namespace sluice {

bool slow_runs::may_tell(timestamp now) {
    const auto slot = now.time_since_epoch() / std::chrono::seconds{10};
    if (std::exchange(slot_, slot) != slot) lines_ = 0;
    if (lines_ < lines_max) return true;
    ++left_out_;
    return false;
}

void slow_runs::add(slow_run run) {
    ++lines_;
    run.left_out = std::exchange(left_out_, 0);
    told_.push_back(std::move(run));
}

}  // namespace sluice
