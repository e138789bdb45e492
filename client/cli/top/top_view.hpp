#pragma once

#include "client/cli/terminal.hpp"
#include "client/cli/top/top_model.hpp"

#include <cstddef>
#include <string>

/// How `sluice top` looks. Nothing here writes.
namespace sluice::cli {

/// What there is to say beside the rows.
struct top_scene {
    std::string url;
    top_settings settings;
    timestamp at;
    std::string away;          ///< why there is no news from the server; empty: there is
    std::string note;          ///< a sentence about this interval; may be empty
    bool reconnected = false;  ///< the connection broke in this interval and is there again
};

/// Titles, rows, and the sum of all. Where the terminal is too narrow, columns are left out, the
/// least needed first, and names are cut; where there are more than `rows_max` queues, the last.
/// The lines have no end.
std::vector<std::string> render_top_table(const top_interval& seen, const terminal& term,
                                          std::size_t rows_max);

/// All that fits on a screen of so many lines.
std::vector<std::string> render_top_screen(const top_scene& scene, const top_interval& seen,
                                           const terminal& term, std::size_t height);

/// The titles of `render_top_lines`, on a line.
std::string render_top_titles();
/// A line for each queue, always with the same columns: of the same width, or with tabs between
/// them.
std::string render_top_lines(const top_scene& scene, const top_interval& seen, bool tabs);

/// One object of the schema sluice.top/1, on a line.
std::string render_top_json(const top_scene& scene, const top_interval& seen);

/// "0.4s", "12s", "3m12s", "2h05m", "3d04h".
std::string format_age(std::chrono::nanoseconds age);

}  // namespace sluice::cli
