#pragma once

#include "client/cli/job_tracker.hpp"
#include "client/cli/terminal.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace sluice::cli {

/// How a run shows itself while it goes on.
enum class view_mode : std::uint8_t {
    silent,
    lines,    ///< each step of each job, creation in yellow, processing in cyan
    bar,      ///< one line that is drawn anew
    reports,  ///< one line a second, for logs
};

/// `lines` up to 100 jobs, beyond that a bar on a terminal and a line a second elsewhere.
view_mode choose_view(const terminal& err, std::uint64_t jobs, bool quiet, bool no_progress);

/// Tells what happens as it happens.
class live_view {
public:
    using sink = std::function<void(std::string_view)>;

    live_view(view_mode mode, terminal term, sink write);

    view_mode mode() const { return mode_; }

    /// `at` is the time since the run began. `args` is JSON.
    void created(nanoseconds at, const job_tracker::notice& n, std::size_t producers,
                 std::string_view args);
    void started(nanoseconds at, const job_tracker::notice& n);
    void failed(nanoseconds at, const job_tracker::notice& n);
    void finished(nanoseconds at, const job_tracker::notice& n);

    /// Draws the bar or writes a line, as the mode has it and not more often than it makes sense.
    void progress(nanoseconds at, const run_report& so_far, std::size_t outstanding);
    /// A sentence on a line of its own, in every mode but silent.
    void remark(std::string_view text);
    /// Shows the last state and leaves the cursor on a line of its own.
    void end(nanoseconds at, const run_report& last, std::size_t outstanding);

private:
    void draw(nanoseconds at, const run_report& so_far, std::size_t outstanding);
    void line(nanoseconds at, style how, std::string_view what, std::uint64_t index,
              std::string_view rest);

    view_mode mode_;
    terminal term_;
    sink write_;
    nanoseconds last_at_{0};
    std::uint64_t last_created_ = 0;
};

}  // namespace sluice::cli
