#pragma once

#include "server/worker/handlers/http/push_config.hpp"

#include <toml++/toml.h>

#include <string>
#include <vector>

/// Receivers of jobs, and the secrets that sign what they get.
namespace sluice::config {

/// The tables of `[[push.targets]]`.
std::vector<worker::push::push_target> read_push_targets(const toml::node& node,
                                                         std::vector<std::string>& problems);

/// What `push.secret_file` and `push.previous_secret_file` hold.
void read_push_secrets(worker::push::push_config& push, std::vector<std::string>& problems);

}  // namespace sluice::config
