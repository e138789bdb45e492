#include "server/config/make_setting.hpp"

#include <algorithm>
#include <array>

/// The table itself, in the order in which it is shown.
namespace sluice::config {
namespace {

using hc = http::http_config;
using pc = worker::pool_config;

constexpr auto http_settings = std::to_array<setting>({
    make<listen_codec, &config::http>(
        {.key = "http.listen",
         .alias = "--listen",
         .doc = "Address and port to serve. Port 0 lets the system choose. An address that others "
                "can reach needs a token."}),
    make<count_codec, &config::http, &hc::io_threads>(
        {.key = "http.io_threads",
         .alias = "--io-threads",
         .least = 1,
         .most = 64,
         .doc = "Threads that serve connections. 1: the one that keeps the queues does it as well. "
                "More pay only on a machine with a processor for each of them and some to spare."}),
    make<list_codec, &config::http, &hc::allowed_hosts>(
        {.key = "http.allowed_hosts",
         .doc = "Host names accepted in requests beside localhost, the loopback addresses and the "
                "address served."}),
    make<boolean_codec, &config::http, &hc::insecure_no_auth>(
        {.key = "http.insecure_no_auth",
         .alias = "--insecure-no-auth",
         .doc = "Serve an address that others can reach without any token. Warns every minute."}),
    make<size_codec, &config::http, &hc::head_bytes_max>({.key = "http.head_bytes_max",
                                                          .least = kib,
                                                          .most = 64 * kib,
                                                          .doc = "Largest request head."}),
    make<size_codec, &config::http, &hc::buffer_bytes_max>(
        {.key = "http.buffer_bytes_max",
         .least = kib,
         .most = 64 * kib,
         .doc = "Read buffer of a connection; bounds chunk extensions and trailers too. At least "
                "head_bytes_max."}),
    make<count_codec, &config::http, &hc::fields_max>(
        {.key = "http.fields_max", .least = 8, .most = 1024, .doc = "Header fields of a request."}),
    make<size_codec, &config::http, &hc::target_bytes_max>({.key = "http.target_bytes_max",
                                                            .least = 128,
                                                            .most = 64 * kib,
                                                            .doc = "Longest request target."}),
    make<count_codec, &config::http, &hc::connections_max>({.key = "http.connections_max",
                                                            .least = 1,
                                                            .most = 1'000'000,
                                                            .doc = "Connections at one time."}),
    make<count_codec, &config::http, &hc::connections_per_address_max>(
        {.key = "http.connections_per_address_max",
         .least = 1,
         .most = 1'000'000,
         .doc = "Connections at one time from one address."}),
    make<size_codec, &config::http, &hc::body_bytes_in_flight_max>(
        {.key = "http.body_bytes_in_flight_max",
         .least = 8 * kib * kib,
         .doc = "Request bodies held in memory at one time, in all."}),
    make<count_codec, &config::http, &hc::pipeline_max>(
        {.key = "http.pipeline_max",
         .least = 1,
         .most = 1024,
         .doc = "Requests of one connection under way at one time; reading stops beyond."}),
    make<count_codec, &config::http, &hc::streams_max>(
        {.key = "http.streams_max", .most = 1'000'000, .doc = "Event streams at one time."}),
    make<duration_codec, &config::http, &hc::head_deadline>(
        {.key = "http.head_deadline",
         .least = 100,
         .most = hour,
         .doc = "Time for a whole request head, from its first byte or from the connection on."}),
    make<duration_codec, &config::http, &hc::body_idle_deadline>(
        {.key = "http.body_idle_deadline",
         .least = 100,
         .most = hour,
         .doc = "Longest pause within a request body."}),
    make<size_codec, &config::http, &hc::body_bytes_per_second_min>(
        {.key = "http.body_bytes_per_second_min",
         .doc = "Least average speed of a request body after its first 5 seconds."}),
    make<duration_codec, &config::http, &hc::write_deadline>(
        {.key = "http.write_deadline",
         .least = 100,
         .most = hour,
         .doc = "Longest time without progress while an answer is sent."}),
    make<duration_codec, &config::http, &hc::stream_stall_deadline>(
        {.key = "http.stream_stall_deadline",
         .least = 100,
         .most = hour,
         .doc = "Longest pause of a client that streams into the server; a blank line is enough."}),
    make<duration_codec, &config::http, &hc::keep_alive>(
        {.key = "http.keep_alive",
         .least = 100,
         .most = hour,
         .doc = "How long an idle connection is kept open."}),
});

using ec = engine_config;

constexpr auto engine_settings = std::to_array<setting>({
    make<durability_codec, &config::engine, &ec::durability>(
        {.key = "engine.durability",
         .doc = "What a new job has survived when its producer hears of it, unless the job says "
                "otherwise: a power cut, the end of the process, or nothing yet."}),
    make<duration_codec, &config::engine, &ec::visibility_timeout>(
        {.key = "engine.visibility_timeout",
         .least = 100,
         .most = 7 * day,
         .doc = "How long a worker may hold a job before others may take it. A heartbeat starts it "
                "anew. Jobs may carry their own."}),
    make<duration_codec, &config::engine, &ec::execution_timeout>(
        {.key = "engine.execution_timeout",
         .least = 100,
         .most = 7 * day,
         .doc = "How long one run may take, whatever heartbeats come. Counts as a failure."}),
    make<duration_codec, &config::engine, &ec::worker_silence>(
        {.key = "engine.worker_silence",
         .least = second,
         .most = day,
         .doc = "A worker that has sent heartbeats and then is silent for this long is taken for "
                "dead; its jobs go back."}),
    make<count_codec, &config::engine, &ec::interruptions_max>(
        {.key = "engine.interruptions_max",
         .most = 1000,
         .doc = "A job interrupted more often than this becomes a dead letter."}),
    make<duration_codec, &config::engine, &ec::retention_completed>(
        {.key = "engine.retention_completed",
         .least = hour,
         .most = 3650 * day,
         .doc = "How long completed jobs are kept, in whole hours."}),
    make<duration_codec, &config::engine, &ec::retention_discarded>(
        {.key = "engine.retention_discarded",
         .least = hour,
         .most = 3650 * day,
         .doc = "How long cancelled and discarded jobs are kept, in whole hours."}),
    make<duration_codec, &config::engine, &ec::retention_dead_letters>(
        {.key = "engine.retention_dead_letters",
         .most = 3650 * day,
         .doc = "How long dead letters are kept, in whole hours. 0: until they are removed."}),
    make<duration_codec, &config::engine, &ec::idempotency_window>(
        {.key = "engine.idempotency_window",
         .least = hour,
         .most = 30 * day,
         .doc = "How long an Idempotency-Key is remembered, in whole hours."}),
    make<count_codec, &config::engine, &ec::window_jobs>(
        {.key = "engine.window_jobs",
         .least = 16,
         .most = 1'000'000,
         .doc = "Waiting jobs of a queue kept in memory, near the head of each line."}),
    make<size_codec, &config::engine, &ec::window_bytes>(
        {.key = "engine.window_bytes",
         .least = kib * kib,
         .doc = "Memory for waiting jobs, in all."}),
    make<size_codec, &config::engine, &ec::uncommitted_bytes_max>(
        {.key = "engine.uncommitted_bytes_max",
         .least = 8 * kib * kib,
         .doc = "Data not yet durable at one time; beyond it new jobs are refused with 503."}),
    make<size_codec, &config::engine, &ec::job_log_bytes>(
        {.key = "engine.job_log_bytes",
         .least = 64 * kib,
         .doc = "What the log of one job may hold, over all its runs; further lines are dropped."}),
    make<count_codec, &config::engine, &ec::finished_cache>(
        {.key = "engine.finished_cache",
         .most = 1'000'000,
         .doc = "Finished jobs kept in memory for late questions."}),
    make<count_codec, &config::engine, &ec::events_max>(
        {.key = "engine.events_max",
         .least = 1,
         .most = 1'000'000,
         .doc = "Lifecycle events kept in memory."}),
});

using pu = worker::push::push_config;

constexpr auto push_settings = std::to_array<setting>({
    make<boolean_codec, &config::push, &pu::any_url>(
        {.key = "push.any_url",
         .doc = "Run jobs of type sluice.http, whose URL the producer chooses."}),
    make<list_codec, &config::push, &pu::allow>(
        {.key = "push.allow",
         .doc = "What requests may reach beside public addresses: blocks (\"10.1.0.0/16\"), "
                "addresses, host names, names with all below them (\"*.internal.example\")."}),
    make<text_codec, &config::push, &pu::ca_file>(
        {.key = "push.ca_file", .doc = "Certificates trusted beside the system's, as a PEM file."}),
    make<duration_codec, &config::push, &pu::connect_timeout>(
        {.key = "push.connect_timeout",
         .least = 1,
         .most = hour,
         .doc = "Time for looking a name up, connecting and TLS."}),
    make<duration_codec, &config::push, &pu::timeout>(
        {.key = "push.timeout",
         .least = 1,
         .most = hour,
         .doc = "Time for a whole exchange, from the look-up to the last byte of the answer. A "
                "job may carry its own."}),
    make<count_codec, &config::push, &pu::concurrency>(
        {.key = "push.concurrency",
         .most = 10'000,
         .doc = "Jobs of type sluice.http run at one time. 0: as many as there are workers."}),
    make<count_codec, &config::push, &pu::idle_connections_max>(
        {.key = "push.idle_connections_max",
         .most = 10'000,
         .doc = "Connections kept open for the next request, in all."}),
    make<duration_codec, &config::push, &pu::idle_timeout>(
        {.key = "push.idle_timeout",
         .least = 100,
         .most = hour,
         .doc = "How long a connection is kept open for the next request."}),
    make<text_codec, &config::push, &pu::secret_file>(
        {.key = "push.secret_file",
         .doc = "File whose first line is the secret (whsec_...) that signs jobs of type "
                "sluice.http which ask for it."}),
    make<text_codec, &config::push, &pu::previous_secret_file>(
        {.key = "push.previous_secret_file",
         .doc = "The secret before that one; while it is given, both sign."}),
});

constexpr auto other_settings = std::to_array<setting>({
    make<count_codec, &config::webhooks, &webhook_config::concurrency>(
        {.key = "webhooks.concurrency",
         .least = 1,
         .most = 10'000,
         .doc = "Deliveries of events at one time, over all subscriptions. One subscription has 8 "
                "of them at most."}),
    make<count_codec, &config::engine, &ec::webhook_backlog_max>(
        {.key = "webhooks.backlog_max",
         .least = 1,
         .most = 100'000'000,
         .doc =
             "Deliveries that have not ended; each subscription may have as many as are left free. "
             "Events beyond it are counted and not delivered. As many dead letters are kept."}),
    make<count_codec, &config::workers, &pc::concurrency>(
        {.key = "workers.concurrency",
         .alias = "--workers",
         .most = 10'000,
         .doc = "Jobs run at the same time by in-server workers that serve every queue. 0: none."}),
    make<pools_codec, &config::workers, &pc::queues>(
        {.key = "workers.queues",
         .doc = "Queues with in-server workers of their own, such as [\"emails=4\"]. The common "
                "workers leave them alone."}),
    make<count_codec, &config::workers, &pc::blocking_threads>(
        {.key = "workers.blocking_threads",
         .least = 1,
         .most = 1024,
         .doc =
             "Threads for each handler that blocks, and so the most runs of it at one time. They "
             "start with its first run."}),
    make<duration_codec, &config::workers, &pc::stall_warning>(
        {.key = "workers.stall_warning",
         .most = hour,
         .doc =
             "A handler that keeps the server's thread for longer is named in the log. 0: never."}),
    make<text_codec, &config::store, &store_config::directory>(
        {.key = "store.directory",
         .alias = "--data",
         .doc = "Directory of the journal. Made with mode 0700 when absent."}),
    make<size_codec, &config::store, &store_config::low_space_bytes>(
        {.key = "store.low_space_bytes",
         .doc =
             "Below this much free disk space, beside what the log will need in the database, new "
             "jobs are refused with 507 while all else goes on. 0: never."}),
    make<size_codec, &config::store, &store_config::reserve_bytes>(
        {.key = "store.reserve_bytes",
         .most = 16 * gib,
         .doc = "Disk space held back so that jobs can still finish when the disk is full."}),
    make<size_codec, &config::store, &store_config::log_bytes>(
        {.key = "store.log_bytes",
         .least = kib * kib,
         .most = 16 * gib,
         .doc = "The write-ahead log is moved into the database when it has grown to this. Its "
                "file has that size from the start, 64 MiB at most, where there is room."}),
    make<log_level_codec, &config::log, &log_config::level>(
        {.key = "log.level", .doc = "Least severity that is logged."}),
    make<log_form_codec, &config::log, &log_config::form>(
        {.key = "log.format",
         .doc = "Form of the log on standard error. auto: human on a terminal, JSON otherwise."}),
    make<duration_codec, &config::engine, &engine_config::slow_waiting>(
        {.key = "log.slow_waiting",
         .doc = "A run whose job had waited longer than this for its worker is logged when it "
                "ends. 0: none is."}),
    make<duration_codec, &config::engine, &engine_config::slow_running>(
        {.key = "log.slow_running",
         .doc = "A run that took longer than this is logged when it ends. 0: none is."}),
    make<duration_codec, &config::server, &server_config::drain_grace>(
        {.key = "server.drain_grace",
         .most = hour,
         .doc = "How long running handlers may go on after SIGTERM or SIGINT."}),
    make<boolean_codec, &config::server, &server_config::enable_reset>(
        {.key = "server.enable_reset",
         .alias = "--enable-reset",
         .doc = "POST /ojs/v1/admin/reset exists. It empties everything; for conformance runs."}),
});

template <std::size_t... N>
constexpr auto join(const std::array<setting, N>&... parts) {
    std::array<setting, (N + ...)> all{};
    auto out = all.begin();
    ((out = std::copy(parts.begin(), parts.end(), out)), ...);
    return all;
}

constexpr auto table = join(http_settings, engine_settings, push_settings, other_settings);

}  // namespace

std::span<const setting> all_settings() {
    return table;
}

}  // namespace sluice::config
