#include "server/rules/unique.hpp"

#include "proto/json_text.hpp"

#include <openssl/sha.h>
#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

namespace sluice::rules {
namespace {

/// Unicode normal form C.
std::string composed(std::string text) {
    const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    if (std::all_of(text.begin(), text.end(), ascii)) return text;
    utf8proc_uint8_t* made = nullptr;
    constexpr auto form = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &made, form);
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(made, &std::free);
    if (length < 0) return text;  // not UTF-8, which a decoder lets nobody send
    return {reinterpret_cast<const char*>(made), static_cast<std::size_t>(length)};
}

/// The place of a lead byte in the order of UTF-16, where what lies above U+FFFF is written with
/// units that come before U+E000.
int utf16_rank(char c) {
    const int byte = static_cast<unsigned char>(c);
    if (byte >= 0xF0) return byte - 0xF0 + 0xEE;
    return byte >= 0xEE ? byte + 5 : byte;
}

bool comes_before(std::string_view a, std::string_view b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return utf16_rank(x) < utf16_rank(y);
    });
}

void append_double(std::string& out, double number) {
    std::array<char, 64> digits{};
    const double size = std::fabs(number);
    const auto format =
        size >= 1e-6 && size < 1e21 ? std::chars_format::fixed : std::chars_format::scientific;
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), number, format).ptr;
    std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
    const auto exponent = text.find('e');
    if (exponent == text.npos) {
        out += text;
        return;
    }
    // "1e-07" is written "1e-7".
    out += text.substr(0, exponent + 2);
    text.remove_prefix(exponent + 2);
    text.remove_prefix(std::min(text.find_first_not_of('0'), text.size() - 1));
    out += text;
}

void append_number(std::string& out, json_value value) {
    const bool integer = value.text.find_first_of(".eE") == value.text.npos;
    const auto number = json_number(value);
    if (number && *number == 0.0)
        out += '0';
    else if (integer || !number)  // beyond all doubles it is told apart by how it is written
        out += value.text;
    else
        append_double(out, *number);
}

void append_value(std::string& out, json_value value);

using members = std::vector<std::pair<std::string, json_value>>;

members members_of(json_value object) {
    members all;
    json_cursor cursor{object};
    std::string name;
    json_value value;
    while (cursor.next(name, value)) all.emplace_back(composed(name), value);
    return all;
}

void append_members(std::string& out, members all) {
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return comes_before(a.first, b.first); });
    out += '{';
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (i > 0) out += ',';
        append_json_string(out, all[i].first);
        out += ':';
        append_value(out, all[i].second);
    }
    out += '}';
}

/// As deep as the text is nested, which the decoder bounds (limits::json_depth_max).
void append_value(std::string& out, json_value value) {
    switch (value.kind) {
        case json_kind::object:
            append_members(out, members_of(value));
            return;
        case json_kind::array: {
            json_cursor cursor{value};
            std::string unused;
            json_value each;
            out += '[';
            for (bool first = true; cursor.next(unused, each); first = false) {
                if (!first) out += ',';
                append_value(out, each);
            }
            out += ']';
            return;
        }
        case json_kind::string:
            append_json_string(out, composed(json_unescape(value)));
            return;
        case json_kind::number:
            append_number(out, value);
            return;
        case json_kind::boolean:
        case json_kind::null:
            out += value.text;
            return;
    }
}

/// The members of `object` that are named; an error when one is missing.
result<members> chosen(json_value object, const std::vector<std::string>& names,
                       std::string_view rule, std::string_view where) {
    const auto all = object.kind == json_kind::object ? members_of(object) : members{};
    members found;
    for (const auto& name : names) {
        const auto wanted = composed(name);
        const auto it = std::find_if(all.begin(), all.end(),
                                     [&](const auto& each) { return each.first == wanted; });
        if (it == all.end()) {
            std::string field = "\"field\":\"options.unique.";
            return error{errc::invalid_request,
                         "'options.unique." + std::string(rule) + "' names '" + name +
                             "', which is not a member of '" + std::string(where) + "'.",
                         field.append(rule) + '"'};
        }
        const bool again = std::any_of(found.begin(), found.end(),
                                       [&](const auto& each) { return each.first == wanted; });
        if (!again) found.push_back(*it);
    }
    return found;
}

json_value first_of(json_value array) {
    json_cursor cursor{array};
    std::string unused;
    json_value first;
    cursor.next(unused, first);
    return first;
}

}  // namespace

result<std::string> canonical_form(const job_spec& spec) {
    const auto by = unique_dimensions_of(*spec.unique);
    std::string out = "{";
    if (by.args) {
        const auto args = json_root(spec.args);
        out += "\"args\":";
        if (by.args_keys.empty()) {
            append_value(out, args);
        } else {
            auto some = chosen(first_of(args), by.args_keys, "args_keys", "args[0]");
            if (!some) return some.error();
            append_members(out, std::move(*some));
        }
        out += ',';
    }
    if (by.meta) {
        const auto meta = spec.meta.empty() ? json_value{} : json_root(spec.meta);
        auto some = chosen(meta, by.meta_keys, "meta_keys", "meta");
        if (!some) return some.error();
        out += "\"meta\":";
        append_members(out, std::move(*some));
        out += ',';
    }
    if (by.queue) {
        out += "\"queue\":";
        append_json_string(out, spec.queue);
        out += ',';
    }
    out += "\"type\":";
    append_json_string(out, spec.type);
    out += '}';
    return out;
}

result<unique_key> key_of(const job_spec& spec) {
    const auto form = canonical_form(spec);
    if (!form) return form.error();
    unique_key key{};
    SHA256(reinterpret_cast<const unsigned char*>(form->data()), form->size(), key.data());
    return key;
}

std::optional<error> set_unique_key(job_spec& spec) {
    if (!spec.unique) return std::nullopt;
    const auto key = key_of(spec);
    if (!key) return key.error();
    auto rule = *spec.unique;
    rule.key = *key;
    spec.unique = std::make_shared<const unique_rule>(std::move(rule));
    return std::nullopt;
}

}  // namespace sluice::rules
