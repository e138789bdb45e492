#include "server/http/request_reader.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {
namespace {

constexpr std::string_view by_length =
    "POST /a?b=c HTTP/1.1\r\nHost: localhost\r\nX-Long:   spaced value \r\nContent-Length: 11\r\n"
    "\r\nhello world";
constexpr std::string_view by_chunks =
    "POST /a?b=c HTTP/1.1\r\nHost: localhost\r\nX-Long:   spaced value \r\n"
    "Transfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n006;name=\"quoted\";other\r\n world\r\n0;last\r\nHost: evil\r\n"
    "Content-Length: 7\r\nAuthorization: Bearer stolen\r\n\r\n";
constexpr std::string_view without_body = "GET /a?b=c HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Feeds a request as it arrives: first all up to each of `splits`, then the rest.
struct arrival {
    explicit arrival(std::string_view bytes) : all(bytes) {}

    parse_step feed(std::size_t upto) {
        buffer.append(all.substr(given, upto - given));
        given = upto;
        if (!head_done) {
            const parse_step step = reader.read_head(buffer);
            if (step != parse_step::complete) return step;
            head_done = true;
            target = reader.head().target;
            for (const head_field& f : reader.head().fields) names += std::string(f.name) + ",";
            buffer.erase(0, reader.consumed());
            reader.begin_body(1000);
        }
        const parse_step step = reader.read_body(buffer, false, body);
        buffer.erase(0, reader.consumed());
        return step;
    }

    std::string_view all;
    std::size_t given = 0;
    std::string buffer;
    request_reader reader{head_limits{}};
    bool head_done = false;
    std::string target, names, body;
};

void expect_whole(const arrival& a, std::string_view body) {
    EXPECT_EQ(a.target, "/a?b=c");
    EXPECT_EQ(a.body, body);
    EXPECT_EQ(a.buffer, "");
    EXPECT_EQ(a.names.find("Authorization"), std::string::npos);
}

TEST(RequestReader, ReadsAGoodRequestSplitAtAnyByte) {
    for (const std::string_view bytes : {by_length, by_chunks, without_body}) {
        const std::string_view body = bytes == without_body ? "" : "hello world";
        for (std::size_t at = 1; at < bytes.size(); ++at) {
            SCOPED_TRACE(at);
            arrival a(bytes);
            EXPECT_EQ(a.feed(at), parse_step::need_more);
            EXPECT_EQ(a.feed(bytes.size()), parse_step::complete);
            expect_whole(a, body);
        }
    }
}

TEST(RequestReader, ReadsAGoodRequestByteByByte) {
    for (const std::string_view bytes : {by_length, by_chunks, without_body}) {
        arrival a(bytes);
        for (std::size_t at = 1; at < bytes.size(); ++at)
            EXPECT_EQ(a.feed(at), parse_step::need_more) << at;
        EXPECT_EQ(a.feed(bytes.size()), parse_step::complete);
        expect_whole(a, bytes == without_body ? "" : "hello world");
    }
}

TEST(RequestReader, LeavesTheNextRequestInTheBuffer) {
    const std::string both = std::string(by_chunks) + std::string(without_body);
    arrival a(both);
    EXPECT_EQ(a.feed(both.size()), parse_step::complete);
    EXPECT_EQ(a.buffer, without_body);
    a.reader.reset();
    EXPECT_EQ(a.reader.read_head(a.buffer), parse_step::complete);
    EXPECT_EQ(a.reader.head().method, "GET");
    EXPECT_EQ(a.reader.head().fields.size(), 1U);
}

TEST(RequestReader, RefusesABadLineBeforeTheHeadEnds) {
    request_reader reader{head_limits{}};
    EXPECT_EQ(reader.read_head("GET / HTTP/1.1\r\nHost"), parse_step::need_more);
    EXPECT_EQ(reader.read_head("GET / HTTP/1.1\r\nHost : a\r\n"), parse_step::fault);
    EXPECT_EQ(reader.fault().status, 400);
}

TEST(RequestReader, BoundsWhatAChunkCarriesBesideData) {
    request_reader reader{head_limits{}};
    const std::string_view head = by_chunks.substr(0, by_chunks.find("\r\n\r\n") + 4);
    ASSERT_EQ(reader.read_head(head), parse_step::complete);
    reader.begin_body(1000);
    std::string body;
    const std::string extension = "5;" + std::string(1000, 'a');
    EXPECT_EQ(reader.read_body(extension, false, body), parse_step::need_more);
    EXPECT_EQ(reader.consumed(), 0U);
    EXPECT_EQ(reader.read_body(extension, true, body), parse_step::fault);
    EXPECT_EQ(reader.fault().status, 400);
}

TEST(RequestReader, CountsAllChunksAgainstTheLimit) {
    arrival a(by_chunks);
    const std::size_t head = by_chunks.find("\r\n\r\n") + 4;
    ASSERT_EQ(a.feed(head), parse_step::need_more);
    a.reader.begin_body(10);
    EXPECT_EQ(a.feed(by_chunks.size()), parse_step::fault);
    EXPECT_EQ(a.reader.fault().status, 413);
}

}  // namespace
}  // namespace sluice::http
