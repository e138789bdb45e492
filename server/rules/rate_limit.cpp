#include "server/rules/rate_limit.hpp"

#include <algorithm>

namespace sluice::rules {
namespace {

using std::chrono::microseconds;

/// `state` and the time that `count` evenly spread ones take. At the largest values count * period
/// is 6e17.
rate_state later(const rate_rule& rule, rate_state state, std::int64_t count) {
    const std::int64_t parts = count * microseconds{rule.period}.count();
    state.next += microseconds{parts / rule.limit};
    state.part += parts % rule.limit;
    if (state.part < rule.limit) return state;
    state.next += microseconds{1};
    state.part -= rule.limit;
    return state;
}

/// The state as the rule and the clock allow it to be.
rate_state fit(const rate_rule& rule, rate_state state, timestamp now) {
    state.part = std::clamp<std::int64_t>(state.part, 0, rule.limit - 1);
    return std::min(state, later(rule, {now, 0}, rule.burst));
}

}  // namespace

rate_answer take(const rate_rule& rule, rate_state state, timestamp now) {
    const auto fitted = fit(rule, state, now);
    const auto latest = later(rule, {now, 0}, rule.burst - 1);
    if (fitted <= latest) return {true, spend(rule, fitted, now), now};
    const auto wait = fitted.next - latest.next;
    return {false, state, now + wait + microseconds{fitted.part > latest.part ? 1 : 0}};
}

rate_state spend(const rate_rule& rule, rate_state state, timestamp now) {
    const auto spent = later(rule, std::max(fit(rule, state, now), rate_state{now, 0}), 1);
    return fit(rule, spent, now);
}

std::int64_t remaining(const rate_rule& rule, rate_state state, timestamp now) {
    const auto fitted = fit(rule, state, now);
    if (fitted <= rate_state{now, 0}) return rule.burst;
    const auto period = microseconds{rule.period}.count();
    const auto used = (fitted.next - now).count() * rule.limit + fitted.part;
    return rule.burst - (used + period - 1) / period;
}

}  // namespace sluice::rules
