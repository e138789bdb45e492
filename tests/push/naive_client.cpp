#include "tests/push/naive_client.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <future>

namespace sluice::worker::push::test {

namespace {

int connect_to(std::uint16_t port, std::chrono::milliseconds patience) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{.tv_sec = patience.count() / 1000,
                        .tv_usec = patience.count() % 1000 * 1000};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return fd;
}

std::string field(const std::string& text, const std::string& name) {
    const auto at = text.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 4;
    return text.substr(begin, text.find("\r\n", begin) - begin);
}

}  // namespace

naive_reply naive_call(std::uint16_t port, const std::string& request,
                       std::chrono::milliseconds patience, std::size_t enough) {
    naive_reply out;
    const int fd = connect_to(port, patience);
    ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    std::array<char, 65536> buffer;
    const auto end = std::chrono::steady_clock::now() + patience;
    while (out.text.size() < enough && std::chrono::steady_clock::now() < end) {
        const auto n = ::recv(fd, buffer.data(), buffer.size(), 0);
        out.ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
        if (n <= 0) break;
        out.text.append(buffer.data(), static_cast<std::size_t>(n));
    }
    ::close(fd);
    if (out.text.starts_with("HTTP/") && out.text.find(' ') != std::string::npos)
        out.status =
            static_cast<unsigned>(std::strtoul(out.text.c_str() + out.text.find(' '), nullptr, 10));
    out.location = field(out.text, "Location");
    const auto head = out.text.find("\r\n\r\n");
    if (head != std::string::npos) out.body = out.text.substr(head + 4);
    return out;
}

void aside(boost::asio::io_context& context, const std::function<void()>& what) {
    auto done = std::async(std::launch::async, what);
    context.restart();
    while (done.wait_for(std::chrono::seconds{0}) != std::future_status::ready)
        context.run_one_for(std::chrono::milliseconds{10});
    done.get();
}

}  // namespace sluice::worker::push::test
