#pragma once

#include "server/http/http_config.hpp"

#include <toml++/toml.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Bearer tokens from files and the environment. What is kept of a token is its SHA-256.
namespace sluice::config {

/// Shortest token taken: 128 bits in base64.
inline constexpr std::size_t token_length_min = 22;

std::string sha256_hex(std::string_view text);

/// A token in the clear, to its hash. Adds to `problems` when it is too short or not printable.
std::optional<std::string> hash_token(std::string_view token, std::string_view whose,
                                      std::vector<std::string>& problems);

/// The first line of a file.
std::optional<std::string> read_secret(const std::string& path, std::string_view whose,
                                       std::vector<std::string>& problems);

/// The tables of `[[tokens]]`.
std::vector<http::token_config> read_tokens(const toml::node& node,
                                            std::vector<std::string>& problems);

}  // namespace sluice::config
