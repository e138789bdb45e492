#include "server/queue/backend.hpp"
#include "tests/queue/simulation/history.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

namespace sluice::test {
namespace {

using token_order = std::pair<std::uint32_t, std::uint64_t>;

token_order order_of(const lease_token& lease) {
    return {lease.epoch, lease.counter};
}

class checker {
public:
    explicit checker(const history& h) : h_(h) { gather(); }

    std::vector<std::string> run() {
        pushes();
        ends();
        deliveries();
        for (const auto& [id, all] : by_job_) {
            tokens(id, all);
            exclusion(id, all);
        }
        calls();
        sightings();
        order();
        for (const auto& wrong : h_.miscounts) say("C11 stats: " + wrong);
        for (auto& wrong : broken_log_promises(h_)) say(std::move(wrong));
        for (auto& wrong : broken_schedule_promises(h_)) say(std::move(wrong));
        return std::move(found_);
    }

private:
    using delivered = std::vector<const delivery*>;

    void say(std::string text) { found_.push_back(std::move(text)); }
    void say(const std::string& rule, const uuid& id) { say(rule + ": job " + to_string(id)); }

    void gather() {
        for (const auto& push : h_.pushes)
            for (const auto& job : push.jobs) {
                jobs_.emplace(job.args, std::make_pair(&push, &job));
                if (push.how != told::refused) wanted_.insert(job.args);
            }
        for (const auto& d : h_.deliveries) {
            by_job_[d.id].push_back(&d);
            by_args_[d.args].push_back(&d);
        }
        for (const auto& call : h_.calls) {
            calls_[call.id].push_back(&call);
            const bool anew = call.what == verb::revive || call.what == verb::remove;
            if (anew && call.how != told::refused) renewed_.insert(call.id);
            if (call.what == verb::remove && call.how != told::refused) removed_.insert(call.args);
        }
        for (const auto& job : h_.at_the_end) {
            if (!end_.emplace(job.args, &job).second)
                say("C8 idempotency: " + job.args + " was stored twice");
            end_ids_.emplace(job.id, &job);
        }
        for (const auto& id : h_.taken_back) taken_back_.insert(id);
        for (const auto& worker : h_.beating) beating_.insert(worker);
    }

    bool stopped_between(moment from, moment to, bool only_power) const {
        return std::any_of(h_.stops.begin(), h_.stops.end(), [&](const stop_of_server& stop) {
            return stop.at >= from && stop.at <= to && (stop.power_lost || !only_power);
        });
    }

    /// C1, C4 of batches, C8.
    void pushes() {
        std::map<std::string, std::vector<uuid>> keys;
        for (const auto& push : h_.pushes) {
            std::vector<uuid> ids;
            std::size_t there = 0;
            for (const auto& job : push.jobs) {
                ids.push_back(job.id);
                const bool is_there = end_.contains(job.args) || removed_.contains(job.args);
                there += is_there ? 1 : 0;
                if (push.how == told::done && push.reached < push.asked)
                    say("C1 durability: " + job.args + " was answered too soon");
                if (push.how == told::done && !is_there && !h_.may_be_lost(push, push.reached))
                    say("C1 lost: " + job.args + " was stored and is gone");
                if (push.error == errc::duplicate && push.jobs.size() == 1 && !is_there &&
                    push.asked == durability_class::fsync)
                    say("C1 lost: " + job.args + " was said to exist and is gone");
            }
            if (push.how != told::refused && there != 0 && there != push.jobs.size())
                say("C1 batch: only a part of it was stored");
            if (push.how != told::done || push.key.empty()) continue;
            if (h_.may_be_lost(push, push.reached)) continue;  // and the key with its jobs
            const auto [first, added] = keys.emplace(push.key, ids);
            if (!added && !same(first->second, ids))
                say("C8 idempotency: " + push.key + " named different jobs");
        }
    }

    /// A job that was deleted meanwhile is not in the answer to a repeated key.
    static bool same(const std::vector<uuid>& a, const std::vector<uuid>& b) {
        return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const uuid& x, const uuid& y) {
            return x == y || x == uuid{} || y == uuid{};
        });
    }

    /// C1, C2, C12: how everything ended.
    void ends() {
        for (const auto& job : h_.at_the_end) {
            if (!is_terminal(job.state)) say("C12 liveness: " + job.args + " never ended");
            if (!wanted_.contains(job.args)) say("C2 phantom: " + job.args + " is stored");
        }
    }

    /// C2, C3, C10.
    void deliveries() {
        for (const auto& d : h_.deliveries) {
            const auto it = jobs_.find(d.args);
            if (it == jobs_.end()) {
                say("C3 payload: " + d.args + " was never pushed");
                continue;
            }
            const auto& [push, job] = it->second;
            if (job->id != uuid{} && job->id != d.id && !removed_.contains(d.args) &&
                !h_.may_be_lost(*push, push->reached))
                say("C3 payload: " + d.args + " came with another id");
            if (!wanted_.contains(d.args)) say("C2 phantom: " + d.args + " was refused");
            if (push->begun > d.ended) say("C2 phantom: " + d.args + " came before it was pushed");
            if (job->not_before && latest_wall(push->begun, d.ended) < *job->not_before)
                say("C10 early: " + d.args + " came before its time");
        }
    }

    timestamp latest_wall(moment from, moment to) const {
        timestamp latest{};
        for (const auto& reading : h_.clock) {
            if (reading.at > to) break;
            // What the clock said when the span began was said before it.
            if (reading.at < from) latest = timestamp{};
            latest = std::max(latest, reading.wall);
        }
        return latest;
    }

    /// C3, C4.
    void tokens(const uuid& id, const delivered& all) {
        for (std::size_t i = 0; i < all.size(); ++i) {
            const auto& lease = all[i]->lease;
            const auto text = to_string(lease);
            if (!tokens_.insert(text).second) say("C4 token order: given twice, " + text);
        }
        auto by_end = all;
        std::sort(by_end.begin(), by_end.end(),
                  [](const auto* a, const auto* b) { return a->ended < b->ended; });
        for (const auto* later : all) {
            token_order largest{};
            for (const auto* earlier : by_end) {
                if (earlier->ended >= later->begun) break;
                largest = std::max(largest, order_of(earlier->lease));
            }
            if (largest >= order_of(later->lease)) say("C4 token order", id);
        }
        if (renewed_.contains(id)) return;
        auto by_token = all;
        std::sort(by_token.begin(), by_token.end(), [](const auto* a, const auto* b) {
            return order_of(a->lease) < order_of(b->lease);
        });
        for (std::size_t i = 1; i < by_token.size(); ++i)
            if (by_token[i]->attempt < by_token[i - 1]->attempt)
                say("C3 payload: the attempt went back", id);
    }

    /// C5: while one holds it undisturbed, nobody else gets it.
    void exclusion(const uuid& id, const delivered& all) {
        const auto calls = calls_.find(id);
        for (const auto* first : all) {
            if (beating_.contains(first->worker)) continue;
            for (const auto* next : all) {
                if (order_of(next->lease) <= order_of(first->lease)) continue;
                if (next->ended_at >= first->begun_at + first->exclusive) continue;
                if (stopped_between(first->begun, next->ended, false)) continue;
                const bool spoken =
                    calls != calls_.end() &&
                    std::any_of(calls->second.begin(), calls->second.end(), [&](const auto* c) {
                        return c->what != verb::log && c->begun >= first->begun &&
                               c->begun <= next->ended;
                    });
                if (!spoken && !taken_back_.contains(id)) say("C5 exclusion", id);
            }
        }
    }

    /// C6, C7, and back-off.
    void calls() {
        for (const auto& [id, all] : calls_) {
            std::set<std::string> acked;
            for (const auto* c : all) {
                if (c->how != told::done) continue;
                if (c->what == verb::ack && c->lease) acked.insert(to_string(*c->lease));
                if (c->what == verb::ack || c->what == verb::cancel) final_at(id, c->ended);
                if (c->lease) fence(*c);
                if (c->not_before) backoff(*c);
            }
            if (acked.size() > 1) say("C6 finality: acknowledged under two leases", id);
            // Whoever was told that a job ended is told the same at the end.
            for (const auto* c : all)
                if (c->how == told::done && (c->what == verb::ack || c->what == verb::cancel))
                    ended_as(id,
                             c->what == verb::ack ? job_state::completed : job_state::cancelled);
        }
    }

    void ended_as(const uuid& id, job_state state) {
        const auto end = end_ids_.find(id);
        if (end != end_ids_.end() && end->second->state != state)
            say("C6 finality: it ended otherwise", id);
    }

    void final_at(const uuid& id, moment at) {
        const auto all = by_job_.find(id);
        if (all == by_job_.end()) return;
        for (const auto* d : all->second)
            if (d->begun > at) say("C6 finality: delivered after its end", id);
    }

    void fence(const job_call& c) {
        const auto all = by_job_.find(c.id);
        if (all == by_job_.end()) return;
        for (const auto* d : all->second) {
            if (order_of(d->lease) <= order_of(*c.lease) || d->ended >= c.begun) continue;
            // Grants are written, not synced: one that the power took with it never was. Nor was
            // one of this process that ended with it before it was written.
            const bool power_alone = d->worker != in_server_worker_id;
            if (stopped_between(d->begun, c.ended, power_alone)) continue;
            say("C7 fencing", c.id);
        }
    }

    void backoff(const job_call& c) {
        const auto all = by_job_.find(c.id);
        if (all == by_job_.end()) return;
        for (const auto* d : all->second) {
            if (d->begun <= c.ended || d->ended_at >= *c.not_before) continue;
            // Across a restart the rest of a back-off is read off the wall clock.
            const bool jumped =
                std::any_of(h_.clock_jumps.begin(), h_.clock_jumps.end(),
                            [&](moment at) { return at >= c.begun && at <= d->ended; });
            if (jumped && stopped_between(c.begun, d->ended, false)) continue;
            say("C10 early: delivered before its back-off was over", c.id);
        }
    }

    /// Reading a state is an answer as well.
    void sightings() {
        for (const auto& seen : h_.sightings)
            if (seen.state == job_state::completed || seen.state == job_state::cancelled) {
                final_at(seen.id, seen.at);
                ended_as(seen.id, seen.state);
            }
    }

    /// C9: within one queue, type, priority and fairness key, first come, first offered.
    void order() {
        struct entry {
            moment begun = never;  ///< of the first try to push it
            moment stored = never;
            const delivery* first = nullptr;
        };
        std::map<std::tuple<std::string, std::string, int, std::string>,
                 std::map<std::string, entry>>
            lines;
        for (const auto& push : h_.pushes) {
            if (push.how == told::refused) continue;
            for (const auto& job : push.jobs) {
                const auto* first = job.plain ? first_delivery(job.args) : nullptr;
                if (!first) continue;
                auto& line = lines[{job.queue, job.type, job.priority, job.fairness_key}];
                auto& known = line[job.args];
                known.first = first;
                known.begun = std::min(known.begun, push.begun);
                // One that was lost comes in again where its producer's next try puts it.
                if (push.how == told::done && !h_.may_be_lost(push, push.reached))
                    known.stored = std::min(known.stored, push.ended);
            }
        }
        for (const auto& [name, line] : lines) {
            std::vector<entry> by_begin;
            for (const auto& [args, known] : line) by_begin.push_back(known);
            auto by_end = by_begin;
            std::sort(by_begin.begin(), by_begin.end(),
                      [](const entry& a, const entry& b) { return a.begun < b.begun; });
            std::sort(by_end.begin(), by_end.end(),
                      [](const entry& a, const entry& b) { return a.stored < b.stored; });
            // Of all that were stored before b was begun, the one whose first fetch began last.
            moment latest = 0;
            std::size_t before = 0;
            for (const auto& b : by_begin) {
                for (; before < by_end.size() && by_end[before].stored < b.begun; ++before)
                    latest = std::max(latest, by_end[before].first->begun);
                if (b.first->ended < latest && !lost_its_lead(*b.first, latest))
                    say("C9 order: " + b.first->args + " overtook one before it in queue " +
                        std::get<0>(name));
            }
        }
    }

    /// Whether the job before an in-server run may have been granted first, to a worker that had
    /// not heard of it when the process ended, and was granted again after that: at `later`.
    bool lost_its_lead(const delivery& run, moment later) const {
        return run.worker == in_server_worker_id &&
               std::any_of(h_.stops.begin(), h_.stops.end(), [&](const stop_of_server& stop) {
                   return !stop.drained && run.ended < stop.at && stop.at < later;
               });
    }

    /// Null when something else than its turn may have decided when the job was first heard of.
    const delivery* first_delivery(const std::string& args) const {
        const auto all = by_args_.find(args);
        if (all == by_args_.end()) return nullptr;
        const auto* first = *std::min_element(
            all->second.begin(), all->second.end(),
            [](const auto* a, const auto* b) { return order_of(a->lease) < order_of(b->lease); });
        if (renewed_.contains(first->id) || taken_back_.contains(first->id)) return nullptr;
        for (const auto& stop : h_.stops)
            if (stop.drained && stop.at < first->ended && stop.at > jobs_.at(args).first->begun)
                return nullptr;
        return first->attempt == 1 && first->interruptions == 0 ? first : nullptr;
    }

    const history& h_;
    std::vector<std::string> found_;
    std::unordered_map<std::string, std::pair<const push_call*, const pushed_job*>> jobs_;
    std::unordered_set<std::string> wanted_;
    std::unordered_map<uuid, delivered> by_job_;
    std::unordered_map<std::string, delivered> by_args_;
    std::unordered_map<uuid, std::vector<const job_call*>> calls_;
    std::unordered_set<uuid> renewed_, taken_back_;
    std::unordered_set<std::string> removed_, beating_;
    std::unordered_map<std::string, const final_job*> end_;
    std::unordered_map<uuid, const final_job*> end_ids_;
    std::unordered_set<std::string> tokens_;
};

}  // namespace

bool history::may_be_lost(const call& answered, durability_class reached) const {
    return std::any_of(stops.begin(), stops.end(), [&](const stop_of_server& stop) {
        if (stop.drained || stop.at < answered.begun) return false;
        const auto withstands =
            stop.power_lost ? durability_class::fsync : durability_class::written;
        if (reached >= withstands) return false;
        return std::none_of(pushes.begin(), pushes.end(), [&](const push_call& later) {
            return later.how == told::done && later.key.empty() && later.reached >= withstands &&
                   later.begun > answered.ended && later.ended < stop.at;
        });
    });
}

std::vector<std::string> broken_promises(const history& h) {
    return checker(h).run();
}

}  // namespace sluice::test
