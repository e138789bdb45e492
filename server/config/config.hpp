#pragma once

#include "server/http/http_config.hpp"
#include "server/observe/log.hpp"
#include "server/queue/engine_config.hpp"
#include "server/worker/handlers/exec/exec_config.hpp"
#include "server/worker/handlers/http/push_config.hpp"
#include "server/worker/worker_pool.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// Every setting of the server in one struct. How they are called in a file, in the environment and
/// on the command line stands in setting_table.cpp, once.
namespace sluice::config {

enum class log_form : std::uint8_t { automatic, human, json };

/// Where and how the journal is kept.
struct store_config {
    std::string directory = "sluice-data";
    /// Below this much free space, beside what the log will need in the database, new jobs are
    /// refused while all else goes on. 0: never.
    std::uint64_t low_space_bytes = std::uint64_t{64} << 20;
    /// Held back on disk, so that acks still fit when the disk is full.
    std::uint64_t reserve_bytes = std::uint64_t{8} << 20;
    /// The write-ahead log is moved into the database when it has grown to this.
    std::uint64_t log_bytes = std::uint64_t{16} << 20;
};

struct log_config {
    log_level level = log_level::info;
    log_form form = log_form::automatic;  ///< automatic: human on a terminal, JSON otherwise
};

struct server_config {
    /// How long running handlers get to finish after the first SIGTERM or SIGINT.
    std::chrono::milliseconds drain_grace = std::chrono::seconds{25};
    bool enable_reset = false;  ///< POST /ojs/v1/admin/reset exists; it empties everything
};

/// Delivery of events to subscriptions.
struct webhook_config {
    std::size_t concurrency = 32;  ///< deliveries at one time, over all subscriptions
};

struct config {
    http::http_config http;
    engine_config engine;
    worker::pool_config workers;
    worker::exec_config exec;  ///< from a file only; not in the table of settings
    worker::push::push_config push;
    webhook_config webhooks;
    store_config store;
    log_config log;
    server_config server;
};

/// Everything that is wrong with the settings, each as a sentence that names the setting. Empty
/// when they can be served.
std::vector<std::string> validate(const config& settings);

/// Whether the address to listen on can be reached from this machine only.
bool is_loopback(const http::http_config& http);

}  // namespace sluice::config
