#include "client/job_run.hpp"

#include "proto/limits.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

/// Of one request: far below the server's bound for a body, whatever escapes the texts need.
constexpr std::size_t bytes_a_request = 128 * 1024;
constexpr std::size_t lines_a_request = 500;
/// What a line costs beside its text.
constexpr std::size_t line_overhead = 64;

std::size_t cost(const log_text& line) {
    return line.text.size() + line_overhead;
}

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
    constexpr std::size_t line_bytes_max = 16 * 1024;
    {
        const std::lock_guard lock(mutex_);
        log_text line{stream, std::string{text.substr(0, line_bytes_max)}};
        if (bytes_ + cost(line) > log_bytes_held_max) {
            ++dropped_;
            return;
        }
        bytes_ += cost(line);
        lines_.push_back(std::move(line));
        if (std::exchange(announced_, true)) return;
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
    while (!lines_.empty() && said.lines.size() < lines_a_request && bytes < bytes_a_request) {
        bytes += cost(lines_.front());
        said.lines.push_back(std::move(lines_.front()));
        lines_.pop_front();
    }
    bytes_ -= bytes;
    if (lines_.empty() && dropped_ > 0) {
        const auto lost = std::exchange(dropped_, 0);
        said.lines.push_back({log_stream::log, std::to_string(lost) + " lines were dropped: they "
                                                                      "came faster than they "
                                                                      "could be sent"});
    }
    announced_ = !lines_.empty();
    return said;
}

void job_run::take_back(words said) {
    const std::lock_guard lock(mutex_);
    if (!progress_) progress_ = std::move(said.progress);
    for (auto line = said.lines.rbegin(); line != said.lines.rend(); ++line) {
        bytes_ += cost(*line);
        lines_.push_front(std::move(*line));
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
