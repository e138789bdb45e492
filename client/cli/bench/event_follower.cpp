#include "client/cli/bench/event_follower.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <future>
#include <utility>

namespace sluice::cli::bench {

using client::nothrow_await;

namespace {

constexpr std::size_t events_a_page = 1000;
constexpr std::size_t lookups_a_page = 500;
constexpr auto between_pages = std::chrono::milliseconds{50};
constexpr auto after_trouble = std::chrono::milliseconds{200};

}  // namespace

event_follower::event_follower(client::settings server, std::string queue)
    : queue_(std::move(queue)),
      listener_(io_.get_executor(), std::move(server)),
      pause_(io_.get_executor()) {}

event_follower::~event_follower() {
    if (!thread_.joinable()) return;
    over_ = true;
    asio::post(io_, [this] {
        listener_.close();
        pause_.cancel();
    });
    thread_.join();
}

void event_follower::start(std::uint64_t after) {
    last_event_ = after;
    asio::co_spawn(io_, follow(), [this](std::exception_ptr broken) {
        if (!broken) return;
        client::failure why;
        why.message = "the events could not be read";
        trouble_ = std::move(why);
        deaf_ = true;
    });
    thread_ = std::thread{[this] {
        {
            const auto stay = asio::make_work_guard(io_);
            while (!over_) io_.run_one();
        }
        io_.run();  // what is closed by now ends soon
    }};
}

/// Returns when it has run on the follower's thread, between two steps of its coroutine.
void event_follower::on_thread(std::function<void()> what) {
    std::promise<void> done;
    asio::post(io_, [&] {
        what();
        done.set_value();
    });
    done.get_future().wait();
}

void event_follower::begin(run_report head, nanoseconds slice) {
    on_thread([&] {
        take_inbox();
        tracker_ = job_tracker{};
        tracker_.report() = std::move(head);
        tracker_.push_begins();  // all of the step: an event may always come before its answer
        slice_ = std::max(slice, nanoseconds{1});
        slice_of_.clear();
        over_time_.clear();
        must_look_up_ = false;
        to_look_up_.clear();
        first_created_.reset();
        last_finished_.reset();
        finished_ = 0;
        draining_ = false;
    });
}

void event_follower::stored(std::vector<stored_job> jobs) {
    const std::lock_guard lock{mutex_};
    inbox_.insert(inbox_.end(), std::make_move_iterator(jobs.begin()),
                  std::make_move_iterator(jobs.end()));
}

void event_follower::push_failed(const client::failure& why) {
    const std::lock_guard lock{mutex_};
    failures_.push_back(why);
}

event_follower::harvest event_follower::end() {
    harvest all;
    on_thread([&] {
        take_inbox();
        all = {std::move(tracker_.report()), std::move(over_time_), trouble_, {}};
        if (first_created_ && last_finished_) all.first_to_last = *last_finished_ - *first_created_;
        tracker_ = job_tracker{};
    });
    return all;
}

asio::awaitable<void> event_follower::follow() {
    while (!over_ && !trouble_) {
        const bool more = co_await read_page();
        if (more || over_) continue;
        pause_.expires_after(between_pages);
        co_await pause_.async_wait(nothrow_await);
    }
}

/// Whether there are more events already.
asio::awaitable<bool> event_follower::read_page() {
    client::event_filter filter;
    filter.types = {"job.completed", "job.discarded", "job.cancelled", "job.expired"};
    filter.queues = {queue_};
    filter.after = last_event_;
    filter.limit = events_a_page;
    auto page = co_await listener_.events(std::move(filter));
    if (over_) co_return false;
    if (page.has_error()) {
        const bool for_good =
            page.error().kind == client::failure_kind::refused && !page.error().retryable;
        if (for_good) trouble_ = page.error();
        deaf_ = for_good;
        pause_.expires_after(after_trouble);
        co_await pause_.async_wait(nothrow_await);
        co_return false;
    }
    last_event_ = page->last_id;
    take_inbox();
    for (const auto& event : page->events) note(tracker_.heard(event));
    const bool lost = tracker_.take_lost_events();
    must_look_up_ = must_look_up_ || page->gap || lost;
    if (draining_ && page->events.empty()) co_await look_up_missing();
    finished_ = tracker_.report().finished();
    co_return page->events.size() == events_a_page;
}

/// Only once no more jobs are sent: each is a request of its own, and would be part of the load.
/// Some at a time, for events come meanwhile.
asio::awaitable<void> event_follower::look_up_missing() {
    if (to_look_up_.empty()) {
        to_look_up_ = must_look_up_ ? tracker_.outstanding_ids() : tracker_.take_incomplete();
        must_look_up_ = false;
    }
    for (std::size_t i = 0; i < lookups_a_page && !to_look_up_.empty(); ++i) {
        std::string id = std::move(to_look_up_.back());
        to_look_up_.pop_back();
        auto job = co_await listener_.get(std::move(id));
        if (over_) co_return;
        if (job.has_value()) note(tracker_.looked_up(*job));
        const bool open = job.has_error() ? job.error().status != 404 : !job->terminal();
        must_look_up_ = must_look_up_ || open;
        finished_ = tracker_.report().finished();
    }
}

void event_follower::take_inbox() {
    std::vector<stored_job> jobs;
    std::vector<client::failure> failures;
    {
        const std::lock_guard lock{mutex_};
        jobs.swap(inbox_);
        failures.swap(failures_);
    }
    for (const auto& job : jobs) {
        const auto slice =
            static_cast<std::size_t>(std::max(job.intended, nanoseconds{0}) / slice_);
        slice_of_.push_back(static_cast<std::uint16_t>(std::min(slice, slices_max - 1)));
        tracker_.push_begins();
        note(tracker_.created(slice_of_.size() - 1, 0, job.id, job.enqueue));
    }
    for (const auto& why : failures) {
        tracker_.push_begins();
        tracker_.push_failed(why);
    }
}

void event_follower::note(const job_tracker::notices& news) {
    for (const auto& each : news) {
        if (each.what != job_tracker::step::finished) continue;
        const auto total = each.times.total();
        if (!total) continue;
        const timestamp created = *each.times.created_at();
        first_created_ = std::min(first_created_.value_or(created), created);
        last_finished_ = std::max(last_finished_.value_or(created), *each.times.finished_at);
        const std::size_t slice = slice_of_[each.index];
        if (slice >= over_time_.size()) over_time_.resize(slice + 1);
        over_time_[slice].record(each.enqueue + *total);
    }
}

}  // namespace sluice::cli::bench
