#include "client/cli/signal_stop.hpp"

#include <atomic>

namespace sluice::cli {
namespace {

std::atomic<client::worker*> signalled{nullptr};
std::atomic<bool> has_come{false};

void stop_on_signal(int) {
    has_come = true;
    if (auto* worker = signalled.load()) worker->stop();
}

}  // namespace

signal_stop::signal_stop(client::worker& worker) {
    has_come = false;
    signalled = &worker;
    struct sigaction act {};
    act.sa_handler = stop_on_signal;
    act.sa_flags = SA_RESTART;
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, &before_int_);
    sigaction(SIGTERM, &act, &before_term_);
}

signal_stop::~signal_stop() {
    sigaction(SIGINT, &before_int_, nullptr);
    sigaction(SIGTERM, &before_term_, nullptr);
    signalled = nullptr;
}

bool signal_stop::came() const {
    return has_come;
}

}  // namespace sluice::cli
