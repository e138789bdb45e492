#pragma once

#include "client/connection.hpp"
#include "client/messages.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::client {

struct job_filter {
    std::string state;  ///< empty: all
    std::string queue;
    std::string type;
    std::size_t limit = 50;
    std::string after;  ///< `job_list::next` of the page before
};

struct event_filter {
    std::vector<std::string> types;   ///< empty: all
    std::vector<std::string> queues;  ///< empty: all
    std::optional<std::uint64_t> after;
    std::chrono::milliseconds wait{0};
    std::size_t limit = 100;
};

/// Typed calls over one kept connection: one call at a time, on one executor. Arguments are taken
/// by value. Every error is a value (`failure`).
class client {
public:
    client(asio::any_io_executor executor, settings with);

    /// Returns when the job is durable. With an `idempotency_key` a repeat after a lost answer
    /// stores it once only.
    asio::awaitable<outcome<job_info>> push(new_job job, std::string idempotency_key = {});
    /// All are stored, or none.
    asio::awaitable<outcome<std::vector<job_info>>> push_batch(std::vector<new_job> jobs,
                                                               std::string idempotency_key = {});

    asio::awaitable<outcome<job_info>> get(std::string id);
    /// Answers when the job has ended, or with its state after `wait` (at most 60 s).
    asio::awaitable<outcome<job_info>> wait(std::string id, std::chrono::seconds wait);
    asio::awaitable<outcome<job_info>> cancel(std::string id);
    asio::awaitable<outcome<job_list>> list(job_filter filter);

    asio::awaitable<outcome<std::vector<queue_info>>> queues();
    asio::awaitable<outcome<queue_info>> queue(std::string name);

    asio::awaitable<outcome<job_list>> dead_letters(job_filter filter);
    asio::awaitable<outcome<job_info>> retry_dead_letter(std::string id);
    asio::awaitable<outcome<bool>> delete_dead_letter(std::string id);

    asio::awaitable<outcome<event_list>> events(event_filter filter);

    /// How the server feels; a server that is not well is no failure.
    asio::awaitable<outcome<health_info>> health();
    /// Whether it takes work now.
    asio::awaitable<outcome<health_info>> ready();

    /// Ends the call under way, and all later ones.
    void close() { connection_.close(); }

private:
    asio::awaitable<outcome<reply>> ask(call request);

    connection connection_;
};

}  // namespace sluice::client
