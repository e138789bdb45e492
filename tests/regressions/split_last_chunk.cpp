#include "server/http/request_reader.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

/// Beast 1.81 asserts when the last chunk of a legal body arrives as "0\r\n", "\r", "\n". The
/// asserts of Boost are off in every build of ours; what is left must read the body whichever way
/// it is cut.
namespace sluice::http {
namespace {

#ifndef BOOST_DISABLE_ASSERTS
#error "a peer could end the process with three well-timed packets"
#endif

constexpr std::string_view head =
    "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Feeds `pieces` as they come from a socket; the last one must complete the body.
void expect_body(std::initializer_list<std::string_view> pieces, std::string_view expected) {
    request_reader reader{head_limits{}};
    ASSERT_EQ(reader.read_head(head), parse_step::complete);
    reader.begin_body(100);
    std::string unread, body;
    parse_step step = parse_step::need_more;
    for (const std::string_view piece : pieces) {
        ASSERT_EQ(step, parse_step::need_more);
        unread += piece;
        step = reader.read_body(unread, false, body);
        unread.erase(0, reader.consumed());
    }
    EXPECT_EQ(step, parse_step::complete);
    EXPECT_EQ(body, expected);
    EXPECT_EQ(unread, "");
}

TEST(SplitLastChunk, IsReadAfterNoOtherChunk) {
    expect_body({"0\r\n", "\r", "\n"}, "");
    expect_body({"0\r", "\n\r", "\n"}, "");
    expect_body({"0", "\r", "\n", "\r", "\n"}, "");
}

TEST(SplitLastChunk, IsReadAfterAnotherChunk) {
    expect_body({"2\r\nhi\r\n0\r\n", "\r", "\n"}, "hi");
    expect_body({"2\r\nhi", "\r\n0\r\n\r", "\n"}, "hi");
    expect_body({"2\r\nhi\r", "\n", "0", "\r", "\n", "\r", "\n"}, "hi");
}

TEST(SplitLastChunk, IsReadWithATrailer) {
    expect_body({"2\r\nhi\r\n0\r\nA", ": b\r\n", "\r", "\n"}, "hi");
}

}  // namespace
}  // namespace sluice::http
