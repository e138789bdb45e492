#pragma once

#include "tests/bench/field/flow.hpp"
#include "tests/bench/load.hpp"
#include "tests/bench/process.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::bench {

/// What a producer can rely on once it has its answer.
enum class promise {
    synced,   // a power cut keeps the job
    written,  // the end of the process keeps it, a power cut may take it
    memory,   // neither
};

/// A server of the comparison. While another one is measured it is stopped with SIGSTOP, it and all
/// its descendants: some use processor time with nothing to do.
class host {
public:
    using starter = std::function<std::unique_ptr<process>(std::uint16_t port)>;

    /// A server that starts slowly is started once, and ended with `end_signal` because it leaves
    /// something behind when it is killed.
    struct slow {
        int end_signal;
    };
    host(std::string name, starter start, std::optional<slow> how = std::nullopt);
    ~host();
    host(const host&) = delete;
    host& operator=(const host&) = delete;

    /// Starts it when it does not run yet, or lets it go on. Throws when it cannot be started, then
    /// and every time after.
    void resume();
    void suspend();
    /// The next start is that of an empty server, unless it starts slowly.
    void renew();

    const std::string& name() const { return name_; }
    std::uint16_t port() const { return port_; }
    const process& running() const { return *running_; }

private:
    std::string name_;
    starter start_;
    std::optional<slow> slow_;
    std::uint16_t port_ = 0;
    std::unique_ptr<process> running_;
    bool suspended_ = false;
    std::string fault_;
};

/// How a batch is stored and taken, in a word or two.
struct batch_ways {
    std::string put, take;
};

/// One peer in one setting, and how to speak to it. What `put` and `take` return is for one
/// connection each.
class peer {
public:
    virtual ~peer() = default;
    virtual std::string name() const = 0;
    virtual promise promises() const = 0;
    virtual host& server() = 0;
    /// An empty queue, before each measurement.
    virtual void fresh() = 0;
    /// Requests that store `batch` jobs. `prompt` when a worker that waits must hear of each job
    /// at once: for peers where that costs the producer something.
    virtual protocol put(std::size_t batch, bool prompt) = 0;
    /// A worker that has up to `batch` jobs at a time. Its answer for them and its wish for more go
    /// out together.
    virtual taker take(std::size_t batch, bool prompt) = 0;
    virtual batch_ways ways() const = 0;
};

using peer_list = std::vector<std::unique_ptr<peer>>;

/// Where the servers keep their data, each in a directory of its own below it.
using data_root = std::filesystem::path;

/// Each adds the settings of one server that are measured, the synced ones first.
void add_redis(peer_list& to, const data_root& root);
void add_beanstalkd(peer_list& to, const data_root& root);
void add_postgres(peer_list& to, const data_root& root);
void add_rabbitmq(peer_list& to, const data_root& root);
void add_nats(peer_list& to, const data_root& root);

/// A directory of this server's own, empty; owned by `user` when we are root.
std::filesystem::path own_directory(const data_root& root, const std::string& name,
                                    const std::string& user = "");
/// `argv` run as `user` when we are root, for servers that refuse to be root.
std::vector<std::string> as_user(const std::string& user, std::vector<std::string> argv);

/// Says each of these to the server, one after the other, on one connection.
void say(std::uint16_t port, std::vector<exchange> what);

}  // namespace sluice::bench
