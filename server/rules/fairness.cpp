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

std::int64_t fair_shifted(std::int64_t tag, std::int64_t shift) {
    return shift > 0 && tag > INT64_MAX - shift ? INT64_MAX : tag + shift;
}

bool is_fair_tag(std::int64_t tag) {
    constexpr auto slack = std::int64_t{1} << 50;
    return tag > -slack && tag < fair_time_max + slack;
}

}  // namespace sluice::rules
