#pragma once

#include <algorithm>
#include <string_view>

namespace sluice {

/// `[a-z0-9][a-z0-9.-]*`: queues and cron jobs are called so. Says nothing of the length.
constexpr bool is_plain_name(std::string_view text) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !text.empty() && plain(text.front()) &&
           std::ranges::all_of(text, [&](char c) { return plain(c) || c == '-' || c == '.'; });
}

}  // namespace sluice
