#pragma once

#include "proto/error.hpp"
#include "proto/unique.hpp"

#include <optional>
#include <string>

namespace sluice::rules {

/// What the key of a job is made of, in one form whatever the order of members, white space,
/// escapes or Unicode composition: `{"args":...,"meta":...,"queue":...,"type":...}` with the
/// members its rule asks for (ojs-unique-jobs.md §4), written by RFC 8785, strings in Unicode
/// normal form C. One thing is done otherwise: integers keep all their digits, for 2^53 and
/// 2^53 + 1 are different orders.
///
/// `spec.unique` must not be null. Errors: invalid_request when `args_keys` names a member that the
/// object `args[0]` does not have, or `meta_keys` one of `meta`.
result<std::string> canonical_form(const job_spec& spec);

/// SHA-256 of that.
result<unique_key> key_of(const job_spec& spec);

/// Sets it in the rule of a job that has one. Errors: those of `key_of`.
std::optional<error> set_unique_key(job_spec& spec);

}  // namespace sluice::rules
