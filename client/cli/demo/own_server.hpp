#pragma once

#include "client/cli/context.hpp"
#include "client/cli/demo/demo_settings.hpp"
#include "client/cli/demo/guardian.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

/// What a lesson wants of the server that is started for it.
struct own_server_settings {
    struct command {
        std::string name;
        std::vector<std::string> argv;
        std::vector<std::string> environment;  ///< "NAME=value"
    };
    std::size_t workers = 64;
    std::vector<command> commands;
    std::vector<std::string> allow;  ///< hosts that jobs may call though they are not public
};

/// The host of a URL as `allow` takes it; empty where the server refuses the URL anyway.
std::string host_to_allow(std::string_view url);

/// The configuration file of such a server, whose files all lie in `directory`.
std::string config_of(const own_server_settings& settings, std::string_view directory);

/// A server for one lesson: on a port the system chose, with a token made for it and a directory of
/// its own, both gone at the end. It ends with us, even when we are killed.
class own_server {
public:
    /// The answer says what went wrong. No other thread may run.
    std::optional<client::complaint> start(const own_server_settings& settings);
    void stop() { guardian_.stop(); }

    const client::base_url& url() const { return url_; }
    const std::string& token() const { return token_; }

private:
    /// `directory` is a template for its name, and then the name.
    std::optional<client::complaint> start_in(std::string& directory, const std::string& program,
                                              const own_server_settings& settings);

    guardian guardian_;
    client::base_url url_;
    std::string token_;
};

/// Runs the lesson against the server the command line names, or one of its own.
exit_code with_server(const context& ctx, const demo_settings& with,
                      const own_server_settings& wanted,
                      const std::function<exit_code(const context&)>& lesson);

}  // namespace sluice::cli
