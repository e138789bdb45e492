#pragma once

#include "proto/limits.hpp"
#include "server/http/message.hpp"

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

struct route_options {
    scope needs = scope::read;
    std::size_t body_bytes_max = limits::body_bytes_max;
    bool takes_stream = false;  ///< a body of application/x-ndjson is read while the handler runs
    bool streams = false;       ///< answers with an event stream also when `Accept` names none
    /// Whether the handler of this request waits for the store alone, a read or a commit, so that
    /// nobody is missed while it runs; null: it may wait for longer.
    bool (*is_brief)(const request&) = nullptr;
};

/// Maps method and path to a handler. Filled before the server listens, read-only after.
class router {
public:
    router() = default;
    router(const router&) = delete;
    router& operator=(const router&) = delete;

    /// `pattern` is made of literal segments and `{name}` segments, such as "/ojs/v1/jobs/{id}".
    /// GET also answers HEAD.
    void add(std::string method, std::string_view pattern, route_options options, handler handle);

    struct match {
        const handler* handle = nullptr;  ///< null: no such path, or not with this method
        route_options options;
        path_values values;
        std::string allow;  ///< methods of this path, for `Allow`; empty: no such path
    };
    /// Decides on method and path alone, so that authentication and limits are known before a body
    /// is read.
    match find(std::string_view method, std::string_view path) const;

private:
    struct route {
        std::string method;
        std::vector<std::string> segments;  ///< each `{name}` kept as "{}"
        route_options options;
        handler handle;
    };
    std::deque<route> routes_;  ///< a deque: `match` points into it
    /// Routes by number of segments: most paths are told apart by that and their last one.
    std::vector<std::vector<const route*>> by_length_;
};

}  // namespace sluice::http
