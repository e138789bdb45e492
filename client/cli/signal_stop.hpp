#pragma once

#include "client/worker.hpp"

#include <csignal>

namespace sluice::cli {

/// SIGINT and SIGTERM stop the worker for as long as this lives. One at a time in the process.
class signal_stop {
public:
    explicit signal_stop(client::worker& worker);
    ~signal_stop();
    signal_stop(const signal_stop&) = delete;
    signal_stop& operator=(const signal_stop&) = delete;

    /// Whether one of them has come.
    bool came() const;

private:
    struct sigaction before_int_ {};
    struct sigaction before_term_ {};
};

}  // namespace sluice::cli
