#pragma once

#include "proto/limits.hpp"
#include "server/process/command.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// What a command says, taken apart as it comes. Everything here is bounded.
namespace sluice::process {

inline constexpr std::size_t log_line_bytes_max = limits::log_line_bytes_max;
inline constexpr std::size_t report_line_bytes_max = std::size_t{1} << 20;

/// The share of the log that all streams of one run have together. What goes beyond it is said at
/// once, and how much that was at the end.
class log_budget {
public:
    log_budget(std::size_t bytes_max, const listener& hear)
        : bytes_max_(bytes_max), left_(bytes_max), hear_(hear) {}

    /// Hands a line over while there is room.
    void log(log_stream stream, std::string_view line);
    bool spent() const { return left_ == 0; }
    /// Counts text that nobody looked at.
    void drop(std::size_t bytes, std::uint64_t lines);
    void finish();
    std::uint64_t dropped_bytes() const { return dropped_; }

private:
    std::size_t bytes_max_;
    std::size_t left_;
    const listener& hear_;
    std::uint64_t dropped_ = 0;
    std::uint64_t dropped_lines_ = 0;
    bool told_ = false;
};

/// stdout or stderr: the first bytes are kept, lines go to the log while the budget lasts.
class output_stream {
public:
    output_stream(log_stream stream, std::size_t keep, log_budget& budget)
        : stream_(stream), keep_(keep), budget_(budget) {}

    void feed(std::string_view text);
    /// Logs a last line without end.
    void finish();

    const std::string& kept() const { return kept_; }
    bool cut() const { return cut_; }

private:
    void log(std::string_view line);
    void end_line();
    void log_piece();

    log_stream stream_;
    std::size_t keep_;
    log_budget& budget_;
    std::string kept_;
    std::string line_;
    bool cut_ = false;
    bool in_pieces_ = false;  ///< the beginning of the line in `line_` is logged already
    bool in_dropped_line_ = false;
};

/// Descriptor 3: one JSON object per line.
class report_stream {
public:
    report_stream(log_budget& budget, const listener& hear) : budget_(budget), hear_(hear) {}

    void feed(std::string_view text);
    /// Takes a last line without end.
    void finish();

    /// The last {"result":...}; empty when none came.
    const raw_json& result() const { return result_; }

private:
    void line(std::string_view text);
    void log(std::string_view text);
    void reject(std::string_view text, std::string_view why);

    log_budget& budget_;
    const listener& hear_;
    std::string line_;
    bool skipping_ = false;
    raw_json result_;
};

/// The result of a command that reported none: stdout when that is one JSON document, else a JSON
/// string of it without its last line end, else "null".
raw_json result_of_output(std::string_view text, bool cut);

}  // namespace sluice::process
