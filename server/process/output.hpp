#pragma once

#include "server/process/command.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// What a command says, taken apart as it comes. Everything here is bounded.
namespace sluice::process {

inline constexpr std::size_t log_line_bytes_max = std::size_t{16} << 10;
inline constexpr std::size_t report_line_bytes_max = std::size_t{1} << 20;

/// The share of the log that all streams of one run have together.
struct log_budget {
    std::size_t left = 0;
    std::uint64_t dropped = 0;
};

/// stdout or stderr: the first bytes are kept, lines go to the log while the budget lasts.
class output_stream {
public:
    output_stream(log_stream stream, std::size_t keep, log_budget& budget, const listener& hear)
        : stream_(stream), keep_(keep), budget_(budget), hear_(hear) {}

    void feed(std::string_view text);
    /// Logs a last line without end.
    void finish();

    const std::string& kept() const { return kept_; }
    bool cut() const { return cut_; }

private:
    void log(std::string_view line);

    log_stream stream_;
    std::size_t keep_;
    log_budget& budget_;
    const listener& hear_;
    std::string kept_;
    std::string line_;
    bool cut_ = false;
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
