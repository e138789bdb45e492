#pragma once

#include "server/config/values.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// The one list of settings. The file's keys, the environment's names, the flags, --help,
/// --print-config, the ranges and docs/configuration.md all come from it.
namespace sluice::config {

struct setting {
    std::string_view key;    ///< in a file: "http.listen" is `listen` in section `[http]`
    std::string_view alias;  ///< a short flag beside the long one; may be empty
    std::string_view type;
    std::string_view doc;
    std::uint64_t least;  ///< of what `number` gives
    std::uint64_t most;

    problem (*read)(config& out, const raw_value& raw);
    std::string (*write)(const config& settings);  ///< as TOML
    /// The figure `least` and `most` bound; empty for what is no number.
    std::optional<std::uint64_t> (*number)(const config& settings);
    /// A bound as people write it.
    std::string (*write_bound)(std::uint64_t bound);
};

std::span<const setting> all_settings();

const setting* find_setting(std::string_view key);

std::string_view section_of(const setting& s);      ///< "http"
std::string_view name_of(const setting& s);         ///< "listen"
std::string environment_name_of(const setting& s);  ///< "SLUICE_HTTP_LISTEN"
std::string flag_of(const setting& s);              ///< "--http-listen"

/// "16 to 1MiB", "at least 1"; empty without bounds.
std::string range_text(const setting& s);

}  // namespace sluice::config
