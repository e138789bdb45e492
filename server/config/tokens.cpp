#include "server/config/tokens.hpp"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

namespace sluice::config {

namespace {

constexpr std::array<std::pair<std::string_view, http::scope>, 4> scope_names{
    {{"enqueue", http::scope::enqueue},
     {"work", http::scope::work},
     {"read", http::scope::read},
     {"admin", http::scope::admin}}};

std::optional<std::vector<std::string>> read_texts(const toml::node& node) {
    const auto* array = node.as_array();
    if (array == nullptr) return std::nullopt;
    std::vector<std::string> texts;
    for (const auto& item : *array) {
        const auto text = item.value_exact<std::string>();
        if (!text) return std::nullopt;
        texts.push_back(*text);
    }
    return texts;
}

bool is_queue_pattern(std::string_view text) {
    constexpr std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-*";
    return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_hash(std::string_view text) {
    return text.size() == 64 &&
           text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

/// Reads one table of `[[tokens]]`. A problem is said once, where it is.
class token_reader {
public:
    token_reader(std::size_t index, std::vector<std::string>& problems)
        : where_(fmt::format("tokens[{}]", index)), problems_(problems) {}

    http::token_config read(const toml::table& table) {
        for (const auto& [key, node] : table) member(key.str(), node);
        if (token_.name.empty()) wrong("name", "is missing");
        if (secrets_ != 1) wrong("sha256", "either this or token_file must be given");
        if (!table.contains("scopes"))
            wrong("scopes", "is missing (a list of enqueue, work, read, admin)");
        return std::move(token_);
    }

private:
    void wrong(std::string_view key, std::string_view what) {
        problems_.push_back(fmt::format("{}.{}: {}", where_, key, what));
    }

    void member(std::string_view key, const toml::node& node) {
        const auto text = node.value_exact<std::string>();
        if (key == "name" && text) {
            token_.name = *text;
        } else if (key == "sha256" && text) {
            ++secrets_;
            if (!is_hash(*text)) wrong(key, "must be 64 hexadecimal digits");
            std::ranges::transform(*text, std::back_inserter(token_.sha256_hex), [](char c) {
                return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
            });
        } else if (key == "token_file" && text) {
            ++secrets_;
            const auto whose = fmt::format("{}.token_file", where_);
            const auto secret = read_secret(*text, whose, problems_);
            const auto hash = secret ? hash_token(*secret, whose, problems_) : std::nullopt;
            if (hash) token_.sha256_hex = *hash;
        } else if (key == "scopes") {
            scopes(node);
        } else if (key == "queues") {
            queues(node);
        } else if (text || (key != "name" && key != "sha256" && key != "token_file")) {
            wrong(key, "is not known (name, sha256, token_file, scopes, queues)");
        } else {
            wrong(key, "must be a text in quotes");
        }
    }

    void scopes(const toml::node& node) {
        const auto texts = read_texts(node).value_or(std::vector<std::string>{});
        if (texts.empty()) wrong("scopes", "must list one or more of enqueue, work, read, admin");
        for (const auto& text : texts) {
            const auto it = std::ranges::find(scope_names, text, [](auto& p) { return p.first; });
            if (it == scope_names.end()) {
                wrong("scopes", "must be a list of enqueue, work, read, admin");
                return;
            }
            token_.scopes.push_back(it->second);
        }
    }

    void queues(const toml::node& node) {
        auto texts = read_texts(node);
        if (!texts || !std::ranges::all_of(*texts, is_queue_pattern)) {
            wrong("queues", R"(must be a list of queue names, "*" standing for any text)");
        } else {
            token_.queues = std::move(*texts);
        }
    }

    std::string where_;
    std::vector<std::string>& problems_;
    http::token_config token_;
    int secrets_ = 0;
};

}  // namespace

std::string sha256_hex(std::string_view text) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::string hex;
    for (const auto byte : digest) hex += fmt::format("{:02x}", byte);
    return hex;
}

std::optional<std::string> hash_token(std::string_view token, std::string_view whose,
                                      std::vector<std::string>& problems) {
    const bool printable = std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7F; });
    if (token.size() < token_length_min || !printable) {
        problems.push_back(fmt::format(
            "{}: a token has at least {} printable characters (make one with: openssl rand -hex "
            "32)",
            whose, token_length_min));
        return std::nullopt;
    }
    return sha256_hex(token);
}

std::optional<std::string> read_secret(const std::string& path, std::string_view whose,
                                       std::vector<std::string>& problems) {
    std::ifstream file{path};
    std::string line;
    if (!file || !std::getline(file, line)) {
        problems.push_back(fmt::format("{}: cannot read {}", whose, path));
        return std::nullopt;
    }
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

std::vector<http::token_config> read_tokens(const toml::node& node,
                                            std::vector<std::string>& problems) {
    const auto* array = node.as_array();
    if (array == nullptr || !array->is_homogeneous(toml::node_type::table)) {
        problems.emplace_back("tokens: must be tables, each headed [[tokens]]");
        return {};
    }
    std::vector<http::token_config> tokens;
    for (const auto& item : *array)
        tokens.push_back(token_reader{tokens.size(), problems}.read(*item.as_table()));
    return tokens;
}

}  // namespace sluice::config
