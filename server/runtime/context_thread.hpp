#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <functional>
#include <string>
#include <thread>

namespace sluice {

/// An io_context and the one thread that runs it until it is stopped, with work or without.
///
/// All calls on the thread that owns this.
class context_thread {
public:
    using fault_handler = std::function<void(std::exception_ptr)>;

    /// `name` shows up in ps and gdb; at most 15 bytes. `on_fault` gets what a handler throws, on
    /// the thread; the context runs on.
    context_thread(std::string name, fault_handler on_fault);
    /// Stops.
    ~context_thread();
    context_thread(const context_thread&) = delete;
    context_thread& operator=(const context_thread&) = delete;

    boost::asio::io_context& context() { return context_; }
    void start();
    /// Ends the thread after the handler it runs; what else is ready is left. Idempotent.
    void stop();

private:
    void run();

    std::string name_;
    fault_handler on_fault_;
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        context_.get_executor()};
    std::thread thread_;
};

}  // namespace sluice
