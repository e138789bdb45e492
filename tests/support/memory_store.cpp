#include "tests/support/memory_store.hpp"

#include "proto/fairness.hpp"
#include "proto/limit_rule.hpp"
#include "proto/limits.hpp"

#include <algorithm>

namespace sluice::test {

// -- the disk

void memory_disk::lose_power(std::size_t survivors) {
    const std::lock_guard lock(mutex_);
    survivors = std::min(survivors, unsynced_.size());
    for (std::size_t i = 0; i < survivors; ++i) synced_.apply(unsynced_[i]);
    unsynced_.clear();
    written_ = synced_;
}

std::size_t memory_disk::unsynced_batches() const {
    const std::lock_guard lock(mutex_);
    return unsynced_.size();
}

void memory_disk::fail_commit(int nth, bool written) {
    const std::lock_guard lock(mutex_);
    fail_in_ = nth;
    fail_written_ = written;
}

void memory_disk::refuse_for_space(int commits) {
    const std::lock_guard lock(mutex_);
    no_space_ = commits;
}

void memory_disk::set_reserve(bool there) {
    const std::lock_guard lock(mutex_);
    reserve_ = there;
}

void memory_disk::set_disk_low(bool low) {
    const std::lock_guard lock(mutex_);
    disk_low_ = low;
}

void memory_disk::fail_reads(bool fail) {
    const std::lock_guard lock(mutex_);
    fail_reads_ = fail;
}

void memory_disk::fail_close(bool fail) {
    const std::lock_guard lock(mutex_);
    fail_close_ = fail;
}

void memory_disk::hold_reads() {
    const std::lock_guard lock(mutex_);
    hold_reads_ = true;
}

void memory_disk::release_reads() {
    {
        const std::lock_guard lock(mutex_);
        hold_reads_ = false;
    }
    released_.notify_all();
}

void memory_disk::hold_commits() {
    const std::lock_guard lock(mutex_);
    hold_ = true;
}

void memory_disk::release_commits() {
    {
        const std::lock_guard lock(mutex_);
        hold_ = false;
    }
    released_.notify_all();
}

void memory_disk::watch_commits(std::function<void(const journal_batch&)> watcher) {
    watcher_ = std::move(watcher);
}

bool memory_disk::commit_waits() const {
    const std::lock_guard lock(mutex_);
    return waiting_;
}

void memory_disk::forget_to_sync(bool forget) {
    const std::lock_guard lock(mutex_);
    forget_to_sync_ = forget;
}

void memory_disk::forget_epoch(bool forget) {
    const std::lock_guard lock(mutex_);
    forget_epoch_ = forget;
}

disk_image memory_disk::image() const {
    const std::lock_guard lock(mutex_);
    return written_;
}

std::uint32_t memory_disk::epoch() const {
    const std::lock_guard lock(mutex_);
    return epoch_;
}

std::uint64_t memory_disk::commits() const {
    const std::lock_guard lock(mutex_);
    return commits_;
}

bool memory_disk::closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
}

// -- the store

restore_summary memory_store::restore_blocking(const restore_sink& sink) {
    const std::lock_guard lock(disk_->mutex_);
    disk_->closed_ = false;
    if (!disk_->forget_epoch_ || disk_->epoch_ == 0) ++disk_->epoch_;
    for (const auto& [queue, paused] : disk_->written_.queues) sink.queue(queue, paused);
    for (const auto& [key, value] : disk_->written_.settings)
        if (sink.setting) sink.setting({key.first, key.second, value});
    for (const auto& [name, record] : disk_->written_.crons)
        if (sink.cron) sink.cron(record);
    for (const auto& [seq, record] : disk_->written_.workflows)
        if (sink.workflow && record.unfinished > 0) sink.workflow(record);
    for (const auto& [seq, row] : disk_->written_.live) {
        const auto& record = *row.record;
        if (record.state == job_state::active) {
            sink.active(deep_copy(record));
            continue;
        }
        std::string queue = record.spec->queue;
        std::string type = record.spec->type;
        std::string limit_key(limit_key_of(*record.spec));
        std::string fairness_key(fairness_key_of(*record.spec));
        waiting_job job{seq,
                        record.ticket,
                        record.state,
                        record.spec->priority,
                        record.due_at,
                        record.spec->expires_at,
                        queue,
                        type,
                        {},
                        limit_key,
                        fairness_key};
        if (const auto& rule = record.spec->fairness) {
            job.fairness_weight = rule->weight;
            job.cost = rule->cost;
        }
        if (record.spec->client_id) job.client_id = record.spec->id;
        sink.waiting(job);
        // The views were valid during the call only.
        std::fill(queue.begin(), queue.end(), '?');
        std::fill(type.begin(), type.end(), '?');
        std::fill(limit_key.begin(), limit_key.end(), '?');
        std::fill(fairness_key.begin(), fairness_key.end(), '?');
    }
    std::map<std::string, std::uint64_t> dead;
    for (const auto& [seq, row] : disk_->written_.history)
        if (row.record->dead_letter) ++dead[row.record->spec->queue];
    for (const auto& [queue, count] : dead) sink.dead_letters(queue, count);
    return {disk_->epoch_, disk_->written_.next_seq};
}

commit_outcome memory_store::commit_blocking(const journal_batch& batch) {
    std::unique_lock lock(disk_->mutex_);
    disk_->waiting_ = disk_->hold_;
    disk_->released_.wait(lock, [this] { return !disk_->hold_; });
    disk_->waiting_ = false;
    if (disk_->watcher_) disk_->watcher_(batch);
    if (failed_) return {commit_status::failed, false, "memory: failed before"};
    if (disk_->no_space_ > 0) {
        --disk_->no_space_;
        return {commit_status::no_space, true, "memory: no space"};
    }
    const auto refuse = [this](std::string why) {
        failed_ = true;
        return commit_outcome{commit_status::failed, false, "memory: " + std::move(why)};
    };
    if (disk_->closed_) return refuse("it is closed");
    if (batch.number <= latest_batch_) return refuse("the number of the batch does not rise");
    latest_batch_ = batch.number;
    const bool fault = disk_->fail_in_ && --*disk_->fail_in_ <= 0;
    if (fault) disk_->fail_in_.reset();
    if (fault && !disk_->fail_written_) return refuse("a fault that was asked for");
    if (auto wrong = disk_->written_.apply(batch); !wrong.empty()) return refuse(std::move(wrong));
    disk_->unsynced_.push_back(batch);
    if (fault) return refuse("a fault that was asked for");
    if (batch.sync && !disk_->forget_to_sync_) {
        for (const auto& earlier : disk_->unsynced_) disk_->synced_.apply(earlier);
        disk_->unsynced_.clear();
    }
    ++disk_->commits_;
    return {commit_status::ok, disk_->disk_low_, {}};
}

bool memory_store::make_room_blocking() {
    const std::lock_guard lock(disk_->mutex_);
    return std::exchange(disk_->reserve_, false);
}

std::unique_lock<std::mutex> memory_store::lock_for_read() const {
    std::unique_lock lock(disk_->mutex_);
    disk_->released_.wait(lock, [this] { return !disk_->hold_reads_; });
    if (disk_->fail_reads_) throw store_error(74, "memory: a read failed");
    return lock;
}

std::vector<job_record> memory_store::load_blocking(std::span<const std::int64_t> seqs) {
    const auto lock = lock_for_read();
    std::vector<job_record> records;
    for (const auto seq : seqs) {
        const auto it = disk_->written_.live.find(seq);
        if (it != disk_->written_.live.end()) records.push_back(deep_copy(*it->second.record));
    }
    return records;
}

std::optional<job_store::found_job> memory_store::find_blocking(const uuid& id) {
    const auto lock = lock_for_read();
    const auto& image = disk_->written_;
    const auto seq = image.seq_of.find(id);
    if (seq == image.seq_of.end()) return std::nullopt;
    if (const auto it = image.live.find(seq->second); it != image.live.end())
        return found_job{job_place::live, deep_copy(*it->second.record)};
    return found_job{job_place::history, deep_copy(*image.history.at(seq->second).record)};
}

std::vector<job_results> memory_store::load_results_blocking(std::span<const std::int64_t> seqs) {
    const auto lock = lock_for_read();
    std::vector<job_results> all;
    for (const auto seq : seqs) {
        all.push_back({seq, {}, {}});
        for (const auto* rows : {&disk_->written_.live, &disk_->written_.history}) {
            const auto it = rows->find(seq);
            if (it == rows->end()) continue;
            all.back().result = it->second.record->result;
            all.back().parent_results = it->second.record->parent_results;
        }
    }
    return all;
}

std::optional<workflow_record> memory_store::find_workflow_blocking(const uuid& id) {
    const auto lock = lock_for_read();
    for (const auto& [seq, record] : disk_->written_.workflows)
        if (record.id == id) return record;
    return std::nullopt;
}

log_end memory_store::log_end_blocking(std::int64_t seq) {
    const auto lock = lock_for_read();
    return disk_->written_.end_of_log(seq);
}

std::vector<log_line> memory_store::read_log_blocking(std::int64_t seq, std::uint64_t after,
                                                      std::size_t lines_max) {
    const auto lock = lock_for_read();
    std::vector<log_line> lines;
    const auto it = disk_->written_.logs.find(seq);
    if (it == disk_->written_.logs.end()) return lines;
    std::size_t bytes = 0;
    for (const auto& write : it->second) {
        if (write.line.number <= after) continue;
        if (lines.size() >= lines_max || bytes > limits::log_page_bytes_max) break;
        bytes += log_cost(write.line.text);
        lines.push_back(write.line);
    }
    return lines;
}

std::optional<key_record> memory_store::find_key_blocking(std::string_view key) {
    const auto lock = lock_for_read();
    const auto it = disk_->written_.keys.find(key);
    if (it == disk_->written_.keys.end()) return std::nullopt;
    return it->second;
}

bool memory_store::disk_low_blocking() {
    const std::lock_guard lock(disk_->mutex_);
    return disk_->disk_low_;
}

job_store::purge_outcome memory_store::purge_blocking(timestamp now, std::size_t max) {
    const std::lock_guard lock(disk_->mutex_);
    std::size_t gone = 0;
    for (auto* image : {&disk_->written_, &disk_->synced_}) {
        gone = 0;
        for (auto it = image->history.begin(); it != image->history.end() && gone < max;) {
            if (!it->second.purge_at || *it->second.purge_at > now) {
                ++it;
                continue;
            }
            image->seq_of.erase(it->second.record->spec->id);
            image->logs.erase(it->first);
            it = image->history.erase(it);
            ++gone;
        }
        for (auto it = image->keys.begin(); it != image->keys.end() && gone < max;) {
            if (it->second.expires_at > now) {
                ++it;
                continue;
            }
            it = image->keys.erase(it);
            ++gone;
        }
    }
    return {gone, gone == max};
}

void memory_store::close_blocking() {
    const std::lock_guard lock(disk_->mutex_);
    if (disk_->fail_close_) throw store_error(74, "memory: closing failed");
    for (const auto& earlier : disk_->unsynced_) disk_->synced_.apply(earlier);
    disk_->unsynced_.clear();
    disk_->closed_ = true;
}

}  // namespace sluice::test
