#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

/// Patterns of job types: a type, a prefix that ends in ".*" ("mail.*" is every type that begins
/// with "mail."), or "*".
namespace sluice {

/// The beginning that all types of a pattern share: "mail." for "mail.*", nothing for "*". Empty
/// for a plain type.
inline std::optional<std::string_view> pattern_prefix(std::string_view pattern) {
    if (pattern == "*") return std::string_view{};
    if (!pattern.ends_with(".*")) return std::nullopt;
    return pattern.substr(0, pattern.size() - 1);
}

/// Calls `visit` with each pattern that a type fits, the closest first, until it answers true:
/// "a.b.c", "a.b.*", "a.*", "*".
template <class Visit>
void visit_patterns(std::string_view type, Visit visit) {
    if (visit(type)) return;
    std::string prefix;
    for (auto dot = type.rfind('.'); dot != std::string_view::npos && dot > 0;
         dot = type.rfind('.', dot - 1)) {
        prefix.assign(type.substr(0, dot + 1)).push_back('*');
        if (visit(std::string_view{prefix})) return;
    }
    visit(std::string_view{"*"});
}

/// Finds what is kept for a job type under a pattern. The exact type goes before any prefix, a
/// longer prefix before a shorter one. Null when nothing fits.
template <class Value>
const Value* find_pattern(const std::map<std::string, Value, std::less<>>& patterns,
                          std::string_view type) {
    const Value* found = nullptr;
    visit_patterns(type, [&](std::string_view pattern) {
        const auto it = patterns.find(pattern);
        if (it != patterns.end()) found = &it->second;
        return found != nullptr;
    });
    return found;
}

}  // namespace sluice
