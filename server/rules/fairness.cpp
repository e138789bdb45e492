#include "server/rules/fairness.hpp"

#include <algorithm>

namespace sluice::rules {

std::int64_t fair_step(std::int64_t weight, std::int64_t cost) {
    return fair_unit * cost / weight;
}

std::int64_t fair_start(std::int64_t now, std::int64_t finish) {
    return std::max(now, finish);
}

std::int64_t fair_finish(std::int64_t start, std::int64_t step) {
    return start < fair_time_max - step ? start + step : fair_time_max;
}

std::int64_t fair_rest(std::int64_t now, std::int64_t finish, std::int64_t step) {
    return std::min(finish, fair_finish(now, step));
}

}  // namespace sluice::rules
