#pragma once

#include "server/queue/backend.hpp"
#include "server/queue/ready_line.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

struct queue_state;

/// Takers that wait for one thing, in order of arrival.
using taker_list = std::set<std::uint64_t>;

/// The jobs of one type in one queue that wait for a taker.
struct ready_lane {
    queue_state* queue = nullptr;
    std::shared_ptr<const std::string> type;
    ready_line line;
    bool handled = false;       ///< an in-server handler takes this type
    bool loading = false;       ///< a read of the next jobs is under way
    std::size_t load_max = 64;  ///< how many jobs the next read brings in; follows their size
    std::size_t resident = 0;   ///< waiting jobs of this lane in memory: always the first ones
    std::size_t waiting = 0;    ///< available jobs, in memory or at rest
    std::size_t jobs = 0;       ///< jobs in memory, in whatever state
    taker_list takers;          ///< waiting for this type only
    std::optional<ready_entry> listed;  ///< its entry in queue_state::heads
};

struct queue_state {
    std::shared_ptr<const std::string> name;
    bool known = false;      ///< has had a job; a name that was only asked for does not count
    std::uint64_t idle = 0;  ///< place among the queues without jobs; 0: not there
    std::uint64_t dead_letters = 0;  ///< they stay until somebody removes them
    bool paused = false;
    bool own_pool = false;  ///< has in-server workers of its own; "*" leaves it alone
    std::array<std::uint64_t, job_state_count> jobs{};
    std::map<std::string, std::unique_ptr<ready_lane>, std::less<>> lanes;
    taker_list takers;  ///< waiting for any type

    struct head {
        int priority;
        std::int64_t ticket;
        ready_lane* lane;
        bool operator<(const head& other) const {
            if (priority != other.priority) return priority > other.priority;
            return ticket < other.ticket;
        }
    };
    std::set<head> heads;           ///< the first job of each lane that has one
    std::size_t handled_ready = 0;  ///< waiting jobs an in-server handler could take
    std::uint64_t turn = 0;  ///< place among the queues that "*" serves in turn; 0: not there

    /// Call after every change of `lane.line`.
    void relist(ready_lane& lane);
};

/// The queues that have jobs or takers, and the latest ones that had, by name.
class queue_table {
public:
    queue_state& get(std::string_view name);
    queue_state* find(std::string_view name);
    /// Drops a lane that has neither jobs nor takers. What is left in its line is stale.
    void forget_if_unused(ready_lane& lane);
    /// Drops a queue without jobs and takers: at once if it never had a job, else when `idle_max`
    /// later ones are kept for people to see. Returns the queue that went; not to be followed.
    const queue_state* forget_if_unused(queue_state& queue, std::size_t idle_max);
    ready_lane& lane(queue_state& queue, std::string_view type, bool handled);

    auto begin() const { return queues_.begin(); }
    auto end() const { return queues_.end(); }
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
