#include "proto/error.hpp"

#include <array>
#include <stdexcept>

namespace sluice {
namespace {

struct errc_row {
    errc code;
    std::string_view name;
    int status;
    bool retryable;
};

constexpr std::array rows{
    errc_row{errc::invalid_request, "invalid_request", 400, false},
    errc_row{errc::invalid_payload, "invalid_payload", 400, false},
    errc_row{errc::validation_failed, "validation_error", 422, false},
    errc_row{errc::unsupported, "unsupported", 422, false},
    errc_row{errc::unauthorized, "unauthorized", 401, false},
    errc_row{errc::forbidden, "forbidden", 403, false},
    errc_row{errc::not_found, "not_found", 404, false},
    errc_row{errc::method_not_allowed, "method_not_allowed", 405, false},
    errc_row{errc::conflict, "conflict", 409, false},
    errc_row{errc::duplicate, "duplicate", 409, false},
    errc_row{errc::lease_lost, "lease_lost", 409, false},
    errc_row{errc::already_finished, "already_finished", 409, false},
    errc_row{errc::in_flight, "in_flight", 409, true},
    errc_row{errc::key_reused, "idempotency_key_reused", 422, false},
    errc_row{errc::too_large, "too_large", 413, false},
    errc_row{errc::rate_limited, "rate_limited", 429, true},
    errc_row{errc::queue_full, "QUEUE_FULL", 429, true},
    errc_row{errc::overloaded, "overloaded", 503, true},
    errc_row{errc::shutting_down, "shutting_down", 503, true},
    errc_row{errc::disk_low, "disk_low", 507, true},
    errc_row{errc::store_failed, "store_failed", 503, true},
    errc_row{errc::internal, "internal", 500, false},
};

constexpr bool in_order() {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].code != static_cast<errc>(i)) return false;
    return rows.size() == static_cast<std::size_t>(errc::internal) + 1;
}
static_assert(in_order(), "one row per code, in the order of the enum");

const errc_row& row(errc code) {
    return rows[static_cast<std::size_t>(code)];
}

}  // namespace

std::string_view to_string(errc code) {
    return row(code).name;
}
int http_status(errc code) {
    return row(code).status;
}
bool is_retryable(errc code) {
    return row(code).retryable;
}

void throw_exception_from_error(const error& e, const boost::source_location&) {
    throw std::runtime_error("unexpected error: " + e.message);
}

}  // namespace sluice
