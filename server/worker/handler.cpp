#include "server/worker/handler.hpp"

#include <algorithm>
#include <utility>

namespace sluice::worker {

void handler_registry::add(std::string type, handler run) {
    handlers_.insert_or_assign(std::move(type), std::move(run));
}

const handler* handler_registry::find(std::string_view type) const {
    const auto it = handlers_.find(type);
    return it == handlers_.end() ? nullptr : &it->second;
}

std::vector<std::string> handler_registry::types() const {
    std::vector<std::string> names;
    names.reserve(handlers_.size());
    for (const auto& [type, run] : handlers_) names.push_back(type);
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace sluice::worker
