#pragma once

#include "server/worker/handler.hpp"

#include <boost/asio/thread_pool.hpp>

#include <algorithm>
#include <cstddef>
#include <map>

namespace sluice::worker {

/// Threads for handlers that block. Each handler has its own, as many as it may have runs: none of
/// them waits for a thread that another one holds. They are made with its first run. On the
/// worker's executor; the destructor waits for what runs.
class blocking_threads {
public:
    /// `most`: for one handler.
    explicit blocking_threads(std::size_t most) : most_(std::max<std::size_t>(most, 1)) {}

    boost::asio::thread_pool& of(const registered_handler& how) {
        return pools_.try_emplace(&how, limit_of(how, most_)).first->second;
    }

private:
    const std::size_t most_;
    std::map<const registered_handler*, boost::asio::thread_pool> pools_;
};

}  // namespace sluice::worker
