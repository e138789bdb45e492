#include "server/worker/handlers/exec/pacing.hpp"

#include <algorithm>

namespace sluice::worker {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

namespace {

/// Between two turns: a quarter of what a place takes to come free, within these.
constexpr milliseconds turn_least = 5ms;
constexpr milliseconds turn_most = 250ms;
/// Who would have to stay away longer comes then all the same, and is told anew.
constexpr milliseconds away_most = 1min;

}  // namespace

void row_turns::ran(std::chrono::steady_clock::duration time) {
    usual_ += (time - usual_) / 8;
}

milliseconds row_turns::next(time_point now, std::size_t limit) {
    const auto apart = duration_cast<milliseconds>(usual_) / (4 * std::max<std::size_t>(limit, 1));
    last_ = std::max(last_, now) + std::clamp(milliseconds{apart}, turn_least, turn_most);
    last_ = std::min(last_, now + away_most);
    return std::chrono::ceil<milliseconds>(last_ - now);
}

}  // namespace sluice::worker
