#pragma once

#include "server/http/router.hpp"
#include "server/queue/backend.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::http {

class waiting_bodies;  // server/http/api/patience.hpp

/// What the resource handlers of one thread need. The functions are called on that thread, except
/// for `check_job`, which is also called on that of the backend; where a server has several
/// threads they must be safe to call on all of them.
struct api_services {
    backend* queue = nullptr;  ///< outlives the routes
    /// How the backend feels; empty: `queue` is asked, which lives on the same executor then.
    std::function<asio::awaitable<std::pair<backend_health, backend_stats>>()> overview;
    std::function<instant()> now;
    std::function<bool()> draining;  ///< readiness fails at once when true
    std::chrono::steady_clock::time_point started;
    std::string version = "0";  ///< of this build, such as "0.1.0"
    /// What the server's own handlers say of a job before it is stored; empty: nothing. Not asked
    /// for a repeat of what was stored before.
    std::function<std::optional<error>(const job_spec&)> check_job;
    /// Why events may not be sent to a URL; empty: they may be sent to any.
    std::function<std::optional<error>(std::string_view url)> check_webhook_url;
    std::function<std::string()> make_webhook_secret;
    /// A stream says something at least this often, so that neither end takes the other for gone.
    std::chrono::milliseconds stream_beat = std::chrono::seconds{15};
    /// Bytes of bodies, all together, whose senders wait for room in a queue; who comes beyond that
    /// is refused at once if there is none.
    std::size_t waiting_bodies_max = std::size_t{16} * 1024 * 1024;
    std::shared_ptr<waiting_bodies> bodies;  ///< to share that with other threads; null: alone
    bool enable_reset = false;               ///< POST /ojs/v1/admin/reset exists
};

/// Adds every endpoint of the API to `routes`. One file per resource: jobs, workers, queues, dead
/// letters, events, system (health, manifest, probes, metrics, openapi.json).
void add_api_routes(router& routes, api_services services);

}  // namespace sluice::http
