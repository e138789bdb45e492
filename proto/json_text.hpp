#pragma once

#include "proto/error.hpp"
#include "proto/time.hpp"
#include "proto/uuid.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// JSON as text. Payloads (`args`, `meta`, `result`) are validated once, strictly by RFC 8259, and
/// then travel byte for byte; no tree is ever built from them, so 2^64, 1e400 and
/// 0.1000000000000000055 survive and no depth of nesting can exhaust the stack. nlohmann_json
/// cannot do that: its SAX reader refuses 1e400 and gives no offsets.
namespace sluice {

enum class json_kind : std::uint8_t { object, array, string, number, boolean, null };

/// One value as it stands in the text.
struct json_value {
    std::string_view text;  ///< without surrounding white space; points into the scanned text
    json_kind kind = json_kind::null;
};

/// Why a text was refused, and where.
struct json_fault {
    std::size_t offset = 0;
    std::string_view reason;  ///< static text, such as "unterminated string"
    bool too_deep = false;
};

inline constexpr std::size_t json_depth_cap = 128;

/// Checks that `text` is one JSON document: RFC 8259 grammar, valid UTF-8, no byte order mark,
/// nesting at most `depth_max` (itself at most `json_depth_cap`). Does not recurse and does not
/// allocate.
std::optional<json_fault> check_json(std::string_view text, std::size_t depth_max);

/// How many bytes the first code point of `text` takes; 0 when it is not valid UTF-8, or empty.
std::size_t utf8_length(std::string_view text);

/// Shortens UTF-8 text to at most `bytes_max`, on a code point.
void cut_text(std::string& text, std::size_t bytes_max);

/// The name of a kind for people: "object", "array", "string", "number", "boolean", "null".
std::string_view to_string(json_kind kind);

/// Walks the members of an object, or the elements of an array, of text that `check_json` has
/// passed.
class json_cursor {
public:
    /// `value.kind` must be object or array.
    explicit json_cursor(json_value value);

    /// Moves on to the next member or element; false at the end. `key` is left empty in an array.
    /// The key is unescaped; `key_text` is the quoted key as written.
    bool next(std::string& key, json_value& value);
    std::string_view key_text() const { return key_text_; }

private:
    std::string_view rest_;
    std::string_view key_text_;
    bool object_ = false;
};

/// The document as a value. `text` must have passed `check_json`.
json_value json_root(std::string_view text);

/// The string a JSON string stands for; lone surrogates become U+FFFD. `value.kind` must be string.
std::string json_unescape(json_value value);

/// Integers only: "1", "-7"; nothing for "1.0", "1e3" and what does not fit.
std::optional<std::int64_t> json_integer(json_value value);
/// Nothing for what is not a finite double.
std::optional<double> json_number(json_value value);
std::optional<bool> json_boolean(json_value value);

/// Appends `text` as a JSON string with quotes; invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// Writes objects and arrays into a string, minding the commas. Nothing else: depth and balance are
/// the caller's. The short members stand here so that names are known where they are appended.
class json_writer {
public:
    explicit json_writer(std::string& out) : out_(out) {}

    json_writer& begin_object() { return open('{'); }
    json_writer& end_object() { return close('}'); }
    json_writer& begin_array() { return open('['); }
    json_writer& end_array() { return close(']'); }
    /// `name` must need no escaping; all our own names are such.
    json_writer& key(std::string_view name) {
        out_.append(comma_ ? ",\"" : "\"", comma_ ? 2U : 1U);
        out_.append(name);
        out_.append("\":", 2);
        comma_ = false;
        return *this;
    }
    json_writer& string(std::string_view text);
    /// A string known to need no escaping: ids, times, names of states and the like.
    json_writer& plain(std::string_view text) {
        separate();
        out_ += '"';
        out_ += text;
        out_ += '"';
        return *this;
    }
    json_writer& time(timestamp at) {
        separate();
        out_ += '"';
        append_timestamp(out_, at);
        out_ += '"';
        return *this;
    }
    json_writer& id(const uuid& id) {
        separate();
        out_ += '"';
        append_uuid(out_, id);
        out_ += '"';
        return *this;
    }
    json_writer& integer(std::int64_t number);
    json_writer& number(double number);
    json_writer& boolean(bool value);
    json_writer& null();
    /// Text that is JSON already.
    json_writer& raw(std::string_view json) {
        separate();
        out_ += json;
        return *this;
    }
    /// `"a":1,"b":2` without braces; nothing when empty.
    json_writer& raw_members(std::string_view members);

private:
    void separate() {
        if (comma_) out_ += ',';
        comma_ = true;
    }
    json_writer& open(char bracket) {
        separate();
        out_ += bracket;
        comma_ = false;
        return *this;
    }
    json_writer& close(char bracket) {
        out_ += bracket;
        comma_ = true;
        return *this;
    }

    std::string& out_;
    bool comma_ = false;
};

}  // namespace sluice
