#include "tests/bench/field/wire_formats.hpp"

#include "tests/bench/field/amqp.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice::bench {
namespace {

using namespace std::literals;

/// An answer is complete with its last byte and not before, and does not swallow what follows.
void expect_whole(const std::string& answer,
                  const std::function<std::size_t(std::string_view)>& size_of) {
    for (std::size_t size = 0; size < answer.size(); ++size)
        EXPECT_EQ(size_of(std::string_view(answer).substr(0, size)), 0U) << size << " bytes";
    EXPECT_EQ(size_of(answer), answer.size());
    EXPECT_EQ(size_of(answer + answer.substr(0, answer.size() - 1)), answer.size());
}

TEST(RedisReplies, AreCountedWithNestedArraysAndNulls) {
    expect_whole("+PONG\r\n$3\r\na\r\n\r\n$-1\r\n*2\r\n*-1\r\n*1\r\n:7\r\n"s,
                 [](std::string_view text) { return redis_replies(text, 4); });
    EXPECT_THROW(redis_replies(":1\r\n-ERR no\r\n", 2), std::runtime_error);
}

TEST(RedisReplies, OfAStreamNameTheirEntries) {
    const auto answer =
        ":1\r\n*1\r\n*2\r\n$4\r\njobs\r\n*2\r\n"
        "*2\r\n$3\r\n7-0\r\n*2\r\n$1\r\nd\r\n$2\r\nxx\r\n"
        "*2\r\n$4\r\n7-12\r\n*2\r\n$1\r\nd\r\n$2\r\nyy\r\n"s;
    expect_whole(answer, [](std::string_view text) { return redis_replies(text, 2); });
    EXPECT_EQ(redis_entry_ids(answer), (std::vector<std::string>{"7-0", "7-12"}));
}

TEST(BeanstalkdReplies, CountJobsByTheirBytes) {
    const auto answer = "DELETED\r\nRESERVED 12 9\r\nDELETED\r\n\r\nTIMED_OUT\r\n"s;
    expect_whole(answer, [](std::string_view text) { return beanstalkd_replies(text, 3); });
    EXPECT_EQ(beanstalkd_ids(answer), std::vector<std::string>{"12"});
    EXPECT_THROW(beanstalkd_replies("NOT_FOUND\r\n", 1), std::runtime_error);
}

TEST(NatsMessages, AreReadWithAndWithoutAnAnswerSubject) {
    const auto answer = "PING\r\nMSG in.1 1 4\r\n{\"a\"\r\nMSG jobs 1 $JS.ACK.1 2\r\nxy\r\n"s;
    const auto text = answer + "MSG in.1 1 9\r\nhal";
    const auto [messages, size] = nats_messages(text);
    EXPECT_EQ(size, answer.size());
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_EQ(messages[0].subject, "in.1");
    EXPECT_EQ(messages[0].reply, "");
    EXPECT_EQ(messages[1].subject, "jobs");
    EXPECT_EQ(messages[1].reply, "$JS.ACK.1");
    EXPECT_EQ(messages[1].payload, "xy");
    EXPECT_THROW(nats_messages("-ERR 'no'\r\n"), std::runtime_error);
}

TEST(PostgresMessages, EndWithTheTypeThatIsAwaited) {
    const auto row =
        "D\0\0\0\x10\0\x02\0\0\0\x02"
        "42\0\0\0\0"s;
    const auto ready = "Z\0\0\0\x05I"s;
    expect_whole(row + ready, [](std::string_view text) { return postgres_until(text, "Z"); });
    EXPECT_EQ(postgres_first_columns(row + row + ready), (std::vector<std::string>{"42", "42"}));
    EXPECT_THROW(postgres_until("E\0\0\0\x08no\0\0"sv, "Z"), std::runtime_error);
}

TEST(SluiceAnswers, NameJobsAndLeases) {
    const auto line = R"({"job":{"specversion":"1.0","id":"j1","type":"t","lease":"1.2.3"}})"
                      "\r\n"s;
    const auto leases = sluice_leases(line + line);
    ASSERT_EQ(leases.size(), 2U);
    EXPECT_EQ(leases[1].id, "j1");
    EXPECT_EQ(leases[1].lease, "1.2.3");
    EXPECT_EQ(sluice_lines_with_job("HTTP/1.1 200 OK\r\n\r\n"), 0U);
    EXPECT_EQ(sluice_lines_with_job(line + "{\"li"), line.size());
    EXPECT_THROW(sluice_lines_with_job("HTTP/1.1 400 Bad\r\n"), std::runtime_error);
    EXPECT_THROW(sluice_lines_with_job("{\"line\":1,\"error\":{}}\n"), std::runtime_error);
}

TEST(AmqpFrames, AreReadUntilTheAwaitedMethod) {
    const auto other = "\x01\0\x01\0\0\0\x05\0\x55\0\x0b\0\xce"s;  // confirm.select-ok and a byte
    const auto wanted = "\x01\0\x01\0\0\0\x04\0\x3c\0\x0b\xce"s;   // basic.qos-ok
    expect_whole(other + wanted,
                 [](std::string_view text) { return amqp::until(text, amqp::qos_ok); });
    const auto refused = "\x01\0\x01\0\0\0\x0a\0\x14\0\x28\x01\x94\x02no\0\xce"s;  // channel.close
    EXPECT_THROW(amqp::until(refused, amqp::qos_ok), std::runtime_error);
}

TEST(AmqpConfirms, CountSingleOnesAndThoseUpToATag) {
    // What a client sends to acknowledge is what a server sends to confirm.
    const auto answer =
        amqp::acknowledge(12, false) + amqp::acknowledge(11, true) + amqp::acknowledge(13, false);
    expect_whole(answer, [](std::string_view text) { return amqp::confirms(text, 10, 3); });
    EXPECT_EQ(amqp::confirms(amqp::acknowledge(12, true), 10, 3), 0U);
    EXPECT_THROW(amqp::confirms("\x01\0\x01\0\0\0\x04\0\x3c\0\x78\xce"sv, 0, 1),
                 std::runtime_error);
}

TEST(AmqpDeliveries, EndWithTheLastByteOfTheBody) {
    // basic.deliver: consumer tag "c", delivery tag 9, not redelivered, exchange "", key "q".
    const auto deliver =
        "\x01\0\x01\0\0\0\x12\0\x3c\0\x3c\x01"
        "c\0\0\0\0\0\0\0\x09\0\0\x01q\xce"s;
    const auto published = amqp::publish("q", "body", true);
    const auto message = deliver + published.substr(published.find("\x02\0\x01"sv));
    for (std::size_t size = 0; size < message.size(); ++size)
        EXPECT_EQ(amqp::deliveries(std::string_view(message).substr(0, size)).first, 0U) << size;
    const auto [end, tag] = amqp::deliveries(message + deliver);
    EXPECT_EQ(end, message.size());
    EXPECT_EQ(tag, 9U);
}

}  // namespace
}  // namespace sluice::bench
