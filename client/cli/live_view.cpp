#include "client/cli/live_view.hpp"

#include "client/cli/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sluice::cli {
namespace {

constexpr std::uint64_t lines_up_to = 100;
constexpr nanoseconds bar_interval = std::chrono::milliseconds{100};
constexpr nanoseconds report_interval = std::chrono::seconds{1};

std::string since_start(nanoseconds at) {
    return fmt::format("{:8.3f}s", std::chrono::duration<double>(at).count());
}

std::string phases(const client::timeline& times) {
    std::string text;
    if (const auto waiting = times.waiting()) text += "waited " + format_latency(*waiting);
    if (const auto running = times.running()) {
        text += (text.empty() ? "ran " : ", ran ") + format_latency(*running);
    }
    return text;
}

}  // namespace

view_mode choose_view(const terminal& err, std::uint64_t jobs, bool quiet, bool no_progress) {
    if (quiet || no_progress) return view_mode::silent;
    if (jobs > 0 && jobs <= lines_up_to) return view_mode::lines;
    return err.tty ? view_mode::bar : view_mode::reports;
}

live_view::live_view(view_mode mode, terminal term, sink write)
    : mode_(mode), term_(term), write_(std::move(write)) {}

void live_view::line(nanoseconds at, style how, std::string_view what, std::uint64_t index,
                     std::string_view rest) {
    if (mode_ != view_mode::lines) return;
    std::string text = fmt::format("{}  {:<8}  {:<5} {}", since_start(at), what,
                                   fmt::format("#{}", index + 1), printable(rest));
    text.erase(text.find_last_not_of(' ') + 1);
    write_(paint(term_, how, clip(text, term_.width, glyphs_of(term_).ellipsis)) + "\n");
}

void live_view::created(nanoseconds at, const job_tracker::notice& n, std::size_t producers,
                        std::string_view args) {
    std::string rest{args};
    if (producers > 1) rest += fmt::format("  by producer {}", n.producer + 1);
    line(at, style::yellow, "created", n.index, rest);
}

void live_view::started(nanoseconds at, const job_tracker::notice& n) {
    line(at, style::cyan, "started", n.index,
         n.attempt > 1 ? fmt::format("attempt {}", n.attempt) : "");
}

void live_view::failed(nanoseconds at, const job_tracker::notice& n) {
    line(at, style::red, "failed", n.index, fmt::format("attempt {}", n.attempt));
}

void live_view::finished(nanoseconds at, const job_tracker::notice& n) {
    const bool good = n.state == "completed";
    std::string rest = good ? (n.result.empty() ? "no result" : n.result) : n.state;
    rest = pad(clip(rest, 30, glyphs_of(term_).ellipsis), 8, align::left) + "  " + phases(n.times);
    line(at, good ? style::cyan : style::red, good ? "finished" : "ended", n.index, rest);
}

void live_view::progress(nanoseconds at, const run_report& so_far, std::size_t outstanding) {
    if (mode_ == view_mode::bar && at - last_at_ >= bar_interval) draw(at, so_far, outstanding);
    if (mode_ == view_mode::reports && at - last_at_ >= report_interval) {
        draw(at, so_far, outstanding);
    }
}

void live_view::remark(std::string_view text) {
    if (mode_ == view_mode::silent) return;
    write_((mode_ == view_mode::bar ? "\r\x1b[K" : "") + std::string{text} + "\n");
}

void live_view::end(nanoseconds at, const run_report& last, std::size_t outstanding) {
    if (mode_ == view_mode::bar || mode_ == view_mode::reports) draw(at, last, outstanding);
    if (mode_ == view_mode::bar) write_("\n");
}

void live_view::draw(nanoseconds at, const run_report& so_far, std::size_t outstanding) {
    const double passed = std::chrono::duration<double>(at - last_at_).count();
    const auto fresh = static_cast<double>(so_far.created - last_created_);
    const double rate = passed > 0 ? fresh / passed : 0;
    last_at_ = at;
    last_created_ = so_far.created;

    const std::size_t digits = so_far.wanted > 0 ? format_count(so_far.wanted).size() : 9;
    const std::string before =
        "  created " + pad(format_count(so_far.created), digits, align::right);
    std::string after = fmt::format(" {:>7}/s", format_rate(rate));
    if (so_far.followed) {
        after += "  processed " + pad(format_count(so_far.finished()), digits, align::right) +
                 "  open " + pad(format_count(outstanding), digits, align::right);
    }
    after += fmt::format("{:>7.1f}s", std::chrono::duration<double>(at).count());
    std::string middle;
    if (so_far.wanted > 0) {
        const double share =
            static_cast<double>(so_far.created) / static_cast<double>(so_far.wanted);
        const std::string percent = fmt::format(" {:>3.0f}%", std::floor(share * 100));
        const std::size_t taken = columns_of(before) + columns_of(after) + percent.size() + 2;
        const std::size_t room = term_.width > taken ? term_.width - taken : 0;
        if (mode_ == view_mode::bar && room >= 4) {
            const std::size_t columns = std::min<std::size_t>(room, 40);
            const std::string bar = pad(draw_bar(term_, share, columns), columns, align::left);
            middle = " " + paint(term_, style::yellow, bar);
        }
        middle += percent;
    }
    const std::string text = before + middle + after;
    write_(mode_ == view_mode::bar ? "\r" + text + "\x1b[K" : text + "\n");
}

}  // namespace sluice::cli
