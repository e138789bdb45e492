#include "server/runtime/context_thread.hpp"

#include <pthread.h>

#include <utility>

namespace sluice {

context_thread::context_thread(std::string name, fault_handler on_fault)
    : name_(std::move(name)), on_fault_(std::move(on_fault)) {}

context_thread::~context_thread() {
    stop();
}

void context_thread::start() {
    thread_ = std::thread([this] { run(); });
}

void context_thread::stop() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
}

void context_thread::run() {
    pthread_setname_np(pthread_self(), name_.c_str());
    while (!context_.stopped()) {
        try {
            context_.run();
        } catch (...) {
            on_fault_(std::current_exception());
        }
    }
}

}  // namespace sluice
