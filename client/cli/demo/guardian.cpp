#include "client/cli/demo/guardian.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>

namespace sluice::cli {
namespace {

constexpr int ready_ms = 30'000;
constexpr auto term_to_kill = std::chrono::seconds{10};

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> all;
    all.reserve(texts.size() + 1);
    for (const auto& text : texts) all.push_back(const_cast<char*>(text.c_str()));
    all.push_back(nullptr);
    return all;
}

void wire(int descriptor, int as) {
    if (descriptor >= 0) dup2(descriptor, as);
}

[[noreturn]] void become(const guarded_program& program, int output, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) std::signal(number, SIG_DFL);
    wire(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
    wire(output, 1);
    wire(open(program.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), 2);
    const auto argv = pointers_to(program.argv);
    const auto environment = pointers_to(program.environment);
    execve(argv[0], argv.data(), environment.data());
    _exit(127);
}

/// SIGCHLD is blocked, so that its arrival can be waited for.
void end_child(pid_t child) {
    kill(child, SIGTERM);
    sigset_t child_ended;
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    const auto deadline = std::chrono::steady_clock::now() + term_to_kill;
    while (waitpid(child, nullptr, WNOHANG) == 0) {
        const auto left =
            std::chrono::ceil<std::chrono::seconds>(deadline - std::chrono::steady_clock::now());
        const timespec pause{left.count(), 0};
        if (left.count() > 0 &&
            (sigtimedwait(&child_ended, nullptr, &pause) >= 0 || errno == EINTR))
            continue;
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        return;
    }
}

[[noreturn]] void guard(const guarded_program& program, int lifeline, int output) {
    setpgid(0, 0);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) std::signal(number, SIG_IGN);
    sigset_t child_ended;
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ended, nullptr);
    const pid_t self = getpid();
    const pid_t child = fork();
    if (child == 0) become(program, output, self);
    close(output);
    // Whoever reads what we wrote to must see an end, whatever we still do.
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int descriptor : {0, 1, 2}) wire(nothing, descriptor);
    char ignored = 0;
    while (child > 0) {
        const auto got = read(lifeline, &ignored, 1);
        if (got == 0 || (got < 0 && errno != EINTR)) break;
    }
    if (child > 0) end_child(child);
    std::error_code left_behind;
    std::filesystem::remove_all(program.directory, left_behind);
    _exit(left_behind ? 1 : 0);
}

}  // namespace

held_signals::held_signals() {
    sigset_t held;
    sigemptyset(&held);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&held, number);
    sigprocmask(SIG_BLOCK, &held, &before_);
}

held_signals::~held_signals() {
    sigprocmask(SIG_SETMASK, &before_, nullptr);
}

bool guardian::start(const guarded_program& program) {
    std::array<int, 2> life{-1, -1};
    std::array<int, 2> out{-1, -1};
    if (pipe2(life.data(), O_CLOEXEC) != 0) return false;
    if (pipe2(out.data(), O_CLOEXEC) != 0) {
        close(life[0]);
        close(life[1]);
        return false;
    }
    const held_signals held;
    process_ = fork();
    if (process_ == 0) {
        close(life[1]);
        close(out[0]);
        guard(program, life[0], out[1]);
    }
    close(life[0]);
    close(out[1]);
    lifeline_ = life[1];
    output_ = out[0];
    directory_ = program.directory;
    return process_ > 0;
}

std::string guardian::first_line() {
    std::string line;
    for (;;) {
        pollfd ready{output_, POLLIN, 0};
        const int polled = poll(&ready, 1, ready_ms);
        if (polled < 0 && errno == EINTR) continue;
        char c = 0;
        if (polled <= 0 || read(output_, &c, 1) != 1) return {};
        if (c == '\n') return line;
        line += c;
    }
}

void guardian::stop() {
    if (lifeline_ >= 0) close(lifeline_);
    if (process_ > 0) {
        while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) continue;
        std::error_code gone;  // unless somebody killed the guardian
        std::filesystem::remove_all(directory_, gone);
    }
    if (output_ >= 0) close(output_);
    lifeline_ = output_ = -1;
    process_ = -1;
}

}  // namespace sluice::cli
