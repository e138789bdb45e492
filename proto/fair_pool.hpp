#pragma once

#include "proto/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Queues that share workers by a rule (ojs-fair-scheduling.md §6, §7). A fetch that names a pool
/// is served from its queues; one that names queues is served from them in strict order.
namespace sluice {

/// Whose turn it is among the queues that have jobs.
enum class pool_strategy : std::uint8_t {
    strict,        ///< the first one, in the order in which they are listed
    round_robin,   ///< each in its turn
    weighted,      ///< each as often as its weight says
    least_loaded,  ///< the one with the most waiting jobs
};
std::string_view to_string(pool_strategy strategy);
std::optional<pool_strategy> parse_pool_strategy(std::string_view name);

struct fair_pool {
    struct share {
        std::string queue;
        std::int64_t weight = 1;

        friend bool operator==(const share&, const share&) = default;
    };
    pool_strategy strategy = pool_strategy::round_robin;
    std::vector<share> queues;

    friend bool operator==(const fair_pool&, const fair_pool&) = default;
};

/// Reads the body of PUT /admin/pools/{name}, and what encode_fair_pool wrote. `queues` is an array
/// of names, with `weights` beside it, or an object `{"name":{"weight":N}}`. Errors:
/// invalid_request, unsupported (members of the specification that are not kept here).
result<fair_pool> decode_fair_pool(std::string_view body, std::string_view name);
std::string encode_fair_pool(const fair_pool& pool);

}  // namespace sluice
