#include "proto/codec.hpp"

namespace sluice {
namespace {

/// What became of the request when the server is at fault, or could not take it.
std::string_view outcome_of(errc code) {
    switch (code) {
        case errc::overloaded:
        case errc::shutting_down:
        case errc::disk_low:
            return "not_stored";
        case errc::store_failed:
        case errc::internal:
            return "unknown";
        default:
            return {};
    }
}

/// What the caller could look at next.
std::string_view hint_of(errc code) {
    switch (code) {
        case errc::not_found:
            return "Check the address and the id. Finished jobs are removed after their retention "
                   "time.";
        case errc::lease_lost:
            return "Drop this run's result: the job has gone to another run.";
        case errc::store_failed:
        case errc::internal:
            return "Repeat the request with the same Idempotency-Key or job id.";
        default:
            return {};
    }
}

}  // namespace

std::string encode_error(const error& e, std::string_view request_id) {
    std::string text;
    json_writer out{text};
    const auto code = to_string(e.code);
    out.begin_object().key("error").begin_object();
    // Open Job Spec's own texts disagree on which of the two names the kind of an error.
    out.key("code").string(code).key("type").string(code);
    out.key("message").string(e.message);
    out.key("retryable").boolean(is_retryable(e.code));
    const auto outcome = outcome_of(e.code);
    if (!outcome.empty() || !e.details.empty()) {
        out.key("details").begin_object().raw_members(e.details);
        if (!outcome.empty()) out.key("outcome").string(outcome);
        out.end_object();
    }
    if (const auto hint = hint_of(e.code); !hint.empty()) out.key("hint").string(hint);
    out.key("docs_url").string("/openapi.json");
    out.key("request_id").string(request_id);
    out.end_object().end_object();
    return text;
}

}  // namespace sluice
