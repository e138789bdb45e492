#pragma once

#include "client/cli/context.hpp"
#include "client/cli/terminal.hpp"
#include "client/cron_messages.hpp"

#include <string>

/// Cron jobs as text; pure. Every line ends with a line end.
namespace sluice::cli {

/// The answer in the chosen form. In tables a time of today, by `now`, is its time of day, one
/// within some months its day too, any other its date.
std::string render_crons(const client::cron_list& list, output_format format, const terminal& term,
                         timestamp now);

/// All there is about one, for people.
std::string render_cron(const client::cron_info& cron, const terminal& term);

/// One for other programs: JSON in one line, or tab-separated cells as in the list.
std::string render_cron_line(const client::cron_info& cron, output_format format,
                             const terminal& term);

/// One time a line, in UTC.
std::string render_preview(const client::cron_preview& preview, output_format format,
                           const terminal& term);

}  // namespace sluice::cli
