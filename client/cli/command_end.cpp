#include "client/cli/command_end.hpp"

#include <utility>

namespace sluice::cli {

client::job_outcome outcome_of(process::report ended, process::shortage_pause& pause,
                               process::shortage_pause::time_point now) {
    if (ended.started) pause.started();
    if (ended.shortage && ended.how != process::verdict::stopped)
        return client::snoozed{pause.not_started(now)};
    client::failed f;
    switch (ended.how) {
        case process::verdict::completed:
            return client::completed{std::move(ended.result)};
        case process::verdict::dead_letter:
            return client::dead_lettered{std::move(ended.reason)};
        case process::verdict::stopped:
            return client::released{};
        case process::verdict::retry:
            f.type = "retry";
            break;
        case process::verdict::failed:
            f.type = ended.signal.empty() ? "exit_code" : "signal";
            break;
    }
    f.message = std::move(ended.reason);
    return f;
}

}  // namespace sluice::cli
