#include "server/config/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>

namespace sluice::config {

const setting* find_setting(std::string_view key) {
    const auto all = all_settings();
    const auto it = std::ranges::find(all, key, &setting::key);
    return it == all.end() ? nullptr : &*it;
}

std::string_view section_of(const setting& s) {
    return s.key.substr(0, s.key.find('.'));
}

std::string_view name_of(const setting& s) {
    return s.key.substr(s.key.find('.') + 1);
}

std::string environment_name_of(const setting& s) {
    std::string name = "SLUICE_";
    for (const char c : s.key)
        name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

std::string flag_of(const setting& s) {
    std::string flag = "--";
    for (const char c : s.key) flag += c == '.' || c == '_' ? '-' : c;
    return flag;
}

std::string range_text(const setting& s) {
    constexpr auto unbounded = std::numeric_limits<std::uint64_t>::max();
    if (s.least == 0 && s.most == unbounded) return {};
    if (s.most == unbounded) return fmt::format("at least {}", s.write_bound(s.least));
    return fmt::format("{} to {}", s.write_bound(s.least), s.write_bound(s.most));
}

}  // namespace sluice::config
