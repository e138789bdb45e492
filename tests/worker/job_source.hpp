#pragma once

#include "server/queue/backend.hpp"
#include "server/runtime/notifier.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sluice::worker {

/// The part of a backend that in-server workers use, in memory and with full view of what they do.
/// It answers as the contract says and stores nothing, so a test sees the pool alone.
class job_source : public backend {
public:
    explicit job_source(asio::any_io_executor executor) : changed_(std::move(executor)) {}

    uuid add(std::string type, raw_json args = "[]") {
        auto spec = std::make_shared<job_spec>();
        spec->id = make_uuid(timestamp{}, ++last_, 0);
        spec->type = std::move(type);
        spec->args = std::move(args);
        waiting.push_back(spec);
        changed_.notify_all();
        return spec->id;
    }

    /// Jobs neither waiting nor answered.
    std::size_t leased() const { return leases_.size(); }

    std::deque<std::shared_ptr<const job_spec>> waiting;
    std::map<uuid, raw_json> acked;
    std::map<uuid, nack_request> failed;
    std::set<uuid> released;
    std::vector<progress_request> progress;
    std::vector<append_log_request> logs;
    std::map<uuid, delegate_request> delegations;
    std::vector<fetch_request> fetches;
    std::vector<lease_token> returned;
    std::size_t most_leased = 0;  ///< runs whose handler had not returned
    bool hold_acks = false;       ///< none is durable as long as this is set
    std::size_t granted = 0;
    std::size_t most_acked = 0;     ///< in one request
    std::size_t wrong_answers = 0;  ///< for a job that was not leased under that token
    int fail_fetches = 0;           ///< so many fetches fail
    int throwing_acks = 0;          ///< so many acks throw something that is no std::exception
    bool draining = false;

    asio::awaitable<result<std::vector<job_record>>> fetch(fetch_request request,
                                                           std::stop_token stop) override {
        fetches.push_back(request);
        if (fail_fetches > 0) {
            --fail_fetches;
            co_return error(errc::store_failed);
        }
        auto wake = [this] { changed_.notify_all(); };
        const std::stop_callback on_stop(stop, std::move(wake));
        while (waiting.empty() && !draining && !stop.stop_requested()) co_await changed_.wait();
        std::vector<job_record> jobs;
        while (!waiting.empty() && !draining && jobs.size() < request.count) {
            job_record job;
            job.spec = std::move(waiting.front());
            waiting.pop_front();
            job.state = job_state::active;
            job.attempt = 1;
            job.lease = {.epoch = 1, .counter = ++granted, .nonce = 7};
            leases_[job.spec->id] = {job.lease, job.spec};
            jobs.push_back(std::move(job));
        }
        most_leased = std::max(most_leased, granted - returned.size());
        co_return jobs;
    }

    asio::awaitable<result<change_answer>> ack(ack_request request) override {
        co_await asio::post(asio::use_awaitable);  // the commit
        while (hold_acks) co_await changed_.wait();
        co_return count_ack(request);
    }

    asio::awaitable<result<change_answer>> nack(nack_request request) override {
        co_await asio::post(asio::use_awaitable);
        co_return count_nack(request);
    }

    asio::awaitable<result<job_record>> info(uuid id) override {
        const auto it = leases_.find(id);
        if (it == leases_.end()) co_return error(errc::not_found);
        job_record job;
        job.spec = it->second.second;
        job.state = job_state::active;
        job.lease = it->second.first;
        co_return job;
    }

    asio::awaitable<result<change_answer>> report_progress(progress_request request) override {
        co_await asio::post(asio::use_awaitable);
        if (leases_.contains(request.job_id)) progress.push_back(request);
        co_return change_answer{};
    }

    asio::awaitable<result<log_receipt>> append_log(append_log_request request) override {
        co_await asio::post(asio::use_awaitable);
        if (leases_.contains(request.job_id)) logs.push_back(std::move(request));
        co_return log_receipt{};
    }
    asio::awaitable<result<log_page>> read_log(log_query, std::stop_token) override {
        return unused();
    }

    asio::awaitable<result<change_answer>> delegate(delegate_request request) override {
        co_await asio::post(asio::use_awaitable);
        if (take(request.job_id, request.lease)) delegations[request.job_id] = request;
        co_return change_answer{};
    }

    void on_run_lost(std::function<void(const lease_token&)> tell) override {
        run_lost_ = std::move(tell);
    }

    void release_acks() {
        hold_acks = false;
        changed_.notify_all();
    }

    void run_returned(const lease_token& lease) override { returned.push_back(lease); }

    /// As a cancel or a timeout does.
    void take_away(const uuid& id) {
        const lease_token lease = leases_.at(id).first;
        leases_.erase(id);
        run_lost_(lease);
    }

    void begin_drain() override {
        draining = true;
        changed_.notify_all();
    }

    asio::awaitable<result<push_answer>> push(push_request) override { return unused(); }
    asio::awaitable<result<push_each_answer>> push_each(push_each_request) override {
        return unused();
    }
    asio::awaitable<result<job_record>> wait(uuid, std::chrono::milliseconds,
                                             std::stop_token) override {
        return unused();
    }
    asio::awaitable<result<job_record>> watch(uuid, std::function<bool(const job_record&)>,
                                              std::chrono::milliseconds, std::stop_token) override {
        return unused();
    }
    asio::awaitable<result<change_answer>> cancel(uuid) override { return unused(); }
    asio::awaitable<result<job_explanation>> explain(uuid, queue_filter) override {
        return unused();
    }
    asio::awaitable<result<answers_outcome>> answer_many(answers_request request) override {
        answers_outcome made;
        most_acked = std::max(most_acked, request.acks.size());
        co_await asio::post(asio::use_awaitable);  // the commit
        while (hold_acks) co_await changed_.wait();
        for (const auto& each : request.acks) made.acks.emplace_back(count_ack(each));
        for (const auto& each : request.nacks) made.nacks.emplace_back(count_nack(each));
        co_return made;
    }
    asio::awaitable<result<change_answer>> cancel_in(uuid, job_state) override { return unused(); }
    asio::awaitable<result<change_answer>> activate(uuid) override { return unused(); }
    asio::awaitable<result<heartbeat_answer>> heartbeat(heartbeat_request) override {
        return unused();
    }
    asio::awaitable<result<job_record>> retry_dead_letter(uuid) override { return unused(); }
    asio::awaitable<result<void>> delete_dead_letter(uuid) override { return unused(); }
    asio::awaitable<result<void>> delete_job(uuid) override { return unused(); }
    asio::awaitable<result<dead_letter_summary>> dead_letters() override { return unused(); }
    asio::awaitable<result<job_page>> list(job_query) override { return unused(); }
    asio::awaitable<result<std::vector<queue_stats>>> queues() override { return unused(); }
    asio::awaitable<result<queue_latency>> latency(latency_query) override { return unused(); }
    asio::awaitable<result<std::vector<latency_counts>>> latency_counted() override {
        return unused();
    }
    asio::awaitable<result<std::vector<objective_status>>> objectives() override {
        return unused();
    }
    asio::awaitable<result<queue_stats>> pause_queue(std::string, bool) override {
        return unused();
    }
    asio::awaitable<result<workflow_answer>> push_workflow(workflow_request) override {
        return unused();
    }
    asio::awaitable<result<workflow_view>> workflow(uuid) override { return unused(); }
    asio::awaitable<result<workflow_view>> cancel_workflow(uuid) override { return unused(); }
    asio::awaitable<result<workflow_page>> workflows(workflow_query) override { return unused(); }
    asio::awaitable<result<std::vector<worker_info>>> workers(std::optional<std::string>) override {
        return unused();
    }
    asio::awaitable<result<worker_info>> quiet_worker(std::string, bool) override {
        return unused();
    }
    asio::awaitable<result<limit_info>> rate_limit(std::string) override { return unused(); }
    asio::awaitable<result<limit_page>> rate_limits(limit_query) override { return unused(); }
    asio::awaitable<result<limit_info>> override_limit(std::string,
                                                       std::optional<limit_override>) override {
        return unused();
    }
    asio::awaitable<result<queue_stats>> configure_queue(std::string,
                                                         queue_config_change) override {
        return unused();
    }
    backend_stats stats() const override { return {}; }
    asio::awaitable<result<pool_change>> set_pool(std::string, fair_pool) override {
        return unused();
    }
    asio::awaitable<result<fair_pool>> remove_pool(std::string) override { return unused(); }
    asio::awaitable<result<fair_pool>> pool(std::string) override { return unused(); }
    asio::awaitable<result<std::vector<std::pair<std::string, fair_pool>>>> pools() override {
        return unused();
    }
    asio::awaitable<result<std::vector<queue_starts>>> starts() override { return unused(); }
    asio::awaitable<result<redrive_view>> begin_redrive(redrive_request) override {
        return unused();
    }
    asio::awaitable<result<redrive_view>> cancel_redrive(std::string, redrive_check) override {
        return unused();
    }
    asio::awaitable<result<redrive_view>> redrive(std::string) override { return unused(); }
    asio::awaitable<result<std::vector<redrive_view>>> redrives() override { return unused(); }
    asio::awaitable<result<webhook_subscription>> add_webhook(webhook_subscription) override {
        return unused();
    }
    asio::awaitable<result<webhook_subscription>> change_webhook(std::string, webhook_change,
                                                                 webhook_check) override {
        return unused();
    }
    asio::awaitable<result<webhook_subscription>> remove_webhook(std::string,
                                                                 webhook_check) override {
        return unused();
    }
    asio::awaitable<result<webhook_subscription>> webhook(std::string) override { return unused(); }
    asio::awaitable<result<std::vector<webhook_subscription>>> webhooks() override {
        return unused();
    }
    asio::awaitable<result<job_record>> test_webhook(std::string, webhook_check) override {
        return unused();
    }
    asio::awaitable<result<cron_change>> set_cron(cron_definition) override { return unused(); }
    asio::awaitable<result<cron_record>> enable_cron(std::string, bool) override {
        return unused();
    }
    asio::awaitable<result<cron_record>> remove_cron(std::string) override { return unused(); }
    asio::awaitable<result<cron_record>> cron(std::string) override { return unused(); }
    asio::awaitable<result<std::vector<cron_record>>> crons() override { return unused(); }
    asio::awaitable<result<std::vector<cron_occurrence>>> preview_cron(std::string,
                                                                       std::size_t) override {
        return unused();
    }
    asio::awaitable<result<event_page>> events(event_query, std::stop_token) override {
        return unused();
    }
    asio::awaitable<result<void>> reset() override { return unused(); }
    backend_health health() const override { return {}; }
    asio::awaitable<void> shut_down() override { return unused(); }

private:
    struct unused {
        template <class T>
        operator asio::awaitable<T>() const {
            throw std::logic_error("in-server workers do not call this");
        }
    };

    change_answer count_ack(const ack_request& request) {
        if (throwing_acks > 0) {
            --throwing_acks;
            throw 7;
        }
        if (take(request.job_id, request.lease)) acked[request.job_id] = request.result;
        return {};
    }

    change_answer count_nack(const nack_request& request) {
        if (!take(request.job_id, request.lease)) return {};
        if (request.release)
            released.insert(request.job_id);
        else
            failed[request.job_id] = request;
        return {};
    }

    bool take(const uuid& id, const std::optional<lease_token>& lease) {
        const auto it = leases_.find(id);
        const bool ours = it != leases_.end() && lease == it->second.first;
        if (ours) {
            leases_.erase(it);
        } else {
            ++wrong_answers;
        }
        return ours;
    }

    notifier changed_;
    std::function<void(const lease_token&)> run_lost_;
    std::int64_t last_ = 0;
    std::map<uuid, std::pair<lease_token, std::shared_ptr<const job_spec>>> leases_;
};

}  // namespace sluice::worker
