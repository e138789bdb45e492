#include "client/cli/work_plan.hpp"

#include "proto/json_text.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace sluice::cli {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014) as a hash: one value for each (seed, index, purpose), the
// same on every platform, unlike the standard distributions.
std::uint64_t mix(std::uint64_t seed, std::uint64_t index, std::uint64_t purpose) {
    std::uint64_t z = seed + 0x9e3779b97f4a7c15ULL * (index * 4 + purpose + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

enum : std::uint64_t { for_number, for_pause, for_interval, for_gap };

/// From 0 up to 1, without 1.
double share_of(std::uint64_t random) {
    return static_cast<double>(random >> 11) / 9007199254740992.0;  // 2^53
}

nanoseconds within(span range, std::uint64_t random) {
    const double share = share_of(random);
    const auto width = static_cast<double>((range.to - range.from).count());
    return range.from + nanoseconds{std::llround(share * width)};
}

}  // namespace

std::string work_plan::args(std::uint64_t index) const {
    if (!options_.args.empty()) return options_.args;
    if (options_.type != square_type) return "[]";
    const auto number = mix(options_.seed, index, for_number) % 100 + 1;
    const nanoseconds pause = within(options_.pause, mix(options_.seed, index, for_pause));
    return fmt::format("[{},{}]", number,
                       format_number(std::round(static_cast<double>(pause.count()) / 1e6)));
}

nanoseconds work_plan::interval(std::uint64_t index) const {
    if (!options_.interval) return nanoseconds{0};
    return within(*options_.interval, mix(options_.seed, index, for_interval));
}

double work_plan::gap(std::uint64_t index) const {
    return -std::log1p(-share_of(mix(options_.seed, index, for_gap))) / options_.rate.value_or(1);
}

send_schedule::send_schedule(work_plan plan, std::size_t producers)
    : plan_(std::move(plan)), due_(producers, nanoseconds{0}) {}

std::optional<send_schedule::slot> send_schedule::next(std::size_t producer) {
    const auto& options = plan_.options();
    if (options.count != 0 && issued_ == options.count) return std::nullopt;
    slot s{issued_, std::nullopt};
    if (options.rate && options.poisson) {
        arrived_ += plan_.gap(issued_);
        s.at = nanoseconds{std::llround(arrived_ * 1e9)};
    } else if (options.rate) {
        s.at = nanoseconds{std::llround(static_cast<double>(issued_) * 1e9 / *options.rate)};
    } else if (options.interval) {
        s.at = due_[producer];
        due_[producer] += plan_.interval(issued_);
    }
    if (options.duration && s.at && *s.at >= *options.duration) return std::nullopt;
    ++issued_;
    return s;
}

std::optional<square_work> read_square_args(std::string_view args) {
    if (check_json(args, 8)) return std::nullopt;
    const json_value root = json_root(args);
    if (root.kind != json_kind::array) return std::nullopt;
    std::array<double, 2> numbers{};
    std::size_t count = 0;
    json_cursor cursor{root};
    std::string key;
    json_value element;
    while (cursor.next(key, element)) {
        if (element.kind != json_kind::number || count == numbers.size()) return std::nullopt;
        const auto number = json_number(element);
        if (!number) return std::nullopt;
        numbers[count++] = *number;
    }
    if (count == 0 || numbers[1] < 0 || numbers[1] > 3.6e9) return std::nullopt;
    return square_work{numbers[0], nanoseconds{std::llround(numbers[1] * 1e6)}};
}

std::string format_number(double number) {
    if (number == std::floor(number) && std::abs(number) < 1e15) {
        return fmt::format("{:.0f}", number);
    }
    return fmt::format("{}", number);
}

}  // namespace sluice::cli
