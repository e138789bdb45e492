#include "naive.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace sluice::process::test {

naive_command::naive_command(std::vector<std::string> argv, bool own_session) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    output_ = ends[0];
    std::vector<char*> pointers;
    for (auto& each : argv) pointers.push_back(each.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions{};
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawnattr_t attributes{};
    ::posix_spawnattr_init(&attributes);
    if (own_session) ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    const int failed =
        ::posix_spawn(&pid_, argv[0].c_str(), &actions, &attributes, pointers.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (failed != 0) throw std::runtime_error("posix_spawn");
}

naive_command::~naive_command() {
    if (!waited_) {
        ::kill(pid_, SIGKILL);
        wait();
    }
    ::close(output_);
}

std::string naive_command::line() {
    std::string text;
    char byte = 0;
    while (::read(output_, &byte, 1) == 1 && byte != '\n') text += byte;
    return text;
}

std::vector<int> naive_command::pids(std::size_t count) {
    std::vector<int> all;
    while (all.size() < count) {
        const auto text = line();
        if (!text.starts_with("pid ")) throw std::runtime_error("no pid but: " + text);
        all.push_back(std::atoi(text.c_str() + 4));
    }
    return all;
}

std::string naive_command::rest() {
    std::string text;
    std::array<char, 65536> buffer;
    for (;;) {
        const auto n = ::read(output_, buffer.data(), buffer.size());
        if (n <= 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(n));
    }
}

bool naive_command::output_has_ended() const {
    pollfd on{.fd = output_, .events = POLLIN, .revents = 0};
    return ::poll(&on, 1, 0) == 1 && (on.revents & POLLHUP) != 0;
}

int naive_command::wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    waited_ = true;
    return status;
}

void clean_up(const std::vector<int>& pids) {
    for (const int pid : pids) ::kill(pid, SIGKILL);
}

}  // namespace sluice::process::test
