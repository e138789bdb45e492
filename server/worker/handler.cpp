#include "server/worker/handler.hpp"

#include "proto/type_pattern.hpp"

#include <algorithm>
#include <utility>

namespace sluice::worker {

void handler_registry::add(std::string pattern, handler run, handler_options options) {
    handlers_.insert_or_assign(std::move(pattern),
                               registered_handler{std::move(run), {}, std::move(options)});
}

void handler_registry::add_blocking(std::string pattern, blocking_handler run,
                                    handler_options options) {
    handlers_.insert_or_assign(std::move(pattern),
                               registered_handler{{}, std::move(run), std::move(options)});
}

const registered_handler* handler_registry::find(std::string_view type) const {
    return find_pattern(handlers_, type);
}

std::optional<error> handler_registry::check(const job_spec& job) const {
    const registered_handler* how = find(job.type);
    if (how == nullptr || !how->options.check) return std::nullopt;
    return how->options.check(job);
}

std::size_t limit_of(const registered_handler& how, std::size_t blocking_threads) {
    const auto limit = how.options.concurrency;
    if (!how.run_blocking) return limit;
    return limit == 0 ? blocking_threads : std::min(limit, blocking_threads);
}

std::vector<handled_type> handler_registry::types(std::size_t blocking_threads) const {
    std::vector<handled_type> all;
    all.reserve(handlers_.size());
    for (const auto& [pattern, how] : handlers_)
        all.push_back({.pattern = pattern, .concurrency = limit_of(how, blocking_threads)});
    return all;
}

}  // namespace sluice::worker
