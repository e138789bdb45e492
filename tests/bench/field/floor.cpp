// What the machine can do at all: a round trip over the loopback interface, and a write to its
// disk.

#include "tests/bench/field/work.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace sluice::bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using steady = std::chrono::steady_clock;

sample rate_of(double count, steady::time_point begun) {
    sample found;
    found.jobs = count;
    found.value = count / std::chrono::duration<double>(steady::now() - begun).count();
    return found;
}

/// Blocks of 4 KiB one after the other, each synced. `filled` when the file has its blocks already,
/// so that the file system has no size to write down.
sample write_and_sync(const std::filesystem::path& directory, bool filled, const effort& with) {
    const auto file = directory / "floor";
    const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) throw std::runtime_error("no file for the floor");
    const std::array<char, 4096> block{};
    constexpr int blocks = 16384;
    for (int i = 0; filled && i < blocks; ++i)
        if (write(fd, block.data(), block.size()) < 0) throw std::runtime_error("the disk is full");
    fsync(fd);
    lseek(fd, 0, SEEK_SET);
    double count = 0;
    const auto begun = steady::now();
    for (; steady::now() < begun + with.duration; ++count)
        if (write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size()) ||
            fdatasync(fd) != 0)
            throw std::runtime_error("the disk does not take the floor");
    const auto found = rate_of(count, begun);
    close(fd);
    std::filesystem::remove(file);
    return found;
}

}  // namespace

void serve_echo(std::uint16_t port) {
    asio::io_context context(1);
    tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), port));
    for (;;) {
        tcp::socket socket(context);
        acceptor.accept(socket);
        socket.set_option(tcp::no_delay(true));
        std::array<char, 4096> some{};
        boost::system::error_code ec;
        for (std::size_t size = 0; !ec;) {
            size = socket.read_some(asio::buffer(some), ec);
            if (!ec) asio::write(socket, asio::buffer(some.data(), size), ec);
        }
    }
}

std::unique_ptr<host> echo_host(const std::filesystem::path& directory) {
    const auto start = [directory](std::uint16_t port) {
        const auto where = own_directory(directory, "echo");
        return std::make_unique<process>(
            std::vector<std::string>{"/proc/self/exe", "--serve-echo", std::to_string(port)}, port,
            where / "log");
    };
    return std::make_unique<host>("echo", start);
}

work floor_of_machine(const std::filesystem::path& directory, host& echo) {
    work all{"floor", "what the machine can do", "jobs/s", {}};
    all.contestants.push_back(
        {"100 bytes and back, 1 connection", "", promise::memory, &echo, [] {},
         [&echo](const effort& with) {
             protocol bounce;
             bounce.request = job_payload;
             bounce.answer = [](std::string_view text) {
                 return text.size() < 100 ? 0 : text.size();
             };
             const auto begun = steady::now();
             const auto rate = closed_loop(echo.port(), bounce, 1, with.duration);
             return rate_of(rate * std::chrono::duration<double>(steady::now() - begun).count(),
                            begun);
         }});
    all.contestants.push_back(
        {"4 KiB appended and synced", "", promise::synced, nullptr, [] {},
         [directory](const effort& with) { return write_and_sync(directory, false, with); }});
    all.contestants.push_back(
        {"4 KiB overwritten and synced", "", promise::synced, nullptr, [] {},
         [directory](const effort& with) { return write_and_sync(directory, true, with); }});
    return all;
}

}  // namespace sluice::bench
