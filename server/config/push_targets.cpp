#include "server/config/push_targets.hpp"

#include "proto/limits.hpp"
#include "server/config/tokens.hpp"
#include "server/config/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace sluice::config {

namespace push = worker::push;

namespace {

constexpr std::array<std::string_view, 7> text_keys{
    "url", "method", "body", "secret_file", "previous_secret_file", "timeout", "connect_timeout"};

void add_secret(const std::string& path, const std::string& whose,
                std::vector<push::signing_secret>& secrets, std::vector<std::string>& problems) {
    const auto text = read_secret(path, whose, problems);
    if (!text) return;
    if (auto secret = push::signing_secret::parse(*text)) {
        secrets.push_back(std::move(*secret));
    } else {
        problems.push_back(fmt::format(
            "{}: {} must hold whsec_ and the base64 of 24 to 64 bytes (make one with: echo "
            "whsec_$(openssl rand -base64 32))",
            whose, path));
    }
}

/// Reads one table. A problem is said once, where it is.
class target_reader {
public:
    target_reader(std::size_t index, std::vector<std::string>& problems)
        : where_(fmt::format("push.targets[{}]", index)), problems_(problems) {}

    push::push_target read(const toml::table& table) {
        for (const auto& [key, node] : table) member(key.str(), node);
        if (target_.types.empty()) wrong("types", "must list one or more job types");
        if (target_.url.empty()) wrong("url", "is missing");
        if (!previous_.empty() && secret_.empty())
            wrong("previous_secret_file", "must not be given without secret_file");
        if (!secret_.empty()) secret("secret_file", secret_);
        if (!previous_.empty()) secret("previous_secret_file", previous_);
        return std::move(target_);
    }

private:
    void wrong(std::string_view key, std::string_view what) {
        problems_.push_back(fmt::format("{}.{}: {}", where_, key, what));
    }

    void secret(std::string_view key, const std::string& path) {
        add_secret(path, fmt::format("{}.{}", where_, key), target_.secrets, problems_);
    }

    void member(std::string_view key, const toml::node& node) {
        if (key == "types") return types(node);
        if (key == "headers") return headers(node);
        if (key == "concurrency") return concurrency(node);
        const auto text = node.value_exact<std::string>();
        if (std::ranges::find(text_keys, key) == text_keys.end())
            return wrong(key, fmt::format("is not known (types, headers, concurrency, {})",
                                          fmt::join(text_keys, ", ")));
        if (!text) return wrong(key, "must be a text in quotes");
        if (key == "url") target_.url = *text;
        if (key == "method") target_.method = *text;
        if (key == "secret_file") secret_ = *text;
        if (key == "previous_secret_file") previous_ = *text;
        if (key == "timeout") target_.timeout = duration(key, *text);
        if (key == "connect_timeout") target_.connect_timeout = duration(key, *text);
        if (key == "body") body(*text);
    }

    void body(const std::string& text) {
        if (text == "args") target_.body = push::body_template::args;
        if (text != "args" && text != "job") wrong("body", R"(must be "job" or "args")");
    }

    std::optional<std::chrono::milliseconds> duration(std::string_view key,
                                                      const std::string& text) {
        const auto value = parse_duration(text);
        if (value && value->count() > 0 && *value <= std::chrono::hours{1}) return value;
        wrong(key, "must be a duration from 1ms to 1h");
        return std::nullopt;
    }

    void types(const toml::node& node) {
        const auto* array = node.as_array();
        if (array == nullptr) return wrong("types", "must be a list of job types");
        for (const auto& item : *array) {
            const auto text = item.value_exact<std::string>();
            if (!text || text->empty() || text->size() > limits::type_bytes_max)
                return wrong("types", R"(must be job types, "mail.*" standing for all of mail)");
            target_.types.push_back(*text);
        }
    }

    void headers(const toml::node& node) {
        const auto* table = node.as_table();
        if (table == nullptr) return wrong("headers", "must be a table of texts");
        for (const auto& [name, value] : *table) {
            const auto text = value.value_exact<std::string>();
            if (!text) return wrong("headers", "must be a table of texts");
            target_.headers.emplace_back(name.str(), *text);
        }
    }

    void concurrency(const toml::node& node) {
        const auto number = node.value_exact<std::int64_t>();
        if (!number || *number < 0 || *number > 10'000)
            return wrong("concurrency", "must be a number from 0 to 10000");
        target_.concurrency = static_cast<std::size_t>(*number);
    }

    std::string where_;
    std::vector<std::string>& problems_;
    push::push_target target_;
    std::string secret_;
    std::string previous_;
};

}  // namespace

std::vector<push::push_target> read_push_targets(const toml::node& node,
                                                 std::vector<std::string>& problems) {
    const auto* array = node.as_array();
    if (array == nullptr || !array->is_homogeneous(toml::node_type::table)) {
        problems.emplace_back("push.targets: must be tables, each headed [[push.targets]]");
        return {};
    }
    std::vector<push::push_target> targets;
    for (const auto& item : *array)
        targets.push_back(target_reader{targets.size(), problems}.read(*item.as_table()));
    return targets;
}

void read_push_secrets(push::push_config& push, std::vector<std::string>& problems) {
    if (push.secret_file.empty()) {
        if (!push.previous_secret_file.empty())
            problems.emplace_back(
                "push.previous_secret_file: must not be given without push.secret_file");
        return;
    }
    add_secret(push.secret_file, "push.secret_file", push.secrets, problems);
    if (!push.previous_secret_file.empty())
        add_secret(push.previous_secret_file, "push.previous_secret_file", push.secrets, problems);
}

}  // namespace sluice::config
