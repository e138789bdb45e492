#pragma once

#include "server/config/settings.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::config {

/// Where settings come from; a later one overrides an earlier one.
struct sources {
    std::optional<std::string> file;
    std::vector<std::pair<std::string, std::string>> environment;
    std::vector<std::pair<const setting*, std::string>> flags;
};

struct loaded {
    config settings;
    std::vector<std::string> origins;        ///< of each setting, in the order of all_settings()
    std::vector<std::string> token_origins;  ///< of each token
    std::vector<std::string> problems;       ///< everything wrong, `validate` included
};

/// Reads all sources. Unknown keys in the file and unknown SLUICE_ variables are problems.
loaded load(const sources& from);

/// The variables of this process.
std::vector<std::pair<std::string, std::string>> process_environment();

/// The settings as TOML, each with its origin. Secrets are left out.
std::string print(const loaded& values);

/// The tables of docs/configuration.md.
std::string reference();

}  // namespace sluice::config
