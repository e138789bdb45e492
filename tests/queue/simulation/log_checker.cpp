#include "tests/queue/simulation/history.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

/// C13: a line that was kept is there as long as its job, once, in order, and no other is.
namespace sluice::test {
namespace {

class log_checker {
public:
    explicit log_checker(const history& h) : h_(h) {
        for (const auto& call : h.calls) {
            if (call.what == verb::log) lines_.emplace(call.line, &call);
            const bool anew = call.what == verb::revive || call.what == verb::remove;
            if (anew && call.how != told::refused) renewed_.insert(call.id);
            const bool end = call.what == verb::ack || call.what == verb::cancel;
            if (end && call.how == told::done) {
                const auto [first, added] = ended_.emplace(call.id, call.ended);
                if (!added) first->second = std::min(first->second, call.ended);
            }
        }
    }

    std::vector<std::string> run() {
        for (const auto& job : h_.at_the_end) stored(job);
        for (const auto& [line, call] : lines_) {
            if (call->how != told::done) continue;
            const auto ended = ended_.find(call->id);
            if (ended != ended_.end() && call->begun > ended->second &&
                !renewed_.contains(call->id))
                say(line + " was taken after the end of its job");
            if (call->kept && there_.contains(call->id) && !renewed_.contains(call->id) &&
                !seen_.contains(line) && !h_.may_be_lost(*call, durability_class::written))
                say(line + " was kept and is gone");
        }
        return std::move(found_);
    }

private:
    void say(const std::string& text) { found_.push_back("C13 logs: " + text); }

    void stored(const final_job& job) {
        there_.insert(job.id);
        moment latest = 0;
        for (const auto& line : job.log) {
            if (!seen_.insert(line).second) say(line + " is there twice");
            const auto call = lines_.find(line);
            if (call == lines_.end() || call->second->how == told::refused) {
                say(line + " is there and was not taken");
                continue;
            }
            const auto& said = *call->second;
            if (said.id != job.id) say(line + " is in the log of another job");
            if (said.ended < latest) say(line + " is out of order");
            latest = std::max(latest, said.begun);
        }
    }

    const history& h_;
    std::vector<std::string> found_;
    std::unordered_map<std::string, const job_call*> lines_;
    std::unordered_map<uuid, moment> ended_;
    std::unordered_set<uuid> renewed_, there_;
    std::unordered_set<std::string> seen_;
};

}  // namespace

std::vector<std::string> broken_log_promises(const history& h) {
    return log_checker(h).run();
}

}  // namespace sluice::test
