#include "client/cli/top/queue_filter.hpp"

#include <algorithm>
#include <optional>

namespace sluice::cli {
namespace {

/// On a mismatch the latest star takes one more character: no pattern is slow.
bool fits_pattern(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::optional<std::size_t> star;
    std::size_t taken = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            taken = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star) {
            p = *star + 1;
            t = ++taken;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace

bool queue_filter::fits(std::string_view queue) const {
    return patterns_.empty() || std::ranges::any_of(patterns_, [&](const auto& pattern) {
               return fits_pattern(pattern, queue);
           });
}

std::vector<std::string> queue_filter::names() const {
    const bool plain = std::ranges::none_of(
        patterns_, [](const auto& pattern) { return pattern.find('*') != std::string::npos; });
    return plain ? patterns_ : std::vector<std::string>{};
}

}  // namespace sluice::cli
