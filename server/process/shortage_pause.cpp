#include "server/process/shortage_pause.hpp"

#include <algorithm>

namespace sluice::process {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds pause_least = 1s;
constexpr milliseconds pause_most = 1min;
/// Longer than the longest pause: what comes later than that is another shortage.
constexpr auto over_after = 2min;
constexpr auto say_every = 10s;

}  // namespace

milliseconds shortage_pause::not_started(time_point now) {
    if (!since_ || now - last_ > over_after) since_ = now;
    last_ = now;
    const auto lasted = std::chrono::duration_cast<milliseconds>(now - *since_);
    return std::clamp(lasted, pause_least, pause_most);
}

bool shortage_pause::worth_saying(time_point now) {
    if (said_ && now - *said_ < say_every) return false;
    said_ = now;
    return true;
}

}  // namespace sluice::process
