#include "client/cli/bench/load_step.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sluice::cli::bench {

using client::nothrow_await;

namespace {

constexpr auto pause_after_error = std::chrono::milliseconds{100};
constexpr auto hopeless_after = std::chrono::seconds{10};
constexpr auto grace_after_failure = std::chrono::seconds{1};
constexpr auto look_again = std::chrono::milliseconds{5};
constexpr std::int64_t slices = 100;
constexpr nanoseconds shortest_slice = std::chrono::milliseconds{100};

work_options work_of(const bench_options& options, const load& what) {
    work_options work;
    work.count = 0;
    work.poisson = options.poisson;
    work.duration = what.duration;
    work.seed = options.seed;
    if (what.rate) work.rate = *what.rate / static_cast<double>(options.batch);
    return work;
}

}  // namespace

load_step::load_step(asio::any_io_executor executor, client::settings server,
                     const bench_options& options, load what, sender_pool& senders,
                     event_follower& follower)
    : executor_(executor),
      server_(std::move(server)),
      options_(options),
      load_(std::move(what)),
      senders_(senders),
      follower_(follower),
      pacer_(executor),
      changed_(executor),
      grace_(options.drain),
      sending_(executor) {
    job_.type = type_of(options);
    job_.queue = load_.queue;
    job_.args = args_of(options);
    if (options.durability) {
        job_.extra_options =
            "\"durability\":\"" + std::string(to_string(*options.durability)) + '"';
    }
    result_.rate = load_.rate;
    result_.slice = std::max(load_.duration / slices, shortest_slice);
    run_report& run = result_.run;
    run.queue = load_.queue;
    run.type = type_of(options);
    run.url = server_.url.text();
    run.rate = load_.rate;
    run.args_bytes = job_.args.size();
    run.seed = options.seed;
    run.measures_overall = true;
}

void load_step::add_sender() {
    senders_.push_back(std::make_unique<client::producer>(executor_, server_));
}

asio::awaitable<void> load_step::run() {
    const std::uint64_t refused_before = refusals();
    follower_.begin(result_.run, result_.slice);
    start_ = ready_ = last_success_ = steady::now();
    if (load_.rate) {
        give_up_sending_ = start_ + load_.duration + options_.drain;
        sending_.spawn(send_open());
    } else {
        give_up_sending_ = start_ + load_.duration;
        while (senders_.size() < connections_max(options_)) add_sender();
        for (std::size_t i = 0; i < senders_.size(); ++i) sending_.spawn(send_closed(i));
    }
    co_await sending_.join();
    const nanoseconds sent_for = std::min(passed(), load_.duration);
    co_await await_open_jobs();

    auto heard = follower_.end();
    if (!failure_ && heard.trouble) failure_ = std::move(heard.trouble);
    heard.run.lag = std::move(result_.run.lag);
    heard.run.refusals = refusals() - refused_before;
    heard.run.producers = senders_.size();
    heard.run.elapsed = std::max(heard.first_to_last, sent_for);
    result_.run = std::move(heard.run);
    result_.over_time = std::move(heard.over_time);
}

std::uint64_t load_step::refusals() const {
    std::uint64_t sum = 0;
    for (const auto& each : senders_) sum += each->refusals();
    return sum;
}

/// Each request leaves when it is due, over the connection that was busy last, or over a new one
/// while the others wait for their answers. One that finds all connections busy leaves late, and
/// its latency counts from when it was due.
asio::awaitable<void> load_step::send_open() {
    send_schedule schedule{work_plan{work_of(options_, load_)}, 1};
    free_.clear();
    for (std::size_t i = senders_.size(); i > 0; --i) free_.push_back(i - 1);
    std::optional<send_schedule::slot> slot;
    while (!stopped_ && (slot = schedule.next(0))) {
        const auto due = start_ + slot->at.value_or(nanoseconds{0});
        if (due > steady::now()) {
            pacer_.expires_at(due);
            co_await pacer_.async_wait(nothrow_await);
        }
        const bool found = co_await await_sender();
        if (!found) break;
        const auto now = steady::now();
        result_.run.lag.record(now - due);
        result_.generator_lag.record(now - std::max(due, ready_));
        const std::size_t sender = free_.back();
        free_.pop_back();
        sending_.spawn(push_and_free(sender, due - start_));
        slot.reset();
    }
    const auto late = std::max(passed() - load_.duration, nanoseconds{0});
    count_unsent(schedule, slot);
    const auto sent = static_cast<double>(result_.run.lag.count() * options_.batch);
    const auto due = sent + static_cast<double>(result_.unsent);
    const double in_time = std::chrono::duration<double>(load_.duration) /
                           std::chrono::duration<double>(load_.duration + late);
    if (due > 0) result_.sent_share = sent / due * in_time;
}

/// False when it is over before one is free.
asio::awaitable<bool> load_step::await_sender() {
    if (free_.empty() && senders_.size() < connections_max(options_)) {
        free_.push_back(senders_.size());
        add_sender();
    }
    if (free_.empty()) {
        ++result_.blocked;
        while (free_.empty() && sending()) co_await changed_.wait_until(give_up_sending_);
        ready_ = steady::now();
    }
    co_return sending() && !free_.empty();
}

/// What was due by now and was not sent is part of the result.
void load_step::count_unsent(send_schedule& schedule, std::optional<send_schedule::slot> first) {
    const auto now = passed();
    for (auto slot = first ? first : schedule.next(0); slot && slot->at <= now;
         slot = schedule.next(0)) {
        result_.unsent += options_.batch;
    }
}

asio::awaitable<void> load_step::push_and_free(std::size_t sender, nanoseconds intended) {
    co_await push(sender, intended);
    free_.push_back(sender);
    changed_.notify_all();
}

asio::awaitable<void> load_step::send_closed(std::size_t sender) {
    while (sending()) {
        const auto errors = result_.errors;
        co_await push(sender, passed());
        if (errors == result_.errors || !sending()) continue;
        asio::steady_timer pause{executor_, pause_after_error};
        co_await pause.async_wait(nothrow_await);
    }
}

asio::awaitable<void> load_step::push(std::size_t sender, nanoseconds intended) {
    client::producer& producer = *senders_[sender];
    if (options_.batch == 1) {
        client::new_job job = job_;
        auto stored = co_await producer.push(std::move(job));
        if (stored.has_error()) {
            push_failed(stored.error());
            co_return;
        }
        std::vector<client::job_info> one;
        one.push_back(std::move(*stored));
        pushed(std::move(one), intended);
        co_return;
    }
    std::vector<client::new_job> jobs(options_.batch, job_);
    auto stored = co_await producer.push_batch(std::move(jobs));
    if (stored.has_error()) {
        push_failed(stored.error());
    } else {
        pushed(std::move(*stored), intended);
    }
}

void load_step::pushed(std::vector<client::job_info> jobs, nanoseconds intended) {
    last_success_ = steady::now();
    const nanoseconds enqueue = last_success_ - start_ - intended;
    std::vector<stored_job> news;
    for (auto& job : jobs) news.push_back({std::move(job.id), intended, enqueue});
    result_.run.created += news.size();
    follower_.stored(std::move(news));
}

void load_step::push_failed(const client::failure& why) {
    if (abandoned_) return;
    result_.errors += options_.batch;
    follower_.push_failed(why);
    const bool our_fault =
        why.kind == client::failure_kind::refused && why.status >= 400 && why.status < 500;
    const bool hopeless = our_fault || why.kind == client::failure_kind::bad_answer ||
                          steady::now() - last_success_ > hopeless_after;
    if (!hopeless || failure_) return;
    failure_ = why;
    stop(grace_after_failure);
}

/// Until all have ended, or they have had their time.
asio::awaitable<void> load_step::await_open_jobs() {
    const auto sent = steady::now();
    follower_.drain();
    while (!abandoned_ && !follower_.deaf() && follower_.finished() < result_.run.created &&
           steady::now() < sent + grace_) {
        co_await changed_.wait_until(std::min(steady::now() + look_again, sent + grace_));
    }
}

void load_step::stop(nanoseconds grace) {
    stopped_ = true;
    grace_ = std::min(grace_, grace);
    pacer_.cancel();
    changed_.notify_all();
}

void load_step::abandon() {
    abandoned_ = true;
    stop(nanoseconds{0});
    for (const auto& each : senders_) each->close();
}

load_step::progress load_step::so_far() const {
    return {passed(), result_.run.created, follower_.finished(), result_.errors};
}

}  // namespace sluice::cli::bench
