#include "server/rules/rate_limit.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace sluice::rules {
namespace {

using std::chrono::microseconds;

error refuse(std::string_view field, const std::string& rule) {
    std::string message = "'" + std::string{field} + "' must be " + rule + ".";
    return {errc::validation_failed, std::move(message),
            "\"field\":\"" + std::string{field} + "\""};
}

/// `state` and the time that `count` evenly spread ones take. At the largest values count * period
/// is 6e17.
rate_state later(const limit_definition& definition, rate_state state, std::int64_t count) {
    const std::int64_t parts = count * microseconds{definition.period}.count();
    state.next += microseconds{parts / definition.limit};
    state.part += parts % definition.limit;
    if (state.part < definition.limit) return state;
    state.next += microseconds{1};
    state.part -= definition.limit;
    return state;
}

/// The state as the definition and the clock allow it to be.
rate_state fit(const limit_definition& definition, rate_state state, timestamp now) {
    state.part = std::clamp<std::int64_t>(state.part, 0, definition.limit - 1);
    return std::min(state, later(definition, {now, 0}, definition.burst));
}

}  // namespace

std::optional<error> check(const limit_definition& definition) {
    if (definition.limit < 1 || definition.limit > rate_limit_max)
        return refuse("limit", "from 1 to " + std::to_string(rate_limit_max));
    if (definition.period < rate_period_min || definition.period > rate_period_max)
        return refuse("period", "from 1 millisecond to 7 days");
    if (definition.burst < 1 || definition.burst > rate_burst_max)
        return refuse("burst", "from 1 to " + std::to_string(rate_burst_max));
    if (definition.concurrency && *definition.concurrency < 0)
        return refuse("concurrency", "0 or more");
    return std::nullopt;
}

rate_answer take(const limit_definition& definition, rate_state state, timestamp now) {
    const auto fitted = fit(definition, state, now);
    const auto latest = later(definition, {now, 0}, definition.burst - 1);
    if (fitted <= latest)
        return {true, later(definition, std::max(fitted, rate_state{now, 0}), 1), now};
    const auto wait = fitted.next - latest.next;
    return {false, state, now + wait + microseconds{fitted.part > latest.part ? 1 : 0}};
}

std::int64_t remaining(const limit_definition& definition, rate_state state, timestamp now) {
    const auto fitted = fit(definition, state, now);
    if (fitted <= rate_state{now, 0}) return definition.burst;
    const auto period = microseconds{definition.period}.count();
    const auto used = (fitted.next - now).count() * definition.limit + fitted.part;
    return definition.burst - (used + period - 1) / period;
}

}  // namespace sluice::rules
