#include "tests/bench/field/wire_formats.hpp"

#include <charconv>
#include <stdexcept>

namespace sluice::bench {
namespace {

constexpr std::string_view line_end = "\r\n";

std::int64_t number_in(std::string_view text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

/// The end of the reply of Redis that begins at `at`; npos when it is not all there.
std::size_t redis_reply_end(std::string_view text, std::size_t at) {
    std::size_t wanted = 1;
    while (wanted > 0) {
        const auto end = text.find(line_end, at);
        if (end == std::string_view::npos) return end;
        const auto line = text.substr(at, end - at);
        at = end + 2;
        --wanted;
        if (line.starts_with('-')) throw std::runtime_error("Redis: " + std::string(line));
        const auto value = number_in(line.substr(1));
        if (value < 0) continue;  // a null
        if (line.starts_with('$')) at += static_cast<std::size_t>(value) + 2;
        if (line.starts_with('*')) wanted += static_cast<std::size_t>(value);
        if (at > text.size()) return std::string_view::npos;
    }
    return at;
}

}  // namespace

std::size_t redis_replies(std::string_view text, std::size_t count) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i) {
        at = redis_reply_end(text, at);
        if (at == std::string_view::npos) return 0;
    }
    return at;
}

std::vector<std::string> redis_entry_ids(std::string_view answer) {
    // *2 $15 1700000000000-0 *2 $1 d $100 ...: an id is followed by the pair of field and value.
    constexpr std::string_view pair = "\r\n*2\r\n$1\r\nd\r\n";
    std::vector<std::string> ids;
    for (auto at = answer.find(pair); at != std::string_view::npos;
         at = answer.find(pair, at + pair.size())) {
        const auto begin = answer.rfind('\n', at) + 1;
        ids.emplace_back(answer.substr(begin, at - begin));
    }
    return ids;
}

namespace {

/// Calls `each` with the line of each of `count` replies; returns their size or 0.
template <class Each>
std::size_t beanstalkd_walk(std::string_view text, std::size_t count, const Each& each) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < count && at < text.size(); ++i) {
        const auto end = text.find(line_end, at);
        if (end == std::string_view::npos) return 0;
        const auto line = text.substr(at, end - at);
        at = end + 2;
        if (line.starts_with("RESERVED "))
            at += static_cast<std::size_t>(number_in(line.substr(line.rfind(' ') + 1))) + 2;
        else if (line != "DELETED" && line != "TIMED_OUT" && line != "DEADLINE_SOON")
            throw std::runtime_error("beanstalkd: " + std::string(line));
        if (at > text.size()) return 0;
        each(line);
        if (i + 1 == count) return at;
    }
    return 0;
}

}  // namespace

std::size_t beanstalkd_replies(std::string_view text, std::size_t count) {
    return beanstalkd_walk(text, count, [](std::string_view) {});
}

std::vector<std::string> beanstalkd_ids(std::string_view answer) {
    std::vector<std::string> ids;
    beanstalkd_walk(answer, answer.size(), [&ids](std::string_view line) {
        if (!line.starts_with("RESERVED ")) return;
        line.remove_prefix(9);
        ids.emplace_back(line.substr(0, line.find(' ')));
    });
    return ids;
}

std::pair<std::vector<nats_message>, std::size_t> nats_messages(std::string_view text) {
    std::pair<std::vector<nats_message>, std::size_t> all;
    for (std::size_t at = 0;;) {
        const auto end = text.find(line_end, at);
        if (end == std::string_view::npos) return all;
        const auto line = text.substr(at, end - at);
        at = end + 2;
        if (line.starts_with("-ERR")) throw std::runtime_error("NATS: " + std::string(line));
        if (!line.starts_with("MSG ")) continue;  // PING, +OK
        const auto size = static_cast<std::size_t>(number_in(line.substr(line.rfind(' ') + 1)));
        if (at + size + 2 > text.size()) return all;
        // MSG subject sid [reply] size
        nats_message message;
        message.payload = text.substr(at, size);
        auto words = line.substr(4, line.rfind(' ') - 4);
        message.subject = words.substr(0, words.find(' '));
        words.remove_prefix(message.subject.size() + 1);
        if (const auto space = words.find(' '); space != std::string_view::npos)
            message.reply = words.substr(space + 1);
        at += size + 2;
        all.first.push_back(message);
        all.second = at;
    }
}

namespace {

std::uint32_t big_endian(std::string_view text, std::size_t bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i)
        value = value << 8U | static_cast<unsigned char>(text[i]);
    return value;
}

}  // namespace

std::size_t postgres_until(std::string_view text, std::string_view types) {
    for (std::size_t at = 0; at + 5 <= text.size();) {
        const auto size = 1 + big_endian(text.substr(at + 1), 4);
        if (at + size > text.size()) return 0;
        if (text[at] == 'E') {
            auto what = std::string(text.substr(at + 5, size - 5));
            for (auto& c : what)
                if (c == '\0') c = ' ';
            throw std::runtime_error("PostgreSQL: " + what);
        }
        const bool found = types.find(text[at]) != std::string_view::npos;
        at += size;
        if (found) return at;
    }
    return 0;
}

std::vector<std::string> postgres_first_columns(std::string_view answer) {
    std::vector<std::string> all;
    for (std::size_t at = 0; at + 5 <= answer.size();) {
        const auto size = 1 + big_endian(answer.substr(at + 1), 4);
        // DataRow: the number of columns in two bytes, then the length and bytes of each.
        if (answer[at] == 'D')
            all.emplace_back(answer.substr(at + 11, big_endian(answer.substr(at + 7), 4)));
        at += size;
    }
    return all;
}

std::vector<sluice_lease> sluice_leases(std::string_view answer) {
    constexpr std::string_view job = R"({"specversion":"1.0","id":")";
    constexpr std::string_view lease = R"("lease":")";
    std::vector<sluice_lease> all;
    const auto word = [answer](std::size_t at) {
        return answer.substr(at, answer.find('"', at) - at);
    };
    for (auto at = answer.find(job); at != std::string_view::npos;
         at = answer.find(job, at + job.size())) {
        const auto held = answer.find(lease, at);
        if (held == std::string_view::npos) throw std::runtime_error("a job without a lease");
        all.push_back({word(at + job.size()), word(held + lease.size())});
    }
    return all;
}

std::size_t sluice_lines_with_job(std::string_view text) {
    if (text.starts_with("HTTP/") && !text.starts_with("HTTP/1.1 200"))
        throw std::runtime_error("refused: " + std::string(text));
    const auto last = text.rfind('\n');
    if (last == std::string_view::npos) return 0;
    const auto lines = text.substr(0, last + 1);
    if (lines.find(R"("error":)") != std::string_view::npos)
        throw std::runtime_error("refused: " + std::string(lines));
    return lines.find(R"({"job":)") == std::string_view::npos ? 0 : lines.size();
}

}  // namespace sluice::bench
