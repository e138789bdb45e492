#include "server/worker/keep_log.hpp"

#include "proto/job_log.hpp"

#include <chrono>
#include <utility>

namespace sluice::worker {
namespace {

append_log_request request_of(log_batch batch) {
    append_log_request request;
    request.job_id = batch.job_id;
    request.lease = batch.lease;
    request.wait_for_room = !batch.last;
    request.wait_until_written = false;
    const auto now = std::chrono::steady_clock::now();
    for (const auto& piece : batch.pieces) {
        const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - piece.said);
        request.dropped += split_log(request.lines, piece.stream, piece.text, age);
    }
    request.dropped += batch.dropped;
    return request;
}

asio::awaitable<void> keep(backend* store, log_batch batch) {
    auto request = request_of(std::move(batch));
    auto keeping = store->append_log(std::move(request));
    co_await std::move(keeping);
}

}  // namespace

log_sink keep_in(backend& store) {
    return [to = &store](log_batch batch) { return keep(to, std::move(batch)); };
}

}  // namespace sluice::worker
