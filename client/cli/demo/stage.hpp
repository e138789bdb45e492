#pragma once

#include "client/cli/context.hpp"
#include "client/cli/text.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::cli {

/// Where a lesson shows what happens as it happens: the making of jobs in yellow, what becomes of
/// them in cyan. Times count from `begin`.
class stage {
public:
    explicit stage(const context& ctx) : ctx_(ctx) {}

    void begin() { start_ = std::chrono::steady_clock::now(); }
    nanoseconds passed() const { return std::chrono::steady_clock::now() - start_; }

    /// A step on the way, to stderr: "   0.204s  created   #3    rest".
    void step(style how, std::string_view what, std::size_t index, std::string_view rest) const;
    /// A result, in the same form; to stdout, or to stderr where stdout takes a form for programs.
    void result(style how, std::string_view what, std::size_t index, std::string_view rest) const;
    /// A few lines of a job's output, indented.
    void quote(std::string_view text) const;
    /// Words about the whole lesson, wrapped; only for people.
    void say(std::string_view text, style how = style::plain) const;

private:
    bool for_people() const { return ctx_.options.output == output_format::table; }
    std::string line(const terminal& term, style how, std::string_view what, std::size_t index,
                     std::string_view rest) const;
    void put(std::string_view text) const;

    const context& ctx_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace sluice::cli
