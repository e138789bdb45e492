#pragma once

#include "server/http/api.hpp"
#include "server/http/router.hpp"
#include "server/queue/remote_backend.hpp"
#include "server/runtime/context_thread.hpp"
#include "server/runtime/inbox.hpp"

#include <optional>
#include <string>
#include <utility>

namespace sluice::app {

/// A thread that owns connections and nothing else, when there are several: what it serves them
/// with, and how it reaches the backend, which lives on another one.
///
/// Made, bound and destroyed while its thread does not run.
class io_part {
public:
    io_part(std::string name, context_thread::fault_handler on_fault)
        : thread(std::move(name), std::move(on_fault)) {}
    io_part(const io_part&) = delete;
    io_part& operator=(const io_part&) = delete;

    /// Adds the routes. `services` are those of the thread of `far`, whose inbox is `there`.
    void bind(backend& far, inbox& there, http::api_services services) {
        queue_.emplace(far, there, inbox_);
        services.queue = &*queue_;
        services.overview = [this] { return queue_->overview(); };
        http::add_api_routes(routes, std::move(services));
    }

    context_thread thread;
    http::router routes;

private:
    inbox inbox_{thread.context().get_executor()};
    std::optional<remote_backend> queue_;
};

}  // namespace sluice::app
