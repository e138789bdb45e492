#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

/// What a stored job survives. A larger value is the stronger class. The values are stored.
enum class durability_class : std::uint8_t {
    memory = 0,   ///< nothing yet: it is written a moment later
    written = 1,  ///< the end of the process, not a power cut
    fsync = 2,    ///< a power cut
};

/// The names on the wire: "memory", "written", "fsync".
std::string_view to_string(durability_class durability);
std::optional<durability_class> parse_durability(std::string_view name);

}  // namespace sluice
