#pragma once

#include "proto/bulk.hpp"
#include "server/http/api/handlers.hpp"

#include <cstdint>
#include <exception>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::http {

enum class bulk_action : std::uint8_t { retry, cancel, remove };
std::string_view to_string(bulk_action action);

struct bulk_failure {
    uuid job_id;
    error why;
};

struct bulk_outcome {
    std::uint64_t matched = 0;                ///< jobs the filter means
    std::uint64_t succeeded = 0;              ///< of these: changed
    std::uint64_t skipped = 0;                ///< of these: in a state that leaves nothing to do
    std::uint64_t failed = 0;                 ///< refused, and ids of which nothing is known
    std::vector<bulk_failure> failures;       ///< the first of them
    bool more = false;                        ///< the end was not reached
    std::optional<std::int64_t> next_cursor;  ///< where to go on
};

/// One change of many jobs, page by page. Those of a page are changed side by side, so that they
/// share a commit; no more than a page is ever under way. Ends early when the caller has gone or
/// the server drains: what was done until then stays done.
///
/// Lives in the frame of the coroutine that awaits `run`.
class bulk_run {
public:
    bulk_run(services_ptr services, request r, bulk_action action, bulk_request asked);

    /// Errors: those of backend::list, and store_failed.
    asio::awaitable<result<bulk_outcome>> run();

private:
    asio::awaitable<std::optional<error>> run_pages();
    asio::awaitable<std::optional<error>> run_ids();
    job_query first_query() const;
    bool choose(const job_record& job, std::vector<uuid>& chosen);
    asio::awaitable<std::optional<error>> change_all(std::vector<uuid> chosen);
    asio::awaitable<void> change(uuid id);
    asio::awaitable<std::optional<error>> try_change(uuid id);
    void note_failure(const uuid& id, error why);

    services_ptr services_;
    request r_;
    bulk_action action_;
    bulk_request asked_;
    std::size_t chosen_ = 0;  ///< jobs changed or to be changed, over all pages
    bulk_outcome outcome_;
    std::optional<error> store_failure_;
    std::exception_ptr fault_;
};

}  // namespace sluice::http
