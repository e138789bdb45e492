#pragma once

#include "client/cli/context.hpp"
#include "client/cli/text.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The lessons of `sluice demo`: what each was asked for, and what runs it.
namespace sluice::cli {

struct demo_settings {
    std::uint64_t seed = 0;
    double time_scale = 1;   ///< each pause lasts this share of what it is
    bool own_server = true;  ///< none was named: start one

    nanoseconds scaled(nanoseconds pause) const;
    span scaled(span pause) const;
};

struct producer_lesson {
    std::size_t producers = 1;
    std::optional<std::size_t> consumers;  ///< left out: 1; the lesson's own server only
    std::uint64_t count = 20;
    span interval{std::chrono::milliseconds{500}, std::chrono::milliseconds{1500}};
    span pause{std::chrono::milliseconds{250}, std::chrono::milliseconds{750}};
    bool synchronous = false;
};

struct names_lesson {
    std::size_t count = 5;  ///< of each type
    std::size_t concurrency = 4;
    span pause{std::chrono::milliseconds{250}, std::chrono::milliseconds{1500}};
};

struct site_lesson {
    std::vector<std::string> urls;
    std::chrono::milliseconds timeout = std::chrono::seconds{10};
};

struct commands_lesson {
    std::vector<std::string> given;  ///< one more command: its program and arguments
};

struct gather_lesson {
    bool as_completed = false;
    std::size_t count = 8;
    span pause{std::chrono::milliseconds{500}, std::chrono::milliseconds{3000}};
};

exit_code run_lesson(const context& ctx, const demo_settings& with, const producer_lesson& what);
exit_code run_lesson(const context& ctx, const demo_settings& with, const names_lesson& what);
exit_code run_lesson(const context& ctx, const demo_settings& with, const site_lesson& what);
exit_code run_lesson(const context& ctx, const demo_settings& with, const commands_lesson& what);
exit_code run_lesson(const context& ctx, const demo_settings& with, const gather_lesson& what);

}  // namespace sluice::cli
