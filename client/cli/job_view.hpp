#pragma once

#include "client/cli/context.hpp"
#include "client/messages.hpp"

#include <string>
#include <vector>

/// Jobs as text, in each of the output formats.
namespace sluice::cli {

/// One job with all a person wants to know: what, how far, and where the time went.
std::string render_job(const client::job_info& job, const terminal& term);

/// Jobs as rows, or as JSON of the form `{"jobs":[...]}`.
std::string render_jobs(const std::vector<client::job_info>& jobs, output_format format,
                        const terminal& term, std::string_view whole = {});

/// One job in a format that programs read: a line of JSON, or tab-separated id, state, type, queue.
std::string render_job_line(const client::job_info& job, output_format format,
                            const terminal& term);

/// "2026-02-12 10:30:00Z".
std::string whole_seconds(timestamp time);

/// JSON on one line: line breaks between its tokens become spaces.
std::string one_line(std::string_view json);

}  // namespace sluice::cli
