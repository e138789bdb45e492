#pragma once

#include "proto/decode.hpp"
#include "proto/limits.hpp"

/// Members that several requests of workers have. For the decoders of these alone.
namespace sluice::decode {

template <class Request>
fault job_id(Request& r, const member& m) {
    return read_job_id(m, r.job_id);
}

template <class Request>
fault worker_id(Request& r, const member& m) {
    return read_string(m, limits::worker_id_bytes_max, r.worker_id);
}

template <class Request>
fault lease(Request& r, const member& m) {
    return read_lease(m, r.lease);
}

template <class Request>
fault visibility_timeout_ms(Request& r, const member& m) {
    return read_timeout(m, std::chrono::milliseconds{1}, r.visibility_timeout);
}

template <class Request>
fault fetch_too(Request& r, const member& m) {
    return read_fetch(m, r.fetch);
}

/// `words` shortened: a worker's words are never refused, its answer matters more.
fault read_words(const member& m, std::size_t bytes_max, std::string& out);

template <class Target>
result<Target> decode_body(std::string_view body, std::span<const row<Target>> rows,
                           Target target = {}) {
    const auto root = open_object(body);
    if (!root) return root.error();
    if (auto f = read_members<Target>(*root, "", errc::invalid_request, rows, target))
        return *std::move(f);
    return target;
}

}  // namespace sluice::decode
