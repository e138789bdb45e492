#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Limits of the wire. All are enforced where a request is decoded; what goes beyond them is
/// refused with a clear error and nothing is stored.
namespace sluice::limits {

inline constexpr std::size_t body_bytes_max = 1024 * 1024;  ///< one request
inline constexpr std::size_t batch_body_bytes_max =
    8 * 1024 * 1024;  ///< POST /jobs/batch, /workers/batch
inline constexpr std::size_t batch_jobs_max = 1000;
inline constexpr std::size_t json_depth_max = 64;
inline constexpr std::size_t type_bytes_max = 255;
inline constexpr std::size_t queue_bytes_max = 128;
inline constexpr std::size_t worker_id_bytes_max = 255;
inline constexpr std::size_t idempotency_key_bytes_max = 255;
inline constexpr std::size_t fetch_count_max = 1000;  ///< larger counts are clamped
inline constexpr std::size_t fetch_queues_max = 256;
inline constexpr std::size_t fetch_types_max = 256;
inline constexpr std::size_t fetch_id_bytes_max = 64;
inline constexpr std::size_t tags_max = 64;
inline constexpr std::size_t tag_bytes_max = 255;
inline constexpr std::size_t schema_bytes_max = 2048;
inline constexpr std::size_t extra_members_max = 64;  ///< unknown ones of one object, kept
inline constexpr std::size_t non_retryable_errors_max = 64;
inline constexpr std::size_t heartbeat_jobs_max = 10'000;
inline constexpr std::size_t error_type_bytes_max = 255;  ///< longer ones are cut, as are codes
inline constexpr std::size_t error_details_bytes_max = 16 * 1024;  ///< larger ones are dropped
inline constexpr std::size_t error_message_bytes_max = 16 * 1024;  ///< longer ones are cut
inline constexpr std::size_t progress_message_bytes_max = 1024;    ///< longer ones are cut
inline constexpr std::size_t progress_data_bytes_max = 4096;
inline constexpr std::size_t log_line_bytes_max = 16 * 1024;  ///< longer ones come in pieces
inline constexpr std::size_t log_lines_max = 10'000;  ///< of one append; further ones are dropped
inline constexpr std::chrono::hours log_age_max{24};  ///< of a line when it comes in
inline constexpr std::size_t log_page_lines_max = 10'000;
inline constexpr std::size_t log_page_bytes_max = 1024 * 1024;  ///< by log_cost
inline constexpr std::size_t error_history_max = 50;            ///< the oldest entries go first
inline constexpr std::int64_t bulk_jobs_max = 10'000;           ///< changed by one request
inline constexpr std::size_t bulk_ids_max = 1000;
inline constexpr std::size_t redrives_max = 100;        ///< kept; those that are over go first
inline constexpr std::size_t redrives_active_max = 10;  ///< not over
inline constexpr double redrive_rate_min = 0.001;       ///< jobs in a second
inline constexpr double redrive_rate_max = 10'000;
inline constexpr std::int64_t redrive_canaries_max = 100;
inline constexpr std::int64_t redrive_jobs_max = 1'000'000'000;
inline constexpr std::size_t cron_name_bytes_max = 255;
inline constexpr std::size_t cron_expression_bytes_max = 1024;
inline constexpr std::size_t cron_description_bytes_max = 4096;
inline constexpr std::size_t cron_template_bytes_max = 64 * 1024;  ///< each is kept in memory
inline constexpr std::size_t cron_catch_up_max = 100;     ///< jobs made for times that were missed
inline constexpr std::size_t cron_unfinished_max = 1000;  ///< jobs that wait for one another
inline constexpr std::size_t cron_preview_max = 1000;
inline constexpr std::size_t unique_keys_max = 32;  ///< members that `args_keys` names
inline constexpr std::size_t unique_key_bytes_max = 255;
inline constexpr std::chrono::hours unique_period_max{24 * 366};
inline constexpr std::int64_t queue_depth_max = 1'000'000'000;
inline constexpr std::size_t limit_key_bytes_max = 255;
inline constexpr double start_objective_min = 0.5;
inline constexpr double start_objective_max = 0.99999;
inline constexpr std::chrono::milliseconds start_within_min{1};
inline constexpr std::chrono::milliseconds start_within_max = std::chrono::hours{24};
inline constexpr std::int64_t limit_concurrency_max = 1'000'000;
inline constexpr std::int64_t limit_rate_max = 1'000'000'000;  ///< in one period
inline constexpr std::int64_t limit_burst_max = 1'000'000;
inline constexpr std::int64_t fairness_weight_max = 1000;
inline constexpr std::int64_t fairness_cost_max = 1000;
inline constexpr std::chrono::milliseconds limit_hold_max = std::chrono::hours{24};
inline constexpr std::chrono::milliseconds limit_period_max = std::chrono::hours{24 * 7};
inline constexpr std::size_t pools_max = 1000;
inline constexpr std::int64_t pool_weight_max = 10'000;
inline constexpr std::size_t webhooks_max = 100;  ///< subscriptions; each event is held to each
inline constexpr std::size_t webhook_url_bytes_max = 4096;
inline constexpr std::size_t webhook_names_max = 64;  ///< in each of its lists
inline constexpr std::size_t webhook_secret_bytes_min = 16;
inline constexpr std::size_t webhook_secret_bytes_max = 256;
inline constexpr std::size_t webhook_metadata_bytes_max = 4096;
inline constexpr std::size_t webhook_result_bytes_max = 16 * 1024;  ///< larger ones are left out
inline constexpr std::chrono::milliseconds webhook_timeout_min{1000};
inline constexpr std::chrono::milliseconds webhook_timeout_max{60'000};
inline constexpr std::size_t workflow_nodes_max = 10'000;   ///< jobs, callbacks aside
inline constexpr std::size_t workflow_edges_max = 100'000;  ///< dependencies in one graph
inline constexpr std::size_t workflow_name_bytes_max = 255;
inline constexpr std::size_t workflow_ref_bytes_max = 128;
/// What a job is told of the results of those before it; beyond it they are left out.
inline constexpr std::size_t parent_results_bytes_max = 1024 * 1024;
inline constexpr int priority_min = -100;
inline constexpr int priority_max = 100;
inline constexpr std::size_t follow_ups_max = 100;  ///< jobs that one ack may store
inline constexpr std::size_t answers_max = 1000;    ///< acks, nacks or beats in one request
inline constexpr std::uint32_t max_attempts_max = 10'000;
inline constexpr std::chrono::milliseconds wait_max{
    60'000};  ///< long polls; longer ones are clamped
inline constexpr std::chrono::hours timeout_max{24 * 7};
inline constexpr std::chrono::hours retry_interval_max{24 * 365};

}  // namespace sluice::limits
