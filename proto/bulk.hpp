#pragma once

#include "proto/error.hpp"
#include "proto/job.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// One change of many jobs (ojs-admin-api.md §8).
namespace sluice {

/// Which jobs. All that is given must hold.
struct bulk_filter {
    std::string queue;
    std::string type;        ///< or a prefix, see proto/type_pattern.hpp; never "*"
    std::string error_type;  ///< of the latest failure
    std::optional<job_state> state;
    std::optional<bool> dead_letter;
    std::optional<timestamp> since;  ///< received then or later
    std::optional<timestamp> until;  ///< received before
    std::optional<timestamp> ended_before;
    std::vector<uuid> ids;

    friend bool operator==(const bulk_filter&, const bulk_filter&) = default;
};

/// Whether a job is among those meant; `ids` plays no part.
bool fits(const bulk_filter& filter, const job_record& job);

struct bulk_request {
    bulk_filter filter;
    bool confirm = false;
    bool dry_run = false;
    std::size_t limit = 1000;
    std::optional<std::int64_t> before_seq;  ///< `cursor`: go on from where an earlier call ended
};

/// Body of POST /admin/jobs/bulk/…. What would widen the choice unseen is refused: a filter that
/// says nothing, and members that are not known, which may be names misspelt. Errors:
/// invalid_payload, invalid_request.
result<bulk_request> decode_bulk(std::string_view body);

}  // namespace sluice
