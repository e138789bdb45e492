#pragma once

#include "proto/json_text.hpp"
#include "server/http/api/answers.hpp"

#include <algorithm>
#include <cstdint>

/// Pages as ojs-admin-api.md has them: numbered from 1, `items` and `pagination`.
namespace sluice::http {

struct admin_page {
    std::uint64_t number = 1;
    std::uint64_t size = 20;

    /// How many items come before it.
    std::uint64_t offset() const { return (number - 1) * size; }
    /// Where it begins and ends in a list of `total`.
    std::uint64_t first(std::uint64_t total) const { return std::min(offset(), total); }
    std::uint64_t last(std::uint64_t total) const {
        return first(total) + std::min(size, total - first(total));
    }
};

/// Reads `page` and `per_page` (1 to 1000). Errors: invalid_request.
result<admin_page> read_admin_page(const request& r);

/// `"total":N,"page":N,"per_page":N,"has_more":B`, into an object that is open.
void append_pagination(json_writer& out, const admin_page& page, std::uint64_t total,
                       bool has_more);

}  // namespace sluice::http
