#include "server/config/load.hpp"

#include <fmt/format.h>

#include <iterator>

namespace sluice::config {

namespace {

std::string_view scope_name(http::scope s) {
    switch (s) {
        case http::scope::none:
            return "none";
        case http::scope::enqueue:
            return "enqueue";
        case http::scope::work:
            return "work";
        case http::scope::read:
            return "read";
        case http::scope::admin:
            return "admin";
    }
    return "none";
}

/// Calls `each(setting, index)` for all settings and `head(section)` before the first of each
/// section.
template <class Head, class Each>
void walk(Head head, Each each) {
    std::string_view section;
    std::size_t index = 0;
    for (const auto& s : all_settings()) {
        if (section_of(s) != section) head(section = section_of(s));
        each(s, index++);
    }
}

}  // namespace

std::string print(const loaded& values) {
    std::string out;
    const auto to = std::back_inserter(out);
    walk(
        [&](std::string_view section) {
            fmt::format_to(to, "{}[{}]\n", out.empty() ? "" : "\n", section);
        },
        [&](const setting& s, std::size_t i) {
            fmt::format_to(to, "{} = {}  # {}\n", name_of(s), s.write(values.settings),
                           values.origins[i]);
        });
    const auto& tokens = values.settings.http.tokens;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        std::vector<std::string> scopes;
        for (const auto s : tokens[i].scopes) scopes.emplace_back(scope_name(s));
        fmt::format_to(to, "\n[[tokens]]  # {}\nname = {}\nsha256 = \"(secret)\"\n",
                       values.token_origins[i], quote_toml(tokens[i].name));
        fmt::format_to(to, "scopes = {}\nqueues = {}\n", list_toml(scopes),
                       list_toml(tokens[i].queues));
    }
    for (const auto& each : values.settings.exec.commands)
        fmt::format_to(to, "\n[[exec.commands]]\nname = {}\nargv = {}\ntypes = {}\n",
                       quote_toml(each.name), list_toml(each.what.argv), list_toml(each.types));
    for (const auto& target : values.settings.push.targets) {
        fmt::format_to(to, "\n[[push.targets]]\ntypes = {}\nurl = {}\nmethod = {}\n",
                       list_toml(target.types), quote_toml(target.url), quote_toml(target.method));
        if (!target.secrets.empty()) fmt::format_to(to, "secret_file = \"(secret)\"\n");
    }
    return out;
}

std::string reference() {
    std::string out;
    const config defaults;
    const auto to = std::back_inserter(out);
    walk(
        [&](std::string_view section) {
            fmt::format_to(to,
                           "{}### [{}]\n\n| key | flag, environment | type | default | meaning |\n"
                           "|---|---|---|---|---|\n",
                           out.empty() ? "" : "\n", section);
        },
        [&](const setting& s, std::size_t) {
            const auto alias = s.alias.empty() ? std::string{} : fmt::format("`{}`, ", s.alias);
            const auto range = range_text(s);
            fmt::format_to(to, "| `{}` | {}`{}`<br>`{}` | {}{}{} | `{}` | {} |\n", name_of(s),
                           alias, flag_of(s), environment_name_of(s), s.type,
                           range.empty() ? "" : ", ", range, s.write(defaults), s.doc);
        });
    return out;
}

}  // namespace sluice::config
