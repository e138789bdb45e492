#pragma once

#include <string_view>

namespace sluice::process {

/// The only argument of a program that is to be a nursery.
inline constexpr std::string_view nursery_argument = "--keep-commands";

}  // namespace sluice::process
