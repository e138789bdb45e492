#include "tests/push/abuses.hpp"

#include <string>
#include <string_view>

namespace sluice::worker::push::test {

using namespace std::chrono_literals;

namespace {

using ending = script::ending;

std::string repeated(std::string_view text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += text;
    return out;
}

}  // namespace

std::vector<abuse> abuses() {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    return {
        {"closes", {.end = ending::close}, "connection_lost", naive_fault::ends_too},
        {"resets", {.end = ending::reset}, "connection_lost", naive_fault::ends_too},
        {"resets in the body",
         {.raw = ok + "Content-Length: 99\r\n\r\nabc", .end = ending::reset},
         "connection_lost",
         naive_fault::believes_it},
        {"resets where the end of the connection would end the body",
         {.raw = ok + "\r\nabc", .end = ending::reset},
         "connection_lost",
         naive_fault::believes_it},
        {"never answers", {.end = ending::hang}, "timed_out", naive_fault::waits_on},
        {"stops in the head",
         {.raw = ok + "X: ", .end = ending::hang},
         "timed_out",
         naive_fault::waits_on},
        {"trickles",
         {.raw = ok + repeated("X: y\r\n", 999), .pause = 20ms},
         "timed_out",
         naive_fault::waits_on},
        {"trickles the body",
         {.raw = ok + "Content-Length: 999999\r\n\r\n" + std::string(9999, 'x'), .pause = 20ms},
         "timed_out",
         naive_fault::waits_on},
        {"heads without end",
         {.raw = ok, .repeat = "X: y\r\n"},
         "bad_response",
         naive_fault::reads_on},
        {"a line of 64 KiB",
         {.raw = ok + "X: " + std::string(65536, 'a') + "\r\n\r\n"},
         "bad_response",
         naive_fault::reads_on},
        {"not HTTP",
         {.raw = "hello, I am no HTTP\r\n", .end = ending::close},
         "bad_response",
         naive_fault::takes_text},
        {"HTTP/0.9",
         {.raw = "<html>hi</html>\n", .end = ending::close},
         "bad_response",
         naive_fault::takes_text},
        {"HTTP/2",
         {.raw = "HTTP/2 200 OK\r\n\r\n", .end = ending::close},
         "bad_response",
         naive_fault::believes_it},
        {"a length too long",
         {.raw = ok + "Content-Length: 9\r\n\r\nabc", .end = ending::close},
         "connection_lost",
         naive_fault::believes_it},
        {"a negative length",
         {.raw = ok + "Content-Length: -1\r\n\r\n"},
         "bad_response",
         naive_fault::believes_it},
        {"two lengths",
         {.raw = ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"},
         "bad_response",
         naive_fault::believes_it},
        {"interim answers without end",
         {.repeat = "HTTP/1.1 100 Continue\r\n\r\n"},
         "bad_response",
         naive_fault::reads_on},
        {"an upgrade",
         {.raw = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"},
         "bad_response",
         naive_fault::believes_it},
        {"garbage for a chunk",
         {.raw = chunked + "zz\r\nabc\r\n"},
         "bad_response",
         naive_fault::believes_it},
        {"a chunk that spills",
         {.raw = chunked + "2\r\nabc\r\n0\r\n\r\n"},
         "bad_response",
         naive_fault::believes_it},
        {"a chunk extension without end",
         {.raw = chunked + "1;", .repeat = repeated("x", 4096)},
         "bad_response",
         naive_fault::reads_on},
        {"trailers without end",
         {.raw = chunked + "0\r\n", .repeat = "X: y\r\n"},
         "bad_response",
         naive_fault::reads_on},
        {"a redirect to a private address",
         {.raw = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n"
                 "Content-Length: 0\r\n\r\n"},
         "redirect_refused",
         naive_fault::has_location},
    };
}

}  // namespace sluice::worker::push::test
