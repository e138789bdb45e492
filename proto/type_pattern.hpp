#pragma once

#include <map>
#include <string>
#include <string_view>

namespace sluice {

/// Finds what is kept for a job type under a pattern: a type, a prefix that ends in ".*" ("mail.*"
/// is every type that begins with "mail."), or "*". The exact type goes before any prefix, a longer
/// prefix before a shorter one. Null when nothing fits.
template <class Value>
const Value* find_pattern(const std::map<std::string, Value, std::less<>>& patterns,
                          std::string_view type) {
    if (const auto it = patterns.find(type); it != patterns.end()) return &it->second;
    // "a.b.c" falls under "a.b.*", then "a.*", then "*".
    std::string prefix;
    for (auto dot = type.rfind('.'); dot != std::string_view::npos && dot > 0;
         dot = type.rfind('.', dot - 1)) {
        prefix.assign(type.substr(0, dot + 1)).push_back('*');
        if (const auto it = patterns.find(prefix); it != patterns.end()) return &it->second;
    }
    const auto it = patterns.find("*");
    return it == patterns.end() ? nullptr : &it->second;
}

}  // namespace sluice
