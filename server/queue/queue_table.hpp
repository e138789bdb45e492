#pragma once

#include "server/observe/latency_table.hpp"
#include "server/observe/objective_tracker.hpp"
#include "server/queue/backend.hpp"
#include "server/queue/fair_level.hpp"
#include "server/queue/ready_line.hpp"
#include "server/queue/recent_starts.hpp"

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

struct queue_state;

/// Takers that wait for one thing, in order of arrival.
using taker_list = std::set<std::uint64_t>;

struct ready_lane;
struct limit_state;

/// The types that one handler of this server takes, over all queues.
struct handler_group {
    std::size_t limit = 0;    ///< runs at one time; 0: none
    std::size_t running = 0;  ///< in-server runs whose handler has not returned

    bool full() const { return limit != 0 && running >= limit; }
};

/// The first job of a lane, as takers choose among them.
struct lane_head {
    int priority;
    std::int64_t time;  ///< its ticket; in a fair queue that is shifted, for each lane has its own
    std::int64_t seq;
    ready_lane* lane;
    friend bool operator==(const lane_head&, const lane_head&) = default;
    bool operator<(const lane_head& other) const {
        if (priority != other.priority) return priority > other.priority;
        if (time != other.time) return time < other.time;
        return seq < other.seq;  // lines of a fair queue may be equally far
    }
};

/// What one handler could take in one queue.
struct handled_share {
    handler_group* group;
    std::set<lane_head> heads;
};

/// Waiting jobs without a fairness key, of one priority.
struct unkeyed_jobs {
    int priority = 0;
    std::int64_t last = 0;  ///< the highest ticket
    std::size_t count = 0;
};

/// The jobs of one type in one queue that wait for a taker: those without a limit, in the plain
/// lane of the type, or those under one key of rate limits.
struct ready_lane {
    queue_state* queue = nullptr;
    std::shared_ptr<const std::string> type;
    ready_lane* plain = nullptr;   ///< of the same type; itself when it is that
    limit_state* limit = nullptr;  ///< null: the plain lane
    bool closed = false;           ///< its limit has no room for its first job: takers pass it by
    limit_state* blocked_by = nullptr;  ///< closed for the sake of this group
    std::int64_t told_held = 0;         ///< the job for which "rate_limit.exceeded" was told last
    ready_line line;
    handled_share* share = nullptr;   ///< null: no handler of this server takes this type
    bool loading = false;             ///< a read of the next jobs is under way
    std::size_t load_max = 64;        ///< how many jobs the next read brings in; follows their size
    std::size_t resident = 0;         ///< waiting jobs of this lane in memory: of the first ones
    std::size_t waiting = 0;          ///< available jobs, in memory or at rest
    std::size_t jobs = 0;             ///< jobs in memory, in whatever state
    std::optional<lane_head> listed;  ///< its entry in queue_state::heads or `limited_heads`
    std::optional<lane_head> blocked_at;  ///< its entry in limit_state::blocked
    std::int64_t blocked_allowed = 0;     ///< of that entry
    std::int64_t opened_for = 0;  ///< number of the group whose room its first job was opened for
    /// Whose turn it is, by priority. Null in a queue that is not fair, and when no job waits.
    std::unique_ptr<fair_levels> fair;
    /// While restoring: what it has of jobs without a fairness key.
    std::vector<unkeyed_jobs> restored;

    // only of a plain lane
    latency_table::handle latency;
    taker_list takers;  ///< waiting for this type only
    std::map<std::string, std::unique_ptr<ready_lane>, std::less<>> limited;  ///< by key of limits
    std::set<lane_head> limited_heads;  ///< the first job of each of these that is open

    /// Its first job.
    std::optional<lane_head> first();
    /// The same, if takers may ask for it.
    std::optional<lane_head> head();
    /// Whether the job has the first place.
    bool begins_with(const job_record& job) const;
    /// Null: there is none.
    fair_level* level(int priority) const;
    /// What is added to tickets of that priority where lanes are compared.
    std::int64_t shift(int priority) const;
};

struct queue_state {
    std::shared_ptr<const std::string> name;
    bool known = false;      ///< has had a job; a name that was only asked for does not count
    std::uint64_t idle = 0;  ///< place among the queues without jobs; 0: not there
    std::uint64_t dead_letters = 0;  ///< all that are kept, however old
    bool paused = false;
    std::shared_ptr<const queue_config> config;  ///< null: nothing was set
    bool pressed = false;                        ///< producers have been warned
    bool told_full = false;                      ///< that somebody was refused
    std::size_t dropping = 0;  ///< jobs at rest that are dropped as soon as they have been read
    bool own_pool = false;     ///< has in-server workers of its own; "*" leaves it alone
    std::array<std::uint64_t, job_state_count> jobs{};
    std::map<std::string, std::unique_ptr<ready_lane>, std::less<>> lanes;  ///< plain ones, by type
    taker_list takers;          ///< waiting for any type
    taker_list handled_takers;  ///< waiting for any type that a handler takes
    /// Waiting for what falls under a pattern; none without takers.
    std::map<std::string, taker_list, std::less<>> pattern_takers;

    std::set<lane_head> heads;         ///< the first job of each type that has one, in any lane
    std::list<handled_share> handled;  ///< the same once more, for in-server takers
    std::size_t handled_ready = 0;     ///< waiting jobs an in-server handler could take
    recent_starts starts;
    std::optional<std::chrono::microseconds> asked_at;  ///< when a fetch of any type came last
    /// The latest types and patterns that fetches named, and when; no more than a few.
    std::vector<std::pair<std::string, std::chrono::microseconds>> asked_types;
    std::optional<std::chrono::microseconds> handlers_asked_at;  ///< the same of its own workers
    std::uint64_t turn = 0;  ///< place among the queues that "*" serves in turn; 0: not there
    /// By priority, the furthest time at which a job was started. Null: no job with a fairness key
    /// waits, nor one that came while others did; tickets are in order of arrival.
    std::unique_ptr<std::map<int, std::int64_t>> fair;

    std::unique_ptr<objective_tracker> objective;  ///< null: it has none
    std::int64_t objective_number = 0;
    std::optional<std::chrono::microseconds> objective_timer;  ///< steady clock

    bool bounded() const { return config && config->bound.max_depth > 0; }
    /// Whether as many of its jobs run as may.
    bool full() const {
        if (!config || !config->concurrency) return false;
        const auto running = jobs[static_cast<std::size_t>(job_state::active)];
        return running >= static_cast<std::uint64_t>(*config->concurrency);
    }
    /// Whether it is to hand out nothing for now.
    bool rests() const { return paused || full(); }
    /// Jobs that have not ended.
    std::uint64_t depth() const;
    /// The same without those that are as good as dropped.
    std::uint64_t kept_depth() const;
    /// Call after every change of `lane.line`.
    void relist(ready_lane& lane);
    void close(ready_lane& lane);
    void reopen(ready_lane& lane);
    /// The lane an in-server worker is to take from: the best whose handler may run one more.
    ready_lane* best_handled() const;

private:
    void list_type(ready_lane& plain);
};

/// What is told of a queue.
queue_stats stats_of(const queue_state& queue);

/// The queues that have jobs or takers, and the latest ones that had, by name.
class queue_table {
public:
    queue_state& get(std::string_view name);
    queue_state* find(std::string_view name);
    const queue_state* find(std::string_view name) const;
    /// It has neither jobs nor takers, nor limited lanes. What is left in its line is stale.
    static bool unused(const ready_lane& lane);
    /// Drops an unused lane.
    void forget(ready_lane& lane);
    /// Drops a queue without jobs and takers: at once if it never had a job, else when `idle_max`
    /// later ones are kept for people to see. Returns the queue that went; not to be followed.
    const queue_state* forget_if_unused(queue_state& queue, std::size_t idle_max);
    /// Null when there is none yet.
    static ready_lane* find_lane(const queue_state& queue, std::string_view type);
    /// `group` is the handler of the type; null: none.
    static ready_lane& add_lane(queue_state& queue, std::string_view type, handler_group* group);
    /// The lane of the same queue and type for the jobs under `key`. Null when there is none yet.
    static ready_lane* find_limited(const ready_lane& plain, std::string_view key);
    static ready_lane& add_limited(ready_lane& plain, limit_state& limit, std::string_view key);

    auto begin() const { return queues_.begin(); }
    auto end() const { return queues_.end(); }
    std::size_t size() const { return queues_.size(); }
    void clear() {
        queues_.clear();
        turns_.clear();
        idle_.clear();
    }

    /// The queues with jobs for in-server workers without a pool of their own, the one that waited
    /// longest first.
    void update_turn(queue_state& queue);
    void end_turn(queue_state& queue);
    const std::map<std::uint64_t, queue_state*>& turns() const { return turns_; }

private:
    std::map<std::string, std::unique_ptr<queue_state>, std::less<>> queues_;
    std::map<std::uint64_t, queue_state*> turns_;
    std::map<std::uint64_t, queue_state*> idle_;  ///< the one idle longest first
    std::uint64_t next_turn_ = 1;
    std::uint64_t next_idle_ = 1;
};

}  // namespace sluice
