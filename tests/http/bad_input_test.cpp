#include "tests/http/wire_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

/// What a client may get wrong on the wire, and what it gets for it. After each case the server
/// must serve the next good request.
namespace sluice::http {
namespace {

enum class after : bool { stays, closes };

struct bad_input {
    std::string name;
    std::string bytes;
    std::vector<int> statuses;  ///< any of these
    after then = after::closes;

    friend void PrintTo(const bad_input& row, std::ostream* out) { *out << row.name; }
};

std::string echo(const std::string& fields, const std::string& body = "") {
    return "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + fields +
           "\r\n" + body;
}

std::string chunked(const std::string& body) {
    return echo("Transfer-Encoding: chunked\r\n", body);
}

std::string with_host(const std::string& host) {
    return "GET /things/1 HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

std::string with_line(const std::string& request_line) {
    return request_line + "\r\nHost: localhost\r\n\r\n";
}

std::string many_fields(int count) {
    std::string fields;
    for (int i = 0; i < count; ++i) fields += "X-" + std::to_string(i) + ": 1\r\n";
    return fields;
}

using namespace std::string_literals;

std::vector<bad_input> host_rows() {
    return {
        {"no Host", "GET /things/1 HTTP/1.1\r\n\r\n", {400}},
        {"two equal Hosts", get("/things/1", "Host: localhost\r\n"), {400}},
        {"two different Hosts", get("/things/1", "Host: other\r\n"), {400}},
        {"empty Host", with_host(""), {400}},
        {"list of Hosts", with_host("a, b"), {400}},
        {"user in Host", with_host("u@a"), {400}},
        {"path in Host", with_host("a/b"), {400}},
        {"port out of range", with_host("a:99999"), {400}},
        {"empty port", with_host("localhost:"), {400}},
        {"unclosed bracket", with_host("[::1"), {400}},
        {"bytes above ASCII in Host", with_host("l\xc3\xb6"), {400}},
        {"foreign Host", with_host("evil.example"), {421}, after::stays},
        {"absolute form of another host", get("http://other/things/1"), {400}},
        {"absolute form of another port", get("http://localhost:81/things/1"), {400}},
        {"folded Host", "GET / HTTP/1.1\r\nHost:\r\n localhost\r\n\r\n", {400}},
    };
}

std::vector<bad_input> framing_rows() {
    return {
        {"Content-Length, then chunked",
         echo("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
         {400}},
        {"chunked, then Content-Length",
         echo("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
         {400}},
        {"gzip, then Content-Length",
         echo("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n", "hello"),
         {400}},
        {"xchunked", echo("Transfer-Encoding: xchunked\r\n"), {400, 501}},
        {"identity", echo("Transfer-Encoding: identity\r\n"), {400, 501}},
        {"empty Transfer-Encoding", echo("Transfer-Encoding:\r\n"), {400}},
        {"chunked, identity", echo("Transfer-Encoding: chunked, identity\r\n"), {400}},
        {"chunked, chunked", echo("Transfer-Encoding: chunked, chunked\r\n"), {400}},
        {"chunked in two fields",
         echo("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
         {400}},
        {"chunked with a parameter", echo("Transfer-Encoding: chunked;x=1\r\n"), {400}},
        {"chunked in HTTP/1.0",
         "POST /echo HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         {400}},
        {"space before the colon", echo("Transfer-Encoding : chunked\r\n"), {400}},
        {"vertical tab before the value", echo("Transfer-Encoding:\vchunked\r\n"), {400}},
        {"form feed before the value", echo("Transfer-Encoding:\fchunked\r\n"), {400}},
        {"folded Transfer-Encoding", echo("Transfer-Encoding:\r\n chunked\r\n"), {400}},
        {"folded Content-Length", echo("Content-Length:\r\n\t5\r\n", "hello"), {400}},
        {"folded field of no meaning", echo("X-A: b\r\n c\r\nContent-Length: 0\r\n"), {400}},
        {"different Content-Lengths",
         echo("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"),
         {400}},
        {"list of Content-Lengths", echo("Content-Length: 5, 6\r\n", "hello"), {400}},
        {"repeated Content-Length",
         echo("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
         {400}},
        {"equal list of Content-Lengths", echo("Content-Length: 5, 5\r\n", "hello"), {400}},
        {"padded Content-Length", echo("Content-Length: 005\r\n", "hello"), {400}},
        {"positive Content-Length", echo("Content-Length: +5\r\n", "hello"), {400}},
        {"negative Content-Length", echo("Content-Length: -5\r\n", "hello"), {400}},
        {"hexadecimal Content-Length", echo("Content-Length: 0x5\r\n", "hello"), {400}},
        {"space in Content-Length", echo("Content-Length: 1 0\r\n", "hello"), {400}},
        {"empty Content-Length", echo("Content-Length:\r\n"), {400}},
        {"Content-Length of 2^64", echo("Content-Length: 18446744073709551616\r\n"), {400}},
        {"Content-Length above the limit", echo("Content-Length: 1048577\r\n"), {413}},
        {"body with GET", get("/things/1", "Content-Length: 5\r\n") + "hello", {400}},
        {"body with DELETE",
         "DELETE /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
         {400}},
    };
}

std::vector<bad_input> chunk_rows() {
    const std::string end = "0\r\n\r\n";
    return {
        {"bare LF in an extension", chunked("5;a\nb\r\nhello\r\n" + end), {400}},
        {"bare CR in an extension", chunked("5;a\rb\r\nhello\r\n" + end), {400}},
        {"NUL in an extension", chunked("5;a\0b\r\nhello\r\n"s + end), {400}},
        {"nameless extension", chunked("5;\r\nhello\r\n" + end), {400}},
        {"size ended by LF", chunked("5\nhello\r\n" + end), {400}},
        {"no CRLF after the data", chunked("5\r\nhello" + end), {400}},
        {"LF after the data", chunked("5\r\nhello\n" + end), {400}},
        {"more data than announced", chunked("5\r\nhello world\r\n" + end), {400}},
        {"no size", chunked("\r\nhello\r\n" + end), {400}},
        {"size with 0x", chunked("0x5\r\nhello\r\n" + end), {400}},
        {"size with a sign", chunked("+5\r\nhello\r\n" + end), {400}},
        {"size of 2^64", chunked("10000000000000000\r\nhello\r\n" + end), {400}},
        {"sizes above the limit together", chunked("100001\r\n"), {413}},
        {"trailer without colon", chunked("0\r\nhello\r\n\r\n"), {400}},
        {"trailer with a bare LF", chunked("0\r\nA: b\nC: d\r\n\r\n"), {400}},
        {"folded trailer", chunked("0\r\nA: b\r\n c\r\n\r\n"), {400}},
    };
}

std::vector<bad_input> syntax_rows() {
    return {
        {"bare LF line ends", "GET /things/1 HTTP/1.1\nHost: localhost\n\n", {400}},
        {"bare LF after a field", "GET /things/1 HTTP/1.1\r\nHost: localhost\n\r\n", {400}},
        {"bare CR in a value", get("/things/1", "X: a\rb\r\n"), {400}},
        {"CR line ends", "GET /things/1 HTTP/1.1\rHost: localhost\r\r", {400}},
        {"NUL in a value", get("/things/1", "X: a\0b\r\n"s), {400}},
        {"control character in a value", get("/things/1", "X: a\x01\r\n"), {400}},
        {"byte above ASCII in a name", get("/things/1", "X\x80: a\r\n"), {400}},
        {"bracket in a name", get("/things/1", "X[]: a\r\n"), {400}},
        {"no colon", get("/things/1", "hello\r\n"), {400}},
        {"empty name", get("/things/1", ": a\r\n"), {400}},
        {"space before the first field", "GET / HTTP/1.1\r\n Host: localhost\r\n\r\n", {400}},
        {"long URL", get("/" + std::string(100'000, 'a')), {414, 431}},
        {"URL just above the limit", get("/" + std::string(8 * 1024, 'a')), {414}},
        {"long value", get("/things/1", "X: " + std::string(100'000, 'a') + "\r\n"), {431}},
        {"ten thousand fields", get("/things/1", many_fields(10'000)), {431}},
        {"65 fields", get("/things/1", many_fields(64)), {431}},
        {"long method", with_line(std::string(100'000, 'A') + " / HTTP/1.1"), {400}},
        {"leading empty line", "\r\n" + get("/things/1"), {400}},
        {"TLS on the plain port", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, {400, 505}},
        {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}},
        {"HTTP/0.9", with_line("GET / HTTP/0.9"), {400}},
        {"no minor version", with_line("GET / HTTP/1"), {400}},
        {"lower-case protocol", with_line("GET / http/1.1"), {400}},
        {"padded version", with_line("GET / HTTP/01.01"), {400}},
        {"HTTP/1.2", with_line("GET / HTTP/1.2"), {505}},
        {"HTTP/2.0", with_line("GET / HTTP/2.0"), {505}},
        {"no version", with_line("GET /"), {400}},
        {"lower-case method", with_line("get / HTTP/1.1"), {501}},
        {"unknown method", with_line("FOO / HTTP/1.1"), {501}},
        {"method of 30 characters", with_line(std::string(30, 'M') + " / HTTP/1.1"), {501}},
        {"CONNECT", with_line("CONNECT localhost:80 HTTP/1.1"), {405}},
        {"TRACE", with_line("TRACE / HTTP/1.1"), {405}},
        {"unknown expectation", echo("Expect: x\r\nContent-Length: 5\r\n"), {417}},
        {"two Authorizations",
         get("/things/1", "Authorization: Bearer a\r\nAuthorization: Bearer a\r\n"),
         {400}},
    };
}

std::vector<bad_input> target_rows() {
    std::vector<bad_input> rows{
        {"asterisk with GET", with_line("GET * HTTP/1.1"), {400}},
        {"no slash", with_line("GET foo HTTP/1.1"), {400}},
        {"NUL", with_line("GET /a\0b HTTP/1.1"s), {400}},
        {"two spaces", with_line("GET  / HTTP/1.1"), {400}},
        {"tab", with_line("GET\t/ HTTP/1.1"), {400}},
        {"space in the target", with_line("GET /a b HTTP/1.1"), {400}},
        {"dot segment", get("/./"), {400, 404}, after::stays},
        {"no such path", get("/nothing/here"), {404}, after::stays},
        {"empty segment", get("/things/"), {404}, after::stays},
    };
    for (const std::string bad : {"/a#b",
                                  "/a\\b",
                                  "/\xc3\xa9",
                                  "/<",
                                  "/\"",
                                  "/^",
                                  "/`",
                                  "/{",
                                  "/|",
                                  "/}",
                                  "/%",
                                  "/%4",
                                  "/%zz",
                                  "/%00",
                                  "/%0d%0a",
                                  "/../../etc/passwd",
                                  "/static/..%5c..",
                                  "/a/%2e%2e/b",
                                  "//host/",
                                  "/a//b",
                                  "/things/1?x=%q"})
        rows.push_back({"target " + bad, get(bad), {400}});
    return rows;
}

std::vector<bad_input> content_rows() {
    const std::string head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n";
    return {
        {"PUT where only POST is served",
         "PUT /echo HTTP/1.1\r\nHost: localhost\r\n\r\n",
         {405},
         after::stays},
        {"body without Content-Type", head + "\r\n{}", {400}},
        {"text/plain", head + "Content-Type: text/plain\r\n\r\n{}", {400}},
        {"form", head + "Content-Type: application/x-www-form-urlencoded\r\n\r\n{}", {400}},
        {"gzip body",
         head + "Content-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n{}",
         {415}},
        {"cross-site by Sec-Fetch-Site",
         echo("Sec-Fetch-Site: cross-site\r\nContent-Length: 2\r\n", "{}"),
         {403}},
        {"same-site is not same-origin",
         echo("Sec-Fetch-Site: same-site\r\nContent-Length: 2\r\n", "{}"),
         {403}},
        {"cross-site by Origin",
         echo("Origin: http://evil.example\r\nContent-Length: 2\r\n", "{}"),
         {403}},
        {"Origin null", echo("Origin: null\r\nContent-Length: 2\r\n", "{}"), {403}},
        {"cross-site without body",
         "POST /echo HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n",
         {403},
         after::stays},
    };
}

std::vector<bad_input> all_rows() {
    std::vector<bad_input> all;
    for (auto part :
         {host_rows(), framing_rows(), chunk_rows(), syntax_rows(), target_rows(), content_rows()})
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

/// Sends a case in one piece or byte by byte, and looks at everything that must hold.
void try_row(test_server& server, const bad_input& row, bool in_pieces) {
    wire_client client(server.port());
    if (in_pieces) {
        for (const char& byte : row.bytes) {
            if (!client.send({&byte, 1})) break;
            server.settle();
        }
    } else {
        client.send(row.bytes);
    }
    const wire_answer answer = client.read_answer();
    EXPECT_TRUE(std::ranges::count(row.statuses, answer.status)) << answer.status;
    EXPECT_EQ(answer.field("Content-Type"), "application/openjobspec+json");
    EXPECT_TRUE(answer.body.starts_with("{\"error\":{\"code\":\"")) << answer.body;
    EXPECT_FALSE(answer.field("X-Request-Id").empty());
    EXPECT_EQ(answer.status == 405, !answer.field("Allow").empty());
    if (row.then == after::closes) {
        EXPECT_EQ(answer.field("Connection"), "close");
        EXPECT_TRUE(client.closes());
    } else {
        client.send(get("/things/next"));
        EXPECT_EQ(client.read_answer().body, "next");
    }
    EXPECT_TRUE(serves_a_good_request(server.port()));
}

TEST(BadInput, GetsItsAnswerAndTheNextRequestIsServed) {
    test_server server;
    for (const bad_input& row : all_rows()) {
        SCOPED_TRACE(row.name);
        try_row(server, row, false);
    }
    EXPECT_TRUE(server.wait_for_connections(0));
}

TEST(BadInput, GetsTheSameAnswerByteByByte) {
    http_config config;
    config.connections_per_address_max = 4;
    test_server server(config);
    for (const bad_input& row : all_rows()) {
        if (row.bytes.size() > 300) continue;
        // Nothing but a line end makes these wrong, and none comes.
        if (row.name == "TLS on the plain port" || row.name == "CR line ends") continue;
        SCOPED_TRACE(row.name);
        try_row(server, row, true);
    }
}

}  // namespace
}  // namespace sluice::http
