#pragma once

#include "client/cli/demo/job_set.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace sluice::cli {

/// Version of the JSON a lesson prints; a change that breaks a reader gets the next number.
inline constexpr std::string_view demo_schema = "sluice.demo/1";

/// The beginning of every such document.
nlohmann::ordered_json begin_document(std::string_view lesson);

/// A set of jobs in it: `elapsed_s`, `interrupted`, `jobs` in the order of submission, and in
/// `order` and `cancelled` the positions (from 0) of those that ended, and that we cancelled.
void add_set(nlohmann::ordered_json& document, const set_outcome& set);

std::string text_of(const nlohmann::ordered_json& document);

/// For programs: a line for each job with position, id, state, milliseconds until its end, name,
/// and result or problem; separated by tabs.
std::string render_plain_set(const set_outcome& set);

/// What was cancelled, a line each, after an interruption; empty without one.
std::string render_cancelled(const set_outcome& set, const terminal& term);

}  // namespace sluice::cli
