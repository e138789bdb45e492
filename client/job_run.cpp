#include "client/job_run.hpp"

#include "proto/job_log.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

/// Of one request: far below the server's bound for a body, whatever escapes the texts need.
constexpr std::size_t bytes_a_request = 128 * 1024;
constexpr std::size_t lines_a_request = 500;

}  // namespace

job_run::job_run(job_info job, std::function<void()> news)
    : job_(std::move(job)), news_(std::move(news)) {}

void job_run::progress(double fraction, std::string message) {
    {
        const std::lock_guard lock(mutex_);
        // Written so that NaN is 0.
        progress_ =
            progress_report{fraction > 0 ? std::min(fraction, 1.0) : 0.0, std::move(message)};
        if (std::exchange(announced_, true)) return;
    }
    announce();
}

void job_run::log(std::string_view text, log_stream stream) {
    std::vector<log_text> lines;
    const auto left_out = split_log(lines, stream, text);
    const auto now = std::chrono::steady_clock::now();
    {
        const std::lock_guard lock(mutex_);
        for (auto& line : lines) {
            // Once something was dropped the rest waits for its turn too: no gap goes unnoticed.
            const bool note = line.stream == log_stream::note;
            const auto bytes_max = log_bytes_held_max + (note ? log_note_reserve : 0);
            if ((dropped_ > 0 && !note) || bytes_ + log_cost(line.text) > bytes_max) {
                ++dropped_;
                continue;
            }
            bytes_ += log_cost(line.text);
            lines_.push_back({std::move(line), now});
        }
        dropped_ += left_out;
        if (lines_.empty() || std::exchange(announced_, true)) return;
    }
    announce();
}

void job_run::announce() {
    if (news_) news_();
}

job_run::words job_run::take() {
    const std::lock_guard lock(mutex_);
    words said;
    said.progress = std::exchange(progress_, std::nullopt);
    std::size_t bytes = 0;
    said.taken = std::chrono::steady_clock::now();
    while (!lines_.empty() && said.lines.size() < lines_a_request && bytes < bytes_a_request) {
        auto& [line, at] = lines_.front();
        bytes += log_cost(line.text);
        line.age = std::chrono::duration_cast<std::chrono::milliseconds>(said.taken - at);
        said.lines.push_back(std::move(line));
        lines_.pop_front();
    }
    bytes_ -= bytes;
    if (lines_.empty() && dropped_ > 0)
        said.lines.push_back({log_stream::note, dropped_note(std::exchange(dropped_, 0))});
    announced_ = !lines_.empty();
    return said;
}

void job_run::take_back(words said) {
    const std::lock_guard lock(mutex_);
    if (!progress_) progress_ = std::move(said.progress);
    for (auto line = said.lines.rbegin(); line != said.lines.rend(); ++line) {
        bytes_ += log_cost(line->text);
        const auto at = said.taken - line->age;
        lines_.push_front({std::move(*line), at});
    }
    announced_ = true;
}

bool job_run::has_words() {
    const std::lock_guard lock(mutex_);
    return progress_ || !lines_.empty();
}

void job_run::request_stop(stop_reason why) {
    auto none = stop_reason::none;
    if (why_.compare_exchange_strong(none, why)) stop_.request_stop();
}

}  // namespace sluice::client
