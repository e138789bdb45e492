#include "server/queue/local_backend_impl.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace sluice {

// -- grants --------------------------------------------------------------------------------------

void local_backend::collect_grants() {
    for (auto& grant : engine_.take_grants()) {
        if (grant.gate <= engine_.committed_batch())
            deliver(grant.taker, std::move(grant.leases));
        else
            held_grants_.push_back(std::move(grant));
    }
}

/// Posted: a handler that hears of it may do as it likes.
void local_backend::tell_of_lost_runs() {
    auto lost = engine_.take_lost_runs();
    if (lost.empty() || !run_lost_) return;
    asio::post(executor_, [this, self = self_, lost = std::move(lost)] {
        if (!*self || !run_lost_) return;
        for (const auto& lease : lost) run_lost_(lease);
    });
}

/// True when there were any.
bool local_backend::deliver_grants() {
    const auto committed = engine_.committed_batch();
    const auto held_before = held_grants_.size();
    std::deque<grant> later;
    for (auto& held : std::exchange(held_grants_, {})) {
        if (held.gate <= committed)
            deliver(held.taker, std::move(held.leases));
        else
            later.push_back(std::move(held));
    }
    held_grants_ = std::move(later);  // delivering posts and brings no new ones
    return held_grants_.size() < held_before;
}

void local_backend::deliver(std::uint64_t taker, std::vector<given_lease> leases) {
    const auto it = parked_.find(taker);
    if (it == parked_.end()) return;
    it->second->leases = std::move(leases);
    it->second->done = true;
    it->second->woken.notify_all();
    parked_.erase(it);
}

/// Completes a fetch: with what was leased at once, or with what comes while it is parked.
asio::awaitable<result<std::vector<job_record>>> local_backend::await_grant(fetch_outcome outcome,
                                                                            std::stop_token stop) {
    if (outcome.parked) {
        parked_fetch waiting(executor_);
        const auto taker = *outcome.parked;
        parked_.emplace(taker, &waiting);
        after_command();
        {
            auto give_up = [this, self = self_, taker] {
                asio::post(executor_, [this, self, taker] {
                    if (!*self || !parked_.contains(taker) || !engine_.abandon(taker)) return;
                    deliver(taker, {});
                    arm_timer();
                });
            };
            const std::stop_callback on_stop(stop, give_up);
            while (!waiting.done) co_await waiting.woken.wait();
        }
        outcome.leases = std::move(waiting.leases);
    } else if (!outcome.leases.empty()) {
        after_command();
        const bool ok = co_await durable(outcome.gate);
        if (!ok) co_return failure();
    } else {
        after_command();  // a job may have expired on the way, or wait for its limit now
    }
    if (failed_) co_return failure();
    auto jobs = engine_.hand_over(outcome.leases, now());
    if (jobs.size() < outcome.leases.size()) after_command();
    if (stop.stop_requested() && !jobs.empty()) {
        // Nobody is there any more to hear of them.
        engine_.return_grants(jobs, now());
        after_command();
        jobs.clear();
    }
    co_return jobs;
}

// -- loads ---------------------------------------------------------------------------------------

void local_backend::start_wanted_loads() {
    start_redrive_reads();
    for (auto& wanted : engine_.take_wanted()) {
        auto guard = asio::prefer(executor_, asio::execution::outstanding_work.tracked);
        asio::post(reader_thread_, [this, self = self_, guard,
                                    wanted = std::move(wanted)]() mutable {
            std::vector<job_record> records;
            std::vector<job_results> results;
            std::string fault;
            try {
                records = store_->load_blocking(wanted.seqs);
                if (!wanted.parents.empty())
                    results = store_->load_results_blocking(wanted.parents);
            } catch (const std::exception& e) {
                fault = e.what();
            }
            asio::post(guard, [this, self, wanted = std::move(wanted), records = std::move(records),
                               results = std::move(results), fault = std::move(fault)]() mutable {
                if (!*self) return;
                if (!fault.empty()) return fail(fault);
                engine_.admit_wanted(wanted, std::move(records), std::move(results), now());
                after_command();
            });
        });
    }
}

/// Waits until no reset is under way: the store would still give what it empties. False when the
/// store failed.
asio::awaitable<bool> local_backend::past_reset() {
    bool ok = !failed_;
    while (ok && engine_.reset_gate() != 0) ok = co_await durable(engine_.reset_gate());
    co_return ok;
}

asio::awaitable<bool> local_backend::load(uuid id) {
    if (engine_.resident(id)) co_return !failed_;
    ids wanted(1, id);
    const bool ok = co_await make_resident(std::move(wanted));
    co_return ok;
}

/// Brings jobs that are at rest into memory, unless they do not exist. False when the store failed.
asio::awaitable<bool> local_backend::make_resident(ids wanted) {
    const bool usable = co_await past_reset();
    if (!usable) co_return false;
    const auto absent = std::stable_partition(
        wanted.begin(), wanted.end(), [this](const uuid& id) { return engine_.resident(id); });
    const ids here(wanted.begin(), absent);
    wanted.erase(wanted.begin(), absent);
    if (wanted.empty()) co_return true;
    std::vector<std::uint64_t> loads;
    for (std::size_t i = 0; i < wanted.size(); ++i) loads.push_back(engine_.begin_load());
    for (const auto& id : here) engine_.keep(id);
    using found_jobs = std::vector<std::optional<job_store::found_job>>;
    auto read = [this, &wanted] {
        found_jobs found;
        for (const auto& id : wanted) found.push_back(store_->find_blocking(id));
        return found;
    };
    auto found = co_await read_store(read);
    if (!found) co_return false;
    for (std::size_t i = 0; i < loads.size(); ++i) engine_.admit(std::move((*found)[i]), loads[i]);
    co_return !failed_;
}

/// Free space is looked at anew, but only when somebody was refused for the lack of it.
void local_backend::recheck_disk() {
    if (std::exchange(disk_check_running_, true)) return;
    asio::post(reader_thread_, [this, self = self_] {
        const bool low = store_->disk_low_blocking();
        asio::post(executor_, [this, self, low] {
            if (!*self) return;
            disk_check_running_ = false;
            if (!disk_full_) engine_.set_disk_low(low);
        });
    });
}

}  // namespace sluice
