#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// As much of AMQP 0-9-1 as a producer with confirms and a worker need
/// (https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf). All on channel 1 but the connection's
/// own methods.
namespace sluice::bench::amqp {

/// A method by the number of its class and its own.
struct method {
    std::uint16_t of_class = 0;
    std::uint16_t number = 0;
    bool operator==(const method&) const = default;
};
constexpr method connection_start{10, 10}, connection_tune{10, 30}, connection_open_ok{10, 41},
    connection_close{10, 50}, channel_open_ok{20, 11}, channel_close{20, 40},
    queue_declare_ok{50, 11}, queue_delete_ok{50, 41}, qos_ok{60, 11}, consume_ok{60, 21},
    deliver{60, 60}, ack{60, 80}, nack{60, 120}, confirm_ok{85, 11};

std::string protocol_header();
std::string start_ok();
std::string tune_ok_and_open();
std::string channel_open();
std::string confirm_select();
/// A durable quorum queue, or a classic one that a restart forgets.
std::string declare(const std::string& queue, bool quorum);
std::string remove(const std::string& queue);
std::string qos(std::uint16_t prefetch);
std::string consume(const std::string& queue);
std::string publish(const std::string& queue, std::string_view body, bool persistent);
/// Of everything up to this delivery when `multiple`.
std::string acknowledge(std::uint64_t tag, bool multiple);

/// Up to and with the first frame with this method; 0 when it has not come. Throws when the server
/// closes the connection or the channel, or refuses a message.
std::size_t until(std::string_view text, method which);

/// Up to the confirm after which all of `count` messages are confirmed that follow the one with the
/// tag `before`; 0 when some are missing.
std::size_t confirms(std::string_view text, std::uint64_t before, std::size_t count);

/// The end of the last delivery whose body is all there, and its tag; 0 when there is none.
std::pair<std::size_t, std::uint64_t> deliveries(std::string_view text);

}  // namespace sluice::bench::amqp
