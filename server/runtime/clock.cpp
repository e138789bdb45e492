#include "server/runtime/clock.hpp"

namespace sluice {

instant system_instant() {
    using std::chrono::floor;
    using std::chrono::microseconds;
    return {.wall = floor<microseconds>(std::chrono::system_clock::now()),
            .steady = floor<microseconds>(std::chrono::steady_clock::now().time_since_epoch())};
}

}  // namespace sluice
