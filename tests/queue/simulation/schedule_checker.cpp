#include "tests/queue/simulation/history.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

namespace sluice::test {

std::vector<std::string> broken_schedule_promises(const history& h) {
    std::vector<std::string> found;
    std::set<std::pair<std::string, std::string>> times;
    // A clock that is set back far makes times come again.
    const bool straight =
        std::is_sorted(h.clock.begin(), h.clock.end(),
                       [](const auto& a, const auto& b) { return a.wall < b.wall; });
    for (const auto& job : h.made) {
        if (!times.emplace(job.cron, job.at).second && straight)
            found.push_back("C13 schedule: " + job.cron + " made two jobs for " + job.at);
        if (!is_terminal(job.state))
            found.push_back("C12 liveness: a job of " + job.cron + " for " + job.at +
                            " never ended");
    }
    std::unordered_map<std::string, std::string> queues;
    for (const auto& push : h.pushes)
        for (const auto& job : push.jobs) queues.emplace(job.args, job.queue);
    for (const auto& pause : h.pauses) {
        if (!pause.paused || pause.how != told::done) continue;
        moment resumed = never;
        for (const auto& later : h.pauses)
            if (!later.paused && later.queue == pause.queue && later.begun > pause.begun)
                resumed = std::min(resumed, later.begun);
        for (const auto& d : h.deliveries)
            if (d.begun > pause.ended && d.ended < resumed && queues[d.args] == pause.queue)
                found.push_back("C14 pause: " + d.args + " came out of the paused queue " +
                                pause.queue);
    }
    return found;
}

}  // namespace sluice::test
