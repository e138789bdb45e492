#pragma once

#include <string_view>

namespace sluice {

/// openapi.yaml, turned into JSON when the server was built.
std::string_view openapi_json();

}  // namespace sluice
