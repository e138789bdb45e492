#include "client/cli/demo/own_server.hpp"

#include "client/cli/work_settings.hpp"
#include "proto/json_text.hpp"

#include <boost/asio/ip/address.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

extern char** environ;

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;
using client::complaint;

/// A string of TOML; JSON's are.
std::string toml_text(std::string_view text) {
    std::string out;
    json_writer{out}.string(text);
    return out;
}

std::string list_of(const std::vector<std::string>& texts) {
    std::string out;
    for (const auto& text : texts) out += (out.empty() ? "" : ", ") + toml_text(text);
    return "[" + out + "]";
}

std::string table_of(const std::vector<std::string>& environment) {
    std::string out;
    for (const auto& entry : environment) {
        const auto equals = entry.find('=');
        if (equals == std::string::npos) continue;
        out += (out.empty() ? "" : ", ") + toml_text(entry.substr(0, equals)) + " = " +
               toml_text(entry.substr(equals + 1));
    }
    return "{ " + out + " }";
}

/// The server beside this program, or the one in PATH.
std::string find_server() {
    std::error_code unreadable;
    const fs::path self = fs::read_symlink("/proc/self/exe", unreadable);
    if (!unreadable) {
        auto beside = find_program((self.parent_path() / "sluiced").string());
        if (!beside.empty()) return beside;
    }
    return find_program("sluiced");
}

std::string make_token() {
    std::random_device random;
    std::string token;
    for (int i = 0; i < 8; ++i) token += fmt::format("{:08x}", random());
    return token;
}

/// Ours, without what would configure the server.
std::vector<std::string> environment_for_server() {
    std::vector<std::string> all;
    for (char** each = environ; *each != nullptr; ++each) {
        const std::string_view entry{*each};
        if (!entry.starts_with("SLUICE_")) all.emplace_back(entry);
    }
    return all;
}

bool write_file(const std::string& path, std::string_view text) {
    std::ofstream file{path, std::ios::binary};
    return static_cast<bool>((file << text).flush());
}

std::string last_line_of(const std::string& path) {
    std::ifstream file{path};
    std::string last;
    for (std::string line; std::getline(file, line);) {
        if (!line.empty()) last = line;
    }
    return last;
}

bool is_address(const std::string& host) {
    boost::system::error_code wrong;
    asio::ip::make_address(host, wrong);
    return !wrong;
}

bool is_name(std::string_view host) {
    constexpr std::string_view digits = "0123456789";
    const auto letters = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
    };
    const auto last = host.substr(host.rfind('.') + 1);
    return std::all_of(host.begin(), host.end(), letters) && !host.starts_with('.') &&
           last.find_first_not_of(digits) != std::string_view::npos;
}

complaint cannot(std::string_view what) {
    return complaint{fmt::format("cannot {}: {}", what, std::strerror(errno))};
}

}  // namespace

std::string host_to_allow(std::string_view url) {
    const auto scheme = url.find("://");
    if (scheme == std::string_view::npos) return {};
    url.remove_prefix(scheme + 3);
    url = url.substr(0, url.find_first_of("/?#"));
    const bool bracketed = url.starts_with('[');
    const std::string host{bracketed ? url.substr(1, url.find(']') - 1)
                                     : url.substr(0, url.find(':'))};
    return is_address(host) || (!bracketed && is_name(host)) ? host : std::string{};
}

std::string config_of(const own_server_settings& settings, std::string_view directory) {
    const std::string in{directory};
    std::string text =
        "[http]\nlisten = \"127.0.0.1:0\"\n\n[store]\ndirectory = " + toml_text(in + "/data") +
        "\n\n[server]\ndrain_grace = \"1s\"\n";
    text += fmt::format("\n[workers]\nconcurrency = {}\n", settings.workers);
    text += "\n[[tokens]]\nname = \"demo\"\ntoken_file = " + toml_text(in + "/token") +
            "\nscopes = [\"admin\"]\n";
    if (!settings.allow.empty()) text += "\n[push]\nallow = " + list_of(settings.allow) + "\n";
    if (!settings.commands.empty()) text += "\n[exec]\ntemp_directory = " + toml_text(in) + "\n";
    for (const auto& command : settings.commands) {
        text += "\n[[exec.commands]]\nname = " + toml_text(command.name) +
                "\nargv = " + list_of(command.argv) + "\n";
        if (!command.environment.empty()) text += "env = " + table_of(command.environment) + "\n";
    }
    return text;
}

std::optional<complaint> own_server::start(const own_server_settings& settings) {
    const std::string program = find_server();
    if (program.empty()) return complaint{"there is no sluiced beside sluice, nor in PATH"};
    std::error_code ignored;
    std::string directory = (fs::temp_directory_path(ignored) / "sluice-demo-XXXXXX").string();
    token_ = make_token();
    if (auto wrong = start_in(directory, program, settings)) return wrong;
    const std::string line = guardian_.first_line();
    const auto begin = line.find("http://");
    if (begin == std::string::npos) {
        return complaint{
            fmt::format("{} did not start: {}", program, last_line_of(directory + "/log"))};
    }
    auto url = client::parse_base_url(line.substr(begin, line.find(' ', begin) - begin));
    if (url.has_error()) return complaint{"the server's first line is odd: " + line};
    url_ = std::move(*url);
    return std::nullopt;
}

// A signal between the making of the directory and the fork would leave it behind.
std::optional<complaint> own_server::start_in(std::string& directory, const std::string& program,
                                              const own_server_settings& settings) {
    const held_signals held;
    if (mkdtemp(directory.data()) == nullptr) return cannot("make " + directory);
    const std::string config = directory + "/sluiced.toml";
    guarded_program guarded;
    guarded.argv = {program, "--config", config};
    guarded.environment = environment_for_server();
    guarded.log = directory + "/log";
    guarded.directory = directory;
    if (write_file(directory + "/token", token_) &&
        write_file(config, config_of(settings, directory)) && guardian_.start(guarded)) {
        return std::nullopt;
    }
    auto why = cannot("start a server in " + directory);
    std::error_code ignored;
    fs::remove_all(directory, ignored);
    return why;
}

exit_code with_server(const context& ctx, const demo_settings& with,
                      const own_server_settings& wanted,
                      const std::function<exit_code(const context&)>& lesson) {
    if (!with.own_server) return lesson(ctx);
    own_server server;
    if (const auto wrong = server.start(wanted)) {
        complain(ctx, wrong->text, "Name a server that runs with --url or SLUICE_URL.");
        return exit_code::unreachable;
    }
    context own = ctx;
    own.server.url = server.url();
    own.server.token = server.token();
    return lesson(own);
}

}  // namespace sluice::cli
