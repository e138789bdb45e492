#include "server/http/api/job_stream.hpp"

#include "proto/codec.hpp"
#include "proto/json_text.hpp"
#include "server/http/api/answers.hpp"

#include <iterator>
#include <utility>

namespace sluice::http {
namespace {

/// What is stored in one turn of the executor: others have theirs in between.
constexpr std::size_t lines_at_once = 256;
constexpr std::size_t flights_max = 8;

/// Longer than any queue stays full; what ends the wait is room, or the end of the stream.
constexpr std::chrono::hours stream_patience{24 * 365};

}  // namespace

void job_stream::collect(std::string& piece) {
    bool taken = false;
    while (!flights_.empty() && flights_.front()->done && piece.size() < piece_bytes) {
        piece += flights_.front()->receipts;
        flights_.pop_front();
        taken = true;
    }
    if (taken) changed_.notify_all();
}

asio::awaitable<void> job_stream::take_lines() {
    while (!abandoned_) {
        auto some = read_lines();
        if (some.lines.empty()) co_return;
        co_await store(std::move(some));
    }
}

job_stream::load job_stream::read_lines() {
    load some;
    while (some.lines.size() < lines_at_once) {
        const auto line = lines_.next();
        if (!line) break;
        read_line(*line, some);
    }
    return some;
}

void job_stream::read_line(const line_splitter::line& line, load& into) {
    auto& here = into.lines.emplace_back();
    here.number = line.number;
    if (line.dropped) {
        here.wrong = why_dropped(line);
        return;
    }
    auto spec = decode_job(line.text, services_->now().wall);
    if (!spec)
        here.wrong = spec.error();
    else if (!queue_allowed(request_, spec->queue))
        here.wrong = forbidden_queue(spec->queue);
    else
        into.jobs.push_back(std::move(*spec));
}

asio::awaitable<void> job_stream::store(load wanted) {
    while (!abandoned_ && !wanted.lines.empty()) {
        auto mine = co_await open_flight(std::move(wanted.lines));
        tasks_.spawn(push(mine, std::move(wanted.jobs)));
        while (!mine->accepted && !mine->done && !fault_) co_await changed_.wait();
        wanted.lines = std::move(mine->rest);
        wanted.jobs = std::move(mine->left);
        if (wanted.jobs.empty()) co_return;
        // The queue of the next one is full. Nothing is read meanwhile.
        std::vector<entry> line;
        line.push_back(std::move(wanted.lines.front()));
        auto first = co_await open_flight(std::move(line));
        wanted.lines.erase(wanted.lines.begin());
        auto job = std::move(wanted.jobs.front());
        wanted.jobs.erase(wanted.jobs.begin());
        tasks_.spawn(push_patiently(first, std::move(job)));
        while (!first->done && !fault_) co_await changed_.wait();
    }
}

/// Waits until the peer has taken enough of its receipts.
asio::awaitable<job_stream::flight_ptr> job_stream::open_flight(std::vector<entry> lines) {
    while (flights_.size() >= flights_max && !abandoned_) co_await changed_.wait();
    auto mine = std::make_shared<flight>();
    mine->lines = std::move(lines);
    flights_.push_back(mine);
    co_return mine;
}

asio::awaitable<void> job_stream::push(flight_ptr mine, std::vector<job_spec> jobs) {
    push_each_request ask;
    const auto count = jobs.size();
    ask.jobs = std::move(jobs);
    ask.check = services_->check_job;
    if (!request_.queue_patterns.empty())
        ask.may_touch = [this](std::string_view queue) { return queue_allowed(request_, queue); };
    ask.accepted = [this, mine, count](std::vector<job_spec> left) {
        const auto taken = count - left.size();
        set_apart(*mine, taken, std::move(left));
        changed_.notify_all();
    };
    result<push_each_answer> made = push_each_answer{};
    if (count > 0) made = co_await services_->queue->push_each(std::move(ask));
    std::size_t next_job = 0;
    for (const auto& line : mine->lines) {
        if (line.wrong) {
            append_refusal(mine->receipts, line.number, *line.wrong);
        } else if (!made) {
            append_refusal(mine->receipts, line.number, made.error());
        } else if (const auto& job = made->jobs[next_job++]; !job) {
            append_refusal(mine->receipts, line.number, job.error());
        } else {
            confirm(*mine, line.number, *job, made->commit);
        }
    }
    land(*mine);
}

/// The lines from the first job on that has to wait go with it. `taken` jobs come before.
void job_stream::set_apart(flight& mine, std::size_t taken, std::vector<job_spec> left) {
    auto rest = mine.lines.begin();
    for (; rest != mine.lines.end(); ++rest)
        if (!rest->wrong && taken-- == 0) break;
    mine.rest.assign(std::make_move_iterator(rest), std::make_move_iterator(mine.lines.end()));
    mine.lines.erase(rest, mine.lines.end());
    mine.left = std::move(left);
    mine.accepted = true;
}

asio::awaitable<void> job_stream::push_patiently(flight_ptr mine, job_spec job) {
    push_request ask;
    ask.jobs.push_back(std::move(job));
    if (services_->check_job)
        ask.check = [this](const auto& jobs) { return services_->check_job(jobs.front()); };
    if (!request_.queue_patterns.empty())
        ask.may_touch = [this](std::string_view queue) { return queue_allowed(request_, queue); };
    ask.block = stream_patience;
    ask.insists = true;
    ask.stop = stop_.get_token();
    const auto made = co_await services_->queue->push(std::move(ask));
    const auto number = mine->lines.front().number;
    if (!made && made.error().code == errc::queue_full && is_draining()) {
        append_refusal(mine->receipts, number, shutting_down());
    } else if (!made) {
        append_refusal(mine->receipts, number, made.error());
    } else {
        const auto& record = made->jobs.front();
        const pushed_job told{record.spec->id, record.state, !made->deduplicated.empty(),
                              made->durability};
        confirm(*mine, number, told, made->commit);
    }
    land(*mine);
}

void job_stream::land(flight& mine) {
    mine.done = true;
    changed_.notify_all();
}

void job_stream::confirm(flight& to, std::uint64_t line, const pushed_job& job,
                         std::chrono::microseconds commit) {
    json_writer out(to.receipts);
    out.begin_object().key("line").integer(static_cast<std::int64_t>(line));
    out.key("id").id(job.id).key("state").string(to_string(job.state));
    if (job.deduplicated) out.key("deduplicated").boolean(true);
    out.key("durability").string(to_string(job.durability));
    if (job.durability != durability_class::memory) out.key("commit_us").integer(commit.count());
    out.end_object();
    to.receipts += '\n';
}

}  // namespace sluice::http
