#include "proto/limits.hpp"
#include "server/queue/local_backend_impl.hpp"

#include <algorithm>

/// Logs of jobs: taken like every other change, read from the store alone.
namespace sluice {

/// Makes sure that the engine knows where the log of a job ends. False when the store failed.
asio::awaitable<bool> local_backend::learn_log(uuid id) {
    const bool here = co_await load(id);
    if (!here) co_return false;
    while (engine_.resident(id) && !engine_.knows_log(id)) {
        const auto load = engine_.begin_load();
        engine_.keep(id);
        auto read = [this, seq = engine_.peek(id)->seq] { return store_->log_end_blocking(seq); };
        const auto end = co_await read_store(read);
        if (!end) co_return false;
        engine_.learn_log(id, *end, load);
    }
    co_return !failed_;
}

asio::awaitable<result<log_receipt>> local_backend::append_log(append_log_request request) {
    if (failed_) co_return failure();
    const auto id = request.job_id;
    const bool waits = request.wait_until_written;
    const bool patient = request.wait_for_room;
    bool ok = true;
    do {
        while (ok && patient && !engine_.log_has_room()) ok = co_await durable(engine_.gate());
        if (ok && !engine_.knows_log(id)) ok = co_await learn_log(id);
        // Others may have taken the room during the read.
    } while (ok && patient && !engine_.log_has_room());
    if (!ok) co_return failure();
    auto taken = engine_.append_log(std::move(request), now());
    // A refusal tells of a state.
    const auto batch = taken ? taken->gate : engine_.gate(id);
    // Whoever has no time says more right away: the lines go with that, not ahead of it.
    if (patient || waits) after_command();
    if (waits) ok = co_await durable(batch);
    if (!ok) co_return failure();
    engine_.evict_idle(now());
    if (!taken && taken.error().code == errc::not_found) co_return missing(id);
    if (!taken) co_return taken.error();
    co_return taken->receipt;
}

/// The lines after the cursor that are written, and whether the job had ended before they were
/// read.
asio::awaitable<result<log_page>> local_backend::look_at_log(log_query query) {
    const auto id = query.job_id;
    bool ok = co_await load(id);
    if (!ok) co_return failure();
    const auto* job = engine_.peek(id);
    const bool there = job != nullptr;
    const auto seq = there ? job->seq : 0;
    log_page page;
    if (there) page.state = job->state;
    ok = co_await durable(engine_.gate(id));
    if (!ok) co_return failure();
    if (!there) co_return missing(id);
    auto read = [this, seq, &query] {
        return store_->read_log_blocking(seq, query.after, query.limit + 1);
    };
    auto found = co_await read_store(read);
    const bool seen = co_await durable(engine_.gate());  // see list()
    if (!found || !seen) co_return failure();
    engine_.evict_idle(now());
    page.lines = std::move(*found);
    std::size_t bytes = 0;
    for (const auto& line : page.lines) bytes += log_cost(line.text);
    page.more = page.lines.size() > query.limit || bytes > limits::log_page_bytes_max;
    if (page.lines.size() > query.limit) page.lines.pop_back();
    page.next = page.lines.empty() ? query.after : page.lines.back().number;
    page.ended = is_terminal(page.state) && !page.more;
    co_return page;
}

asio::awaitable<result<log_page>> local_backend::read_log(log_query query, std::stop_token stop) {
    const auto deadline = std::chrono::steady_clock::now() + query.wait;
    // Known before the first look: what changes during a read is not slept over.
    const auto reader = std::make_shared<follower>(executor_);
    const auto place = log_readers_.emplace(query.job_id, reader);
    const std::stop_callback on_stop(stop, waker(reader));
    for (;;) {
        reader->changed = false;
        auto page = co_await look_at_log(query);
        const bool enough = !page || !page->lines.empty() || page->ended || query.wait.count() == 0;
        const bool over = stop.stop_requested() || engine_.draining() || failed_ ||
                          std::chrono::steady_clock::now() >= deadline;
        if (enough || over) {
            log_readers_.erase(place);
            co_return page;
        }
        while (!reader->changed) {
            const auto reason = co_await reader->woken.wait_until(deadline);
            if (reason == wake_reason::timed_out) break;
        }
    }
}

}  // namespace sluice
