#include "server/worker/handlers/http/push_outcome.hpp"

#include "proto/json_text.hpp"
#include "proto/limits.hpp"
#include "server/worker/handlers/http/reply_rules.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sluice::worker::push {

namespace {

/// As much of the body of a refusal as helps a person.
constexpr std::size_t excerpt_bytes_max = 1024;

double in_ms(std::chrono::steady_clock::duration time) {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
    return static_cast<double>(us) / 1000.0;
}

job_failure make_failure(std::string_view code, std::string type, std::string message) {
    job_failure failure;
    failure.code = code;
    failure.type = std::move(type);
    failure.message = std::move(message);
    return failure;
}

job_failure failure_of(const reply& answer, std::string_view code, std::string message,
                       const exchange_facts& facts) {
    auto failure = make_failure(code, "http." + std::to_string(answer.status), std::move(message));
    json_writer details(failure.details);
    details.begin_object().key("status").integer(answer.status);
    details.key("elapsed_ms").number(in_ms(facts.elapsed));
    if (!answer.location.empty()) details.key("location").string(answer.location);
    if (!answer.body.empty())
        details.key("body").string(std::string_view(answer.body).substr(0, excerpt_bytes_max));
    details.end_object();
    return failure;
}

raw_json result_of(const reply& answer, const exchange_facts& facts) {
    if (facts.form == result_form::body) return body_as_json(answer);
    raw_json text;
    json_writer out(text);
    out.begin_object().key("status").integer(answer.status);
    out.key("elapsed_ms").number(in_ms(facts.elapsed));
    out.key("body").raw(body_as_json(answer));
    if (answer.cut) out.key("truncated").boolean(true);
    out.end_object();
    return text;
}

outcome outcome_of_reply(const reply& answer, const exchange_facts& facts) {
    const auto status = "the receiver answered " + std::to_string(answer.status);
    failed how;
    switch (judge(answer.status, answer.job_lease, facts.lease)) {
        case verdict::complete:
            return completed{result_of(answer, facts)};
        case verdict::delegate:
            return delegated{facts.holder, std::nullopt};
        case verdict::gone:
            return dead_lettered{failure_of(answer, "gone", status, facts)};
        case verdict::foreign_lease:
            how.failure = failure_of(answer, "lease_mismatch",
                                     status + " with a Job-Lease that is not this job's", facts);
            return how;
        case verdict::redirect_refused:
            how.failure = failure_of(answer, "redirect_refused",
                                     status + "; redirects are not followed", facts);
            return how;
        case verdict::slow_down:
            how.failure = failure_of(answer, "slow_down", status, facts);
            how.retry_after = parse_retry_after(answer.retry_after, facts.now);
            return how;
        case verdict::fail:
            how.failure = failure_of(answer, "http_status", status, facts);
            return how;
    }
    return how;
}

}  // namespace

raw_json body_as_json(const reply& answer) {
    if (answer.body.empty()) return "null";
    if (!answer.cut && !check_json(answer.body, limits::json_depth_max)) return answer.body;
    raw_json text;
    append_json_string(text, answer.body);
    return text;
}

outcome outcome_of(exchanged end, const exchange_facts& facts) {
    if (const auto* answer = std::get_if<reply>(&end)) return outcome_of_reply(*answer, facts);
    auto& why = std::get<fault>(end);
    if (why.kind == fault_kind::stopped) return interrupted{};
    const auto code = to_string(why.kind);
    failed how;
    how.failure = make_failure(code, "http." + std::string(code), std::move(why.message));
    json_writer(how.failure.details)
        .begin_object()
        .key("elapsed_ms")
        .number(in_ms(facts.elapsed))
        .end_object();
    return how;
}

outcome refused_for_good(const error& why) {
    failed how;
    how.failure = make_failure("invalid_args", "http.invalid_args", why.message);
    how.retryable = false;
    return how;
}

}  // namespace sluice::worker::push
