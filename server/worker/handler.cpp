#include "server/worker/handler.hpp"

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
    if (const auto it = handlers_.find(type); it != handlers_.end()) return &it->second;
    // "a.b.c" falls under "a.b.*", then "a.*", then "*".
    std::string pattern;
    for (auto dot = type.rfind('.'); dot != std::string_view::npos && dot > 0;
         dot = type.rfind('.', dot - 1)) {
        pattern.assign(type.substr(0, dot + 1)).push_back('*');
        if (const auto it = handlers_.find(pattern); it != handlers_.end()) return &it->second;
    }
    const auto it = handlers_.find("*");
    return it == handlers_.end() ? nullptr : &it->second;
}

std::vector<std::string> handler_registry::types() const {
    std::vector<std::string> names;
    names.reserve(handlers_.size());
    for (const auto& [pattern, how] : handlers_) names.push_back(pattern);
    return names;
}

}  // namespace sluice::worker
