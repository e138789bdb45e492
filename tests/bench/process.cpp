#include "tests/bench/process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace sluice::bench {
namespace {

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

bool accepts(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const auto address = loopback(port);
    const bool ok = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    return ok;
}

/// What /proc/PID/stat says; times in ticks of the clock.
struct usage {
    pid_t parent = 0;
    double user = 0;
    double system = 0;
    double user_of_ended = 0;
    double system_of_ended = 0;
};

usage usage_of(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    usage used;
    if (!std::getline(stat, line)) return used;
    std::istringstream fields(line.substr(line.rfind(')') + 2));
    std::string skipped;
    fields >> skipped >> used.parent;
    for (int i = 0; i < 9; ++i) fields >> skipped;
    fields >> used.user >> used.system >> used.user_of_ended >> used.system_of_ended;
    return used;
}

}  // namespace

std::vector<pid_t> process_tree(pid_t root) {
    std::multimap<pid_t, pid_t> children;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const auto pid = static_cast<pid_t>(std::stol(name));
        children.emplace(usage_of(pid).parent, pid);
    }
    std::vector<pid_t> all{root};
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto [begin, end] = children.equal_range(all[i]);
        for (auto it = begin; it != end; ++it) all.push_back(it->second);
    }
    return all;
}

std::uint16_t free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    auto address = loopback(0);
    socklen_t size = sizeof address;
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::runtime_error("no free port");
    close(fd);
    return ntohs(address.sin_port);
}

process::process(const std::vector<std::string>& argv, std::uint16_t port,
                 const std::string& log_file) {
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ == 0) {
        setpgid(0, 0);
        const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        std::vector<char*> arguments;
        for (const auto& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
        arguments.push_back(nullptr);
        execvp(arguments[0], arguments.data());
        _exit(127);
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!accepts(port)) {
        if (waitpid(pid_, nullptr, WNOHANG) == pid_ ||
            std::chrono::steady_clock::now() > deadline) {
            kill(pid_, SIGKILL);
            throw std::runtime_error(argv.front() + " does not answer; see " + log_file);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
}

process::~process() {
    signal_tree(SIGKILL);
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

void process::signal_tree(int number) const {
    for (const auto pid : process_tree(pid_)) kill(pid, number);
}

void process::end_with(int number) {
    signal_tree(SIGCONT);
    kill(pid_, number);
    for (int i = 0; i < 1000; ++i) {
        siginfo_t ended{};
        if (waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
            ended.si_pid == pid_)
            return;
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
}

double process::cpu_seconds() const {
    const auto used = usage_of(pid_);
    return (used.user + used.system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double process::tree_cpu_seconds() const {
    double ticks = 0;
    for (const auto pid : process_tree(pid_)) {
        const auto used = usage_of(pid);
        ticks += used.user + used.system + used.user_of_ended + used.system_of_ended;
    }
    return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::uint64_t process::resident_kib() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    std::string word;
    while (status >> word)
        if (word == "VmRSS:") break;
    std::uint64_t kib = 0;
    status >> kib;
    return kib;
}

}  // namespace sluice::bench
