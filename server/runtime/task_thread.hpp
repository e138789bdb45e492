#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sluice {

/// One thread that runs what is posted to it, in order. For work that blocks and belongs together,
/// such as all reads of one database connection.
class task_thread {
public:
    using fault_handler = std::function<void(std::exception_ptr)>;

    /// `name` shows up in ps and gdb; at most 15 bytes. `on_fault` gets what a task throws, on the
    /// thread; the next task runs all the same.
    task_thread(const std::string& name, fault_handler on_fault);

    /// Runs what is still queued, then ends the thread.
    ~task_thread();
    task_thread(const task_thread&) = delete;
    task_thread& operator=(const task_thread&) = delete;

    /// From any thread, the task thread included. `work` is called once; it may be move-only.
    template <class F>
    void post(F work) {
        enqueue(std::make_unique<task<F>>(std::move(work)));
    }

private:
    struct task_base {
        virtual ~task_base() = default;
        virtual void run() = 0;
    };
    template <class F>
    struct task final : task_base {
        explicit task(F f) : work(std::move(f)) {}
        void run() override { work(); }
        F work;
    };

    void enqueue(std::unique_ptr<task_base> work);
    void run();

    fault_handler on_fault_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::unique_ptr<task_base>> queue_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace sluice
