#include "server/http/api/progress_stream.hpp"

#include "proto/json_text.hpp"
#include "server/http/api/stream_text.hpp"

#include <utility>

namespace sluice::http {
namespace {

using std::chrono::steady_clock;

/// The specification names the end of a job that is given up "failed"; its state says "discarded".
std::string_view end_name(job_state state) {
    return state == job_state::discarded ? std::string_view("failed") : to_string(state);
}

void append_progress(json_writer& out, const job_record& job) {
    if (!job.progress) {
        out.key("progress").null().key("data").null();
        return;
    }
    out.key("progress").number(job.progress->fraction);
    out.key("data").raw(job.progress->data.empty() ? std::string_view("null") : job.progress->data);
    if (!job.progress->message.empty()) out.key("message").string(job.progress->message);
}

std::string end_json(const job_record& job) {
    std::string text;
    json_writer out(text);
    out.begin_object().key("job_id").id(job.spec->id);
    out.key("state").string(to_string(job.state));
    append_progress(out, job);
    if (job.finished_at) out.key("updated_at").time(*job.finished_at);
    if (!job.result.empty()) out.key("result").raw(job.result);
    if (job.failed_last && !job.failures.empty()) {
        const auto& failure = job.failures.back();
        out.key("error").begin_object().key("type").string(failure.type);
        out.key("code").string(failure.code).key("message").string(failure.message).end_object();
    }
    out.end_object();
    return text;
}

}  // namespace

std::string progress_json(const job_record& job) {
    std::string text;
    json_writer out(text);
    out.begin_object().key("job_id").id(job.spec->id);
    out.key("state").string(to_string(job.state));
    append_progress(out, job);
    if (job.progress) out.key("updated_at").time(job.progress->reported_at);
    out.end_object();
    return text;
}

progress_stream::progress_stream(services_ptr services, uuid id, std::stop_token stop)
    : services_(std::move(services)), id_(id), stop_(std::move(stop)) {}

asio::awaitable<std::optional<std::string>> progress_stream::next() {
    if (ended_) co_return std::nullopt;
    std::function<bool(const job_record&)> is_news = [this](const job_record& job) {
        return is_terminal(job.state) || progress_json(job) != told_;
    };
    auto job =
        co_await services_->queue->watch(id_, std::move(is_news), time_until(next_beat_), stop_);
    if (!job) co_return std::nullopt;
    auto piece = look_at(*job);
    next_beat_ = steady_clock::now() + services_->stream_beat;
    co_return piece;
}

/// Nothing new sooner than asked: the reader has gone, or the server drains.
std::optional<std::string> progress_stream::look_at(const job_record& job) {
    std::string out;
    if (told_.empty()) append_stream_opening(out);
    ended_ = is_terminal(job.state);
    auto progress = progress_json(job);
    if (ended_) {
        append_stream_event(out, {}, end_name(job.state), end_json(job));
    } else if (progress != told_) {
        append_stream_event(out, {}, "progress", progress);
    } else {
        if (steady_clock::now() < next_beat_) return std::nullopt;
        append_stream_beat(out);
    }
    told_ = std::move(progress);
    return out;
}

}  // namespace sluice::http
