#include "tests/bench/field/amqp.hpp"

#include <optional>
#include <stdexcept>

namespace sluice::bench::amqp {
namespace {

enum frame_type : unsigned char { method_frame = 1, header_frame = 2, body_frame = 3 };
constexpr std::size_t frame_bytes_extra = 8;  // type, channel, size, end mark

std::string integer(std::uint64_t value, int bytes) {
    std::string text;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        text += static_cast<char>(value >> static_cast<unsigned>(shift) & 0xffU);
    return text;
}

std::uint64_t integer_at(std::string_view text, std::size_t at, std::size_t bytes) {
    std::uint64_t value = 0;
    for (const char c : text.substr(at, bytes)) value = value << 8U | static_cast<unsigned char>(c);
    return value;
}

std::string short_text(std::string_view text) {
    return integer(text.size(), 1) + std::string(text);
}
std::string long_text(std::string_view text) {
    return integer(text.size(), 4) + std::string(text);
}

std::string frame(frame_type type, int channel, const std::string& payload) {
    return integer(type, 1) + integer(static_cast<std::uint64_t>(channel), 2) +
           integer(payload.size(), 4) + payload + '\xce';
}

std::string call(method which, const std::string& arguments, int channel = 1) {
    return frame(method_frame, channel,
                 integer(which.of_class, 2) + integer(which.number, 2) + arguments);
}

struct one_frame {
    unsigned char type = 0;
    std::string_view payload;
    std::size_t end = 0;

    bool is(method which) const {
        return type == method_frame && integer_at(payload, 0, 2) == which.of_class &&
               integer_at(payload, 2, 2) == which.number;
    }
};

/// The whole frame at this place. Throws on one that says no.
std::optional<one_frame> frame_at(std::string_view text, std::size_t at) {
    if (at + frame_bytes_extra > text.size()) return std::nullopt;
    const auto size = integer_at(text, at + 3, 4);
    if (at + size + frame_bytes_extra > text.size()) return std::nullopt;
    const one_frame found{static_cast<unsigned char>(text[at]), text.substr(at + 7, size),
                          at + size + frame_bytes_extra};
    if (found.is(connection_close) || found.is(channel_close))
        throw std::runtime_error(
            "RabbitMQ: " + std::string(found.payload.substr(7, integer_at(found.payload, 6, 1))));
    if (found.is(nack)) throw std::runtime_error("RabbitMQ refused a message");
    return found;
}

}  // namespace

std::string protocol_header() {
    return std::string("AMQP\0\0\x09\x01", 8);
}

std::string start_ok() {
    return call({10, 11},
                integer(0, 4) + short_text("PLAIN") +
                    long_text(std::string_view("\0guest\0guest", 12)) + short_text("en_US"),
                0);
}

std::string tune_ok_and_open() {
    // 1 channel, frames up to 128 KiB, no heartbeats.
    return call({10, 31}, integer(1, 2) + integer(131072, 4) + integer(0, 2), 0) +
           call({10, 40}, short_text("/") + short_text("") + integer(0, 1), 0);
}

std::string channel_open() {
    return call({20, 10}, short_text(""));
}
std::string confirm_select() {
    return call({85, 10}, integer(0, 1));
}

std::string declare(const std::string& queue, bool quorum) {
    const auto type = quorum ? short_text("x-queue-type") + 'S' + long_text("quorum") : "";
    return call({50, 10},
                integer(0, 2) + short_text(queue) + integer(quorum ? 2 : 0, 1) + long_text(type));
}

std::string remove(const std::string& queue) {
    return call({50, 40}, integer(0, 2) + short_text(queue) + integer(0, 1));
}

std::string qos(std::uint16_t prefetch) {
    return call({60, 10}, integer(0, 4) + integer(prefetch, 2) + integer(0, 1));
}

std::string consume(const std::string& queue) {
    return call({60, 20},
                integer(0, 2) + short_text(queue) + short_text("") + integer(0, 1) + long_text(""));
}

std::string publish(const std::string& queue, std::string_view body, bool persistent) {
    constexpr std::uint64_t has_delivery_mode = 0x1000;
    return call({60, 40}, integer(0, 2) + short_text("") + short_text(queue) + integer(0, 1)) +
           frame(header_frame, 1,
                 integer(60, 2) + integer(0, 2) + integer(body.size(), 8) +
                     integer(has_delivery_mode, 2) + integer(persistent ? 2 : 1, 1)) +
           frame(body_frame, 1, std::string(body));
}

std::string acknowledge(std::uint64_t tag, bool multiple) {
    return call(ack, integer(tag, 8) + integer(multiple ? 1 : 0, 1));
}

std::size_t until(std::string_view text, method which) {
    std::size_t at = 0;
    while (const auto next = frame_at(text, at)) {
        at = next->end;
        if (next->is(which)) return at;
    }
    return 0;
}

std::size_t confirms(std::string_view text, std::uint64_t before, std::size_t count) {
    std::uint64_t all_up_to = before;
    std::vector<std::uint64_t> single;
    std::size_t at = 0;
    while (const auto next = frame_at(text, at)) {
        at = next->end;
        if (!next->is(ack)) continue;
        const auto tag = integer_at(next->payload, 4, 8);
        const bool multiple = (integer_at(next->payload, 12, 1) & 1U) != 0;
        if (multiple && tag > all_up_to) all_up_to = tag;
        if (!multiple) single.push_back(tag);
        auto known = all_up_to - before;
        for (const auto each : single)
            if (each > all_up_to) ++known;
        if (known >= count) return at;
    }
    return 0;
}

std::pair<std::size_t, std::uint64_t> deliveries(std::string_view text) {
    std::pair<std::size_t, std::uint64_t> last{0, 0};
    std::uint64_t tag = 0;
    std::uint64_t missing = 0;
    std::size_t at = 0;
    while (const auto next = frame_at(text, at)) {
        at = next->end;
        if (next->is(deliver)) {
            // The consumer's tag comes first, then that of the delivery.
            tag = integer_at(next->payload, 5 + integer_at(next->payload, 4, 1), 8);
        } else if (next->type == header_frame) {
            missing = integer_at(next->payload, 4, 8);
        } else if (next->type == body_frame) {
            missing -= next->payload.size();
            if (missing == 0) last = {at, tag};
        }
    }
    return last;
}

}  // namespace sluice::bench::amqp
