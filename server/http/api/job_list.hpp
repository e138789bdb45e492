#pragma once

#include "server/http/api/answers.hpp"

#include <cstdint>
#include <optional>

/// Pages of jobs, newest first: by `cursor` to any depth, or by `offset` as the binding has it for
/// the first pages.
namespace sluice::http {

struct page_request {
    std::size_t limit = 50;
    std::size_t offset = 0;
    std::optional<std::int64_t> before_seq;
};

/// Reads `limit` (1 to 1000), `offset` and `cursor`. Errors: invalid_request.
result<page_request> read_page(const request& r);

/// Reads `cursor` alone.
result<std::optional<std::int64_t>> read_cursor(const request& r);

/// What to ask the store for: the page and those before it that `offset` skips.
void apply(const page_request& page, job_query& query);

/// `{"jobs":[...],"next_cursor":"...","total":N,"pagination":{...}}` of what came back. Jobs in
/// queues the caller may not see are left out.
response page_answer(const request& r, const page_request& page, const job_query& query,
                     job_page found);

}  // namespace sluice::http
