#include "proto/json_text.hpp"

#include <array>
#include <bit>
#include <bitset>
#include <cassert>
#include <cstring>

namespace sluice {
namespace {

constexpr bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
constexpr unsigned char byte(char c) {
    return static_cast<unsigned char>(c);
}

/// How many of the eight bytes at `at`, from the first on, may stand in a string as they are: no
/// control character, quote, backslash, and nothing outside ASCII.
std::size_t plain_bytes(const char* at) {
    static_assert(std::endian::native == std::endian::little);
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
    constexpr std::uint64_t tops = ones * 0x80;
    // A borrow makes false marks only above a true one, and only the lowest counts.
    const auto zero_bytes = [](std::uint64_t x) { return (x - ones) & ~x; };
    const auto control = (word - ones * 0x20) & ~word;
    const auto stops = zero_bytes(word ^ ones * '"') | zero_bytes(word ^ ones * '\\');
    const auto marks = (word | control | stops) & tops;
    return static_cast<std::size_t>(std::countr_zero(marks)) / 8;
}

/// A grammar machine over the text: a loop with a bit per open container instead of recursion.
class checker {
public:
    checker(std::string_view text, std::size_t depth_max)
        : at_(text.data()),
          begin_(text.data()),
          end_(text.data() + text.size()),
          depth_max_(depth_max) {
        assert(depth_max <= json_depth_cap);
    }

    std::optional<json_fault> run() {
        if (static_cast<std::size_t>(end_ - at_) >= 3 && std::memcmp(at_, "\xEF\xBB\xBF", 3) == 0)
            return fault("byte order mark");
        skip_space();
        if (at_ == end_) return fault("empty document");
        if (!document()) return fault_;
        skip_space();
        if (at_ != end_) return fault("text after the end of the document");
        return std::nullopt;
    }

private:
    bool document() {
        bool value_done = false;
        while (true) {
            if (!value_done) {
                if (!value(value_done)) return false;
                if (!value_done) continue;  // a container was opened
            }
            if (depth_ == 0) return true;
            if (!after_value(value_done)) return false;
        }
    }

    /// A whole scalar or empty container (`done`), or the opening of a container that has content.
    bool value(bool& done) {
        skip_space();
        if (at_ == end_) return refuse("unexpected end");
        done = true;
        switch (*at_) {
            case '{':
                return open(true, done);
            case '[':
                return open(false, done);
            case '"':
                return string();
            case 't':
                return word("true");
            case 'f':
                return word("false");
            case 'n':
                return word("null");
            default:
                return number();
        }
    }

    bool open(bool object, bool& done) {
        if (depth_ == depth_max_) {
            refuse("nested too deep");
            fault_.too_deep = true;
            return false;
        }
        ++at_;
        objects_[depth_++] = object;
        skip_space();
        if (at_ != end_ && *at_ == (object ? '}' : ']')) {
            ++at_;
            --depth_;
            return true;
        }
        done = false;
        return object ? name() : true;
    }

    /// After a value inside a container: a comma and what it announces, or the end of the
    /// container. `done` says whether a value has just ended again.
    bool after_value(bool& done) {
        const bool object = objects_[depth_ - 1];
        skip_space();
        if (at_ == end_) return refuse("unexpected end");
        if (*at_ == ',') {
            ++at_;
            done = false;
            return object ? name() : true;
        }
        if (*at_ != (object ? '}' : ']'))
            return refuse(object ? "expected ',' or '}'" : "expected ',' or ']'");
        ++at_;
        --depth_;
        done = true;
        return true;
    }

    bool name() {
        skip_space();
        if (at_ == end_) return refuse("unexpected end");
        if (*at_ != '"') return refuse("expected a member name");
        if (!string()) return false;
        skip_space();
        if (at_ == end_) return refuse("unexpected end");
        if (*at_ != ':') return refuse("expected ':'");
        ++at_;
        return true;
    }

    bool string() {
        const char* const start = at_;
        ++at_;
        while (true) {
            while (end_ - at_ >= 8) {
                const auto plain = plain_bytes(at_);
                at_ += plain;
                if (plain < 8) break;
            }
            if (at_ == end_) {
                at_ = start;
                return refuse("unterminated string");
            }
            const auto c = byte(*at_);
            if (c == '"') {
                ++at_;
                return true;
            }
            if (c == '\\') {
                if (!escape()) return false;
            } else if (c < 0x20) {
                return refuse("control character in a string");
            } else if (c < 0x80) {
                ++at_;
            } else if (!utf8()) {
                return false;
            }
        }
    }

    bool escape() {
        if (end_ - at_ < 2) return refuse("unterminated string");
        const char c = at_[1];
        if (c == 'u') {
            if (end_ - at_ < 6) return refuse("unterminated string");
            for (int i = 2; i < 6; ++i)
                if (!is_hex(at_[i])) return refuse("bad escape");
            at_ += 6;
            return true;
        }
        if (std::string_view{"\"\\/bfnrt"}.find(c) == std::string_view::npos)
            return refuse("bad escape");
        at_ += 2;
        return true;
    }

    bool utf8() {
        const auto length = utf8_length({at_, static_cast<std::size_t>(end_ - at_)});
        if (length == 0) return refuse("invalid UTF-8");
        at_ += length;
        return true;
    }

    bool word(std::string_view expected) {
        const std::string_view rest{at_, static_cast<std::size_t>(end_ - at_)};
        if (!rest.starts_with(expected)) return refuse("expected a value");
        at_ += expected.size();
        return true;
    }

    bool number() {
        if (*at_ != '-' && !is_digit(*at_)) return refuse("expected a value");
        if (*at_ == '-') ++at_;
        if (at_ != end_ && *at_ == '0') {
            ++at_;
            if (at_ != end_ && is_digit(*at_)) return refuse("leading zero");
        } else if (!digits()) {
            return false;
        }
        if (at_ != end_ && *at_ == '.') {
            ++at_;
            if (!digits()) return false;
        }
        if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
            ++at_;
            if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
            if (!digits()) return false;
        }
        return true;
    }

    bool digits() {
        if (at_ == end_ || !is_digit(*at_)) return refuse("expected a digit");
        while (at_ != end_ && is_digit(*at_)) ++at_;
        return true;
    }

    void skip_space() {
        while (at_ != end_ && is_space(*at_)) ++at_;
    }

    json_fault fault(std::string_view reason) const {
        return {static_cast<std::size_t>(at_ - begin_), reason, false};
    }
    bool refuse(std::string_view reason) {
        fault_ = fault(reason);
        return false;
    }

    const char* at_;
    const char* begin_;
    const char* end_;
    std::size_t depth_max_;
    std::size_t depth_ = 0;
    std::bitset<json_depth_cap> objects_;
    json_fault fault_;
};

}  // namespace

std::optional<json_fault> check_json(std::string_view text, std::size_t depth_max) {
    return checker{text, depth_max}.run();
}

std::size_t utf8_length(std::string_view text) {
    if (text.empty()) return 0;
    const auto first = byte(text[0]);
    if (first < 0x80) return 1;
    // Table 3-7 of the Unicode standard: what the second byte may be depends on the first.
    std::size_t length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        if (first == 0xE0) low = 0xA0;   // shorter forms exist
        if (first == 0xED) high = 0x9F;  // surrogates
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        if (first == 0xF0) low = 0x90;   // shorter forms exist
        if (first == 0xF4) high = 0x8F;  // beyond U+10FFFF
    } else {
        return 0;
    }
    if (text.size() < length || byte(text[1]) < low || byte(text[1]) > high) return 0;
    for (std::size_t i = 2; i < length; ++i)
        if (byte(text[i]) < 0x80 || byte(text[i]) > 0xBF) return 0;
    return length;
}

}  // namespace sluice
