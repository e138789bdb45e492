#pragma once

#include "client/connection.hpp"
#include "client/cron_messages.hpp"
#include "client/messages.hpp"
#include "client/redrive_messages.hpp"
#include "client/work_messages.hpp"

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

struct log_filter {
    std::uint64_t after = 0;  ///< only lines with a larger number
    std::size_t limit = 1000;
    std::chrono::milliseconds wait{0};  ///< for the first one; at most 60 s
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
    /// What a job has logged, oldest line first.
    asio::awaitable<outcome<log_lines>> log(std::string id, log_filter filter);

    asio::awaitable<outcome<std::vector<queue_info>>> queues();
    asio::awaitable<outcome<queue_info>> queue(std::string name);
    /// A paused queue takes jobs and gives none out. It need not hold any yet.
    asio::awaitable<outcome<queue_info>> pause_queue(std::string name);
    asio::awaitable<outcome<queue_info>> resume_queue(std::string name);
    asio::awaitable<outcome<queue_settings>> set_queue(std::string name, queue_change change);
    /// Jobs that have ended are deleted, others cancelled, some thousands of each at a time.
    asio::awaitable<outcome<purge_info>> purge_queue(purge_order order);

    /// Registers a cron job, or changes the one of this name.
    asio::awaitable<outcome<cron_info>> set_cron(new_cron cron);
    asio::awaitable<outcome<cron_info>> cron(std::string name);
    /// With `enabled` only those that are, or are not.
    asio::awaitable<outcome<cron_list>> crons(std::optional<bool> enabled = {});
    asio::awaitable<outcome<cron_info>> enable_cron(std::string name, bool enabled);
    /// The jobs it has made stay.
    asio::awaitable<outcome<cron_info>> delete_cron(std::string name);
    asio::awaitable<outcome<cron_preview>> preview_cron(std::string name, std::size_t count);

    asio::awaitable<outcome<job_list>> dead_letters(job_filter filter);
    asio::awaitable<outcome<job_info>> retry_dead_letter(std::string id);
    asio::awaitable<outcome<bool>> delete_dead_letter(std::string id);

    /// Sent again after a lost answer it would begin a second one, so it is not.
    asio::awaitable<outcome<redrive_info>> begin_redrive(new_redrive redrive);
    asio::awaitable<outcome<redrive_info>> redrive(std::string id);
    asio::awaitable<outcome<redrive_list>> redrives();
    asio::awaitable<outcome<redrive_info>> cancel_redrive(std::string id);

    asio::awaitable<outcome<event_list>> events(event_filter filter);

    /// Leases jobs, waiting for the first as long as the order says. After a lost answer, jobs may
    /// be leased that nobody knows of until their visibility timeout has passed.
    asio::awaitable<outcome<job_list>> fetch(fetch_order order);
    /// Answers for a run: an ack when it was completed, else a nack. Sending it again with the same
    /// lease changes nothing and is answered in the same way.
    asio::awaitable<outcome<answer_info>> answer(lease_name lease, std::string worker_id,
                                                 job_outcome how,
                                                 std::optional<fetch_order> fetch = {});
    asio::awaitable<outcome<beat_info>> heartbeat(beat_order order);
    asio::awaitable<outcome<bool>> report_progress(lease_name lease, std::string worker_id,
                                                   progress_report report);
    asio::awaitable<outcome<bool>> append_log(lease_name lease, std::string worker_id,
                                              std::vector<log_text> lines);

    /// How the server feels; a server that is not well is no failure.
    asio::awaitable<outcome<health_info>> health();
    /// Whether it takes work now.
    asio::awaitable<outcome<health_info>> ready();

    /// Ends the call under way, and all later ones.
    void close() { connection_.close(); }
    /// How long an answer may take, from the next call on.
    void set_timeout(std::chrono::milliseconds timeout) { connection_.set_timeout(timeout); }
    /// Asks for the answer to a waiting call now; see connection::hurry.
    void hurry() { connection_.hurry(); }

private:
    asio::awaitable<outcome<reply>> ask(call request);

    connection connection_;
};

}  // namespace sluice::client
