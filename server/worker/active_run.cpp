#include "server/worker/active_run.hpp"

#include <utility>

namespace sluice::worker {

void active_run::progress(double, std::string) {}

void active_run::log(log_stream, std::string_view) {}

asio::awaitable<bool> active_run::heartbeat() {
    if (ended_) co_return false;
    co_return co_await still_ours();
}

asio::awaitable<bool> active_run::still_ours() {
    const auto known = co_await store_.info(job_.spec->id);
    co_return known && known->state == job_state::active && known->lease == job_.lease;
}

}  // namespace sluice::worker
