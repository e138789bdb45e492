#include "server/http/router.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace sluice::http {
namespace {

constexpr std::size_t segments_max = 12;

/// The segments of a path that starts with "/". Empty segments count, so "/a/" is not "/a".
struct split_path {
    std::array<std::string_view, segments_max> segments;
    std::size_t size = 0;
    bool too_many = false;

    explicit split_path(std::string_view path) {
        path.remove_prefix(1);
        for (;;) {
            if (size == segments_max) {
                too_many = true;
                return;
            }
            const std::size_t slash = path.find('/');
            segments[size++] = path.substr(0, slash);
            if (slash == std::string_view::npos) return;
            path.remove_prefix(slash + 1);
        }
    }
};

/// What every `{name}` segment of a pattern is kept as.
constexpr std::string_view placeholder = "{}";

bool is_placeholder(std::string_view segment) {
    return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

/// From the last segment on: that is where paths of one API differ.
bool matches(const std::vector<std::string>& pattern, const split_path& path) {
    for (std::size_t i = path.size; i-- > 0;) {
        const bool fits =
            pattern[i] == placeholder ? !path.segments[i].empty() : pattern[i] == path.segments[i];
        if (!fits) return false;
    }
    return true;
}

bool serves(std::string_view route_method, std::string_view method) {
    return route_method == method || (route_method == "GET" && method == "HEAD");
}

}  // namespace

void router::add(std::string method, std::string_view pattern, route_options options,
                 handler handle) {
    if (!pattern.starts_with('/')) throw std::logic_error("a pattern starts with a slash");
    const split_path parts(pattern);
    if (parts.too_many) throw std::logic_error("a pattern has too many segments");

    route& added = routes_.emplace_back(route{std::move(method), {}, options, std::move(handle)});
    for (std::size_t i = 0; i < parts.size; ++i) {
        const std::string_view segment = parts.segments[i];
        added.segments.emplace_back(is_placeholder(segment) ? placeholder : segment);
    }
    by_length_.resize(std::max(by_length_.size(), parts.size + 1));
    auto& group = by_length_[parts.size];
    // Literals before placeholders: "/dead-letter/stats" wins over "/dead-letter/{id}".
    const auto placeholders = [](const route* r) {
        return std::ranges::count(r->segments, placeholder);
    };
    const auto place = std::ranges::upper_bound(group, placeholders(&added), {}, placeholders);
    group.insert(place, &added);
}

router::match router::find(std::string_view method, std::string_view path) const {
    match found;
    if (!path.starts_with('/')) return found;
    const split_path parts(path);
    if (parts.too_many || parts.size >= by_length_.size()) return found;

    std::vector<std::string_view> allowed;
    for (const route* r : by_length_[parts.size]) {
        if (!matches(r->segments, parts)) continue;
        if (!serves(r->method, method)) {
            allowed.push_back(r->method);
            if (r->method == "GET") allowed.push_back("HEAD");
            continue;
        }
        found.handle = &r->handle;
        found.options = r->options;
        for (std::size_t i = 0; i < parts.size; ++i)
            if (r->segments[i] == placeholder) found.values.emplace_back(parts.segments[i]);
        return found;
    }
    std::ranges::sort(allowed);
    const auto repeated = std::ranges::unique(allowed);
    allowed.erase(repeated.begin(), repeated.end());
    for (const std::string_view name : allowed) {
        if (!found.allow.empty()) found.allow += ", ";
        found.allow += name;
    }
    return found;
}

}  // namespace sluice::http
