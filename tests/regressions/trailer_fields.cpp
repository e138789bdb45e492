#include "server/http/head_check.hpp"
#include "server/http/request_reader.hpp"

#include <gtest/gtest.h>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <string>
#include <string_view>

/// Beast 1.81 merges the trailer fields of a chunked request into its header, so that whoever reads
/// a field after the body may honour an Authorization that no check has seen.
namespace sluice::http {
namespace {

namespace beast_http = boost::beast::http;

constexpr std::string_view head =
    "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view body =
    "2\r\nhi\r\n0\r\nAuthorization: Bearer stolen\r\nHost: evil\r\n\r\n";

TEST(TrailerFields, ReachTheHeaderOfBeastsOwnParser) {
    beast_http::request_parser<beast_http::string_body> parser;
    parser.eager(true);
    const std::string all = std::string(head) + std::string(body);
    boost::system::error_code ec;
    parser.put(boost::asio::buffer(all), ec);
    ASSERT_TRUE(parser.is_done()) << ec.message();
    EXPECT_EQ(parser.get().count(beast_http::field::authorization), 1U);
    EXPECT_EQ(parser.get().count(beast_http::field::host), 2U);
}

TEST(TrailerFields, NeverReachOurs) {
    request_reader reader{head_limits{}};
    ASSERT_EQ(reader.read_head(head), parse_step::complete);
    head_facts facts;
    request r;
    ASSERT_FALSE(check_head(reader.head(), 1000, facts, r));
    reader.begin_body(100);
    ASSERT_EQ(reader.read_body(body, false, r.body), parse_step::complete);
    EXPECT_EQ(r.body, "hi");
    EXPECT_EQ(reader.consumed(), body.size());
    EXPECT_EQ(reader.head().fields.size(), 2U);
    EXPECT_EQ(r.field("authorization"), "");
    EXPECT_EQ(r.field("host"), "localhost");
}

}  // namespace
}  // namespace sluice::http
