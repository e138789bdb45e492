#include "server/worker/stall_watch.hpp"

#include <pthread.h>

#include <utility>

namespace sluice::worker {

stall_watch::stall_watch(std::chrono::milliseconds threshold, teller tell)
    : threshold_(threshold), tell_(std::move(tell)), thread_([this] { watch(); }) {
    pthread_setname_np(thread_.native_handle(), "stall watch");
}

stall_watch::~stall_watch() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void stall_watch::begin(mark& what, std::shared_ptr<const job_spec> job) {
    const std::lock_guard lock(mutex_);
    what.job = std::move(job);
}

void stall_watch::end(mark& what) {
    std::shared_ptr<const job_spec> last;  // goes after the lock
    const std::lock_guard lock(mutex_);
    last.swap(what.job);
}

const stall_watch::mark* stall_watch::enter(const mark* what) {
    bool wake = false;
    const mark* before = nullptr;
    {
        const std::lock_guard lock(mutex_);
        before = std::exchange(current_, what);
        ++turns_;
        wake = std::exchange(asleep_, false);
    }
    if (wake) changed_.notify_one();
    return before;
}

void stall_watch::leave(const mark* before) {
    const std::lock_guard lock(mutex_);
    current_ = before;
    ++turns_;
}

void stall_watch::watch() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const auto seen = turns_;
        changed_.wait_for(lock, threshold_, [this] { return stopping_; });
        if (stopping_ || turns_ != seen) continue;
        if (current_ == nullptr) {
            asleep_ = true;
            changed_.wait(lock, [this] { return stopping_ || !asleep_; });
        } else {
            look(lock);
        }
    }
}

/// What runs now has run since before the latest period began.
void stall_watch::look(std::unique_lock<std::mutex>& lock) {
    if (told_ == turns_ || !current_->job) return;
    told_ = turns_;
    const auto job = current_->job;
    lock.unlock();
    tell_(*job, threshold_);
    lock.lock();
}

}  // namespace sluice::worker
