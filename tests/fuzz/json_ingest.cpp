#include "proto/codec.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

/// Whatever a peer sends as a body: no decoder may crash, and a job that is taken must come back
/// from the store, and over the wire, as it was.
namespace {

using namespace sluice;

constexpr timestamp now{std::chrono::microseconds{1'770'892'200'000'000}};

void demand(bool truth, const char* what) {
    if (truth) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

void demand_error_is_json(const error& e) {
    demand(!check_json(encode_error(e, "r"), json_depth_cap), "an error is not JSON");
}

bool same(const job_spec& a, const job_spec& b) {
    return a.type == b.type && a.queue == b.queue && a.priority == b.priority && a.args == b.args &&
           encode_stored_spec(a) == encode_stored_spec(b);
}

void round_trip(const job_spec& spec) {
    job_spec stored;
    stored.id = spec.id;
    stored.type = spec.type;
    stored.queue = spec.queue;
    stored.priority = spec.priority;
    stored.args = spec.args;
    decode_stored_spec(encode_stored_spec(spec), stored);
    demand(same(stored, spec), "the store changed a job");

    job_record record;
    auto shown = spec;
    shown.client_id = true;
    // A time that was relative has become an absolute one by the time it is shown.
    if (shown.scheduled_at && shown.scheduled_at_text.empty())
        shown.scheduled_at_text = format_timestamp(*shown.scheduled_at);
    if (shown.expires_at && shown.expires_at_text.empty())
        shown.expires_at_text = format_timestamp(*shown.expires_at);
    // These are shown elsewhere, or not at all once the job is on its way.
    shown.produced_at.reset();
    shown.pending = false;
    if (!spec.client_id) shown.id = make_uuid(now, 1, 1);
    record.spec = std::make_shared<const job_spec>(shown);
    record.received_at = now;
    std::string text;
    append_leased_job(text, record);
    const auto again = decode_job(text, now);
    // The answer may be one level deeper than the request where options stood flat; no others.
    demand(again.has_value(), "an answer cannot be sent again");
    demand(same(*again, shown), "an answer is not what was asked for");
}

template <class T>
void check(const result<T>& decoded) {
    if (!decoded) demand_error_is_json(decoded.error());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body{reinterpret_cast<const char*>(data), size};
    const auto job = decode_job(body, now);
    check(job);
    if (job) round_trip(*job);
    const auto batch = decode_batch(body, now);
    check(batch);
    if (batch)
        for (const auto& spec : *batch) round_trip(spec);
    check(decode_fetch(body));
    check(decode_ack(body, now));
    check(decode_answers(body, now));
    check(decode_nack(body));
    check(decode_heartbeat(body));
    check(decode_progress(body));
    return 0;
}
