#include "server/config/load.hpp"

#include "server/config/exec.hpp"
#include "server/config/push_targets.hpp"
#include "server/config/tokens.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>

namespace sluice::config {

namespace {

using form = raw_value::form;

/// Variables that are not settings of the server: the client's, and those Kubernetes makes for a
/// service called "sluice".
bool is_foreign(std::string_view name) {
    return name == "SLUICE_URL" || name == "SLUICE_PORT" || name.starts_with("SLUICE_PORT_") ||
           name.starts_with("SLUICE_SERVICE_");
}

raw_value to_raw(const toml::node& node) {
    raw_value raw;
    if (const auto text = node.value_exact<std::string>()) {
        raw = {.kind = form::string, .text = *text, .items = {}};
    } else if (const auto integer = node.value_exact<std::int64_t>()) {
        raw = {.kind = form::integer, .text = std::to_string(*integer), .items = {}};
    } else if (const auto boolean = node.value_exact<bool>()) {
        raw = {.kind = form::boolean, .text = *boolean ? "true" : "false", .items = {}};
    } else {
        raw.kind = form::other;
        const auto* array = node.as_array();
        if (array != nullptr && (array->empty() || array->is_homogeneous<std::string>())) {
            raw.kind = form::list;
            for (const auto& item : *array) raw.items.push_back(*item.value<std::string>());
        }
    }
    return raw;
}

class loader {
public:
    loader() {
        for (const auto& s : all_settings()) out_.origins.emplace_back(default_origin_), (void)s;
    }

    void file(const std::string& path) {
        toml::table root;
        try {
            root = toml::parse_file(path);
        } catch (const toml::parse_error& e) {
            const auto at = e.source().begin;
            out_.problems.push_back(at.line == 0
                                        ? fmt::format("{}: {}", path, e.description())
                                        : fmt::format("{}:{}: {}", path, at.line, e.description()));
            return;
        }
        for (const auto& [key, node] : root) {
            if (key == "tokens") {
                out_.settings.http.tokens = read_tokens(node, out_.problems);
                out_.token_origins.assign(out_.settings.http.tokens.size(), "file " + path);
            } else if (key == "exec") {
                out_.settings.exec = read_exec(node, out_.problems);
            } else if (const auto* section = node.as_table()) {
                for (const auto& [name, value] : *section) {
                    if (key == "push" && name == "targets") {
                        out_.settings.push.targets = read_push_targets(value, out_.problems);
                    } else {
                        file_value(path, fmt::format("{}.{}", key.str(), name.str()), value);
                    }
                }
            } else {
                file_value(path, std::string{key.str()}, node);
            }
        }
    }

    void environment(const std::string& name, const std::string& value) {
        if (!name.starts_with("SLUICE_") || is_foreign(name) || name == "SLUICE_CONFIG") return;
        if (name == "SLUICE_TOKEN") {
            token(name, value);
        } else if (name == "SLUICE_TOKEN_FILE") {
            if (const auto secret = read_secret(value, name, out_.problems)) token(name, *secret);
        } else {
            const auto it = std::ranges::find(all_settings(), name, environment_name_of);
            if (it == all_settings().end()) {
                out_.problems.push_back(fmt::format("{}: no such setting", name));
            } else {
                assign(*it, {.kind = form::untyped, .text = value, .items = {}}, name);
            }
        }
    }

    void flag(const setting& s, const std::string& value) {
        assign(s, {.kind = form::untyped, .text = value, .items = {}}, flag_of(s));
    }

    loaded finish() {
        read_push_secrets(out_.settings.push, out_.problems);
        for (auto& each : validate(out_.settings)) out_.problems.push_back(std::move(each));
        return std::move(out_);
    }

private:
    void file_value(const std::string& path, const std::string& key, const toml::node& node) {
        const auto where = fmt::format("{}:{}", path, node.source().begin.line);
        if (const auto* s = find_setting(key)) {
            assign(*s, to_raw(node), where);
        } else {
            out_.problems.push_back(fmt::format("{}: {}: no such setting", where, key));
        }
    }

    void assign(const setting& s, const raw_value& raw, const std::string& origin) {
        if (const auto wrong = s.read(out_.settings, raw)) {
            out_.problems.push_back(fmt::format("{}: {} {}", origin, s.key, *wrong));
        } else {
            out_.origins[static_cast<std::size_t>(&s - all_settings().data())] = origin;
        }
    }

    void token(const std::string& origin, std::string_view secret) {
        if (environment_token_) {
            out_.problems.emplace_back("SLUICE_TOKEN and SLUICE_TOKEN_FILE: only one may be set");
            return;
        }
        environment_token_ = true;
        if (auto hash = hash_token(secret, origin, out_.problems)) {
            out_.settings.http.tokens.push_back({.name = "environment",
                                                 .sha256_hex = std::move(*hash),
                                                 .scopes = {http::scope::admin},
                                                 .queues = {}});
            out_.token_origins.push_back(origin);
        }
    }

    static constexpr std::string_view default_origin_ = "default";
    loaded out_;
    bool environment_token_ = false;
};

}  // namespace

loaded load(const sources& from) {
    loader all;
    if (from.file) all.file(*from.file);
    for (const auto& [name, value] : from.environment) all.environment(name, value);
    for (const auto& [s, value] : from.flags) all.flag(*s, value);
    return all.finish();
}

std::vector<std::pair<std::string, std::string>> process_environment() {
    std::vector<std::pair<std::string, std::string>> variables;
    for (char** each = environ; *each != nullptr; ++each) {
        const std::string_view text = *each;
        const auto equals = text.find('=');
        if (equals != std::string_view::npos)
            variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return variables;
}

}  // namespace sluice::config
