#include "server/rules/cron_zone.hpp"

#include "proto/json_text.hpp"

#include <date/tz.h>

#include <algorithm>
#include <array>
#include <exception>
#include <string>

namespace sluice::rules {
namespace {

constexpr std::size_t zone_bytes_max = 64;  // the longest name in the database has 32

error zone_error(std::string_view name, std::string_view fault) {
    std::string text{name};
    cut_text(text, zone_bytes_max);
    std::string message = "The time zone '" + text + "' ";
    message += fault;
    message += " Give the name of an IANA zone, such as America/New_York, or UTC.";
    return error{errc::invalid_request, std::move(message), R"("field":"timezone")"};
}

bool plausible(std::string_view name) {
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '+' || c == '/';
    });
}

/// Names that stand for a place, and so for its rules, are of the form area/place.
bool of_a_place(std::string_view name) {
    constexpr std::array<std::string_view, 4> others{"Etc/", "SystemV/", "posix/", "right/"};
    return name.find('/') != std::string_view::npos &&
           std::none_of(others.begin(), others.end(),
                        [name](std::string_view prefix) { return name.starts_with(prefix); });
}

/// Reads the zone too, so that nothing can fail later.
const date::time_zone* look_up(std::string_view name) {
    const auto& zones = date::get_tzdb().zones;
    const auto found = std::lower_bound(
        zones.begin(), zones.end(), name,
        [](const date::time_zone& zone, std::string_view text) { return zone.name() < text; });
    if (found == zones.end() || found->name() != name) return nullptr;
    static_cast<void>(found->get_info(std::chrono::sys_seconds{}));
    return &*found;
}

}  // namespace

result<const date::time_zone*> find_cron_zone(std::string_view name) {
    if (name == "UTC" || name == "Etc/UTC") return nullptr;
    if (name.empty()) return zone_error(name, "is empty.");
    if (name.size() > zone_bytes_max) return zone_error(name, "is too long.");
    if (!plausible(name)) return zone_error(name, "is not a name of a zone.");
    if (!of_a_place(name)) {
        return zone_error(name, "is not of a place: offsets and abbreviations are not accepted.");
    }
    try {
        if (const auto* zone = look_up(name)) return zone;
    } catch (const std::exception& e) {
        return error{errc::internal,
                     std::string{"The time zone database cannot be read: "} + e.what()};
    }
    return zone_error(name, "is not known.");
}

}  // namespace sluice::rules
