#pragma once

#include "proto/limits.hpp"
#include "server/http/message.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

struct route_options {
    scope needs = scope::read;
    std::size_t body_bytes_max = limits::body_bytes_max;
};

/// Maps method and path to a handler. Filled before the server listens, read-only after.
class router {
public:
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
        std::vector<std::string> segments;
        route_options options;
        handler handle;
    };
    std::vector<route> routes_;
};

}  // namespace sluice::http
