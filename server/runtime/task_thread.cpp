#include "server/runtime/task_thread.hpp"

#include <pthread.h>

namespace sluice {

task_thread::task_thread(const std::string& name, fault_handler on_fault)
    : on_fault_(std::move(on_fault)), thread_([this] { run(); }) {
    pthread_setname_np(thread_.native_handle(), name.c_str());
}

task_thread::~task_thread() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void task_thread::enqueue(std::unique_ptr<task_base> work) {
    {
        const std::lock_guard lock(mutex_);
        queue_.push_back(std::move(work));
    }
    changed_.notify_one();
}

void task_thread::run() {
    std::vector<std::unique_ptr<task_base>> batch;
    while (true) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;
            batch.swap(queue_);
        }
        for (auto& work : batch) {
            try {
                work->run();
            } catch (...) {
                on_fault_(std::current_exception());
            }
            work.reset();  // what it holds goes before the next one runs
        }
        batch.clear();
    }
}

}  // namespace sluice
