#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

/// Which queues are meant: those that fit one of the patterns, or all where there is none. In a
/// pattern "*" stands for any text, also for none.
class queue_filter {
public:
    queue_filter() = default;
    explicit queue_filter(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {}

    bool fits(std::string_view queue) const;

    /// The names, where every pattern is one: then the server can choose. Else nothing.
    std::vector<std::string> names() const;

private:
    std::vector<std::string> patterns_;
};

}  // namespace sluice::cli
