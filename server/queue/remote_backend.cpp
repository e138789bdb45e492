#include "server/queue/remote_backend.hpp"

#include <stdexcept>

namespace sluice {
namespace {

asio::awaitable<bool> shut_down_there(backend& far) {
    co_await far.shut_down();
    co_return true;
}

using overview_pair = std::pair<backend_health, backend_stats>;

asio::awaitable<overview_pair> overview_there(const backend& far) {
    co_return overview_pair(far.health(), far.stats());
}

/// Gives granted jobs back. A lease that has ended meanwhile changes nothing.
answers_request release(const std::vector<job_record>& jobs) {
    answers_request back;
    for (const auto& job : jobs) {
        auto& nack = back.nacks.emplace_back();
        nack.job_id = job.spec->id;
        nack.worker_id = job.worker_id;
        nack.lease = job.lease;
        nack.release = true;
    }
    return back;
}

}  // namespace

asio::awaitable<result<push_each_answer>> remote_backend::push_each(push_each_request request) {
    if (request.accepted) {
        // In front of the outcome, which goes the same way.
        request.accepted = [&back = back_,
                            tell = std::move(request.accepted)](std::vector<job_spec> left) {
            back.post_call([tell, left = std::move(left)]() mutable { tell(std::move(left)); });
        };
    }
    return ask([&b = far_, request = std::move(request)]() mutable {
        return b.push_each(std::move(request));
    });
}

void remote_backend::on_run_lost(std::function<void(const lease_token&)> tell) {
    auto tell_here = [&back = back_, tell = std::move(tell)](const lease_token& lease) {
        back.post_call([tell, lease] { tell(lease); });
    };
    there_.post_call([&b = far_, tell_here = std::move(tell_here)]() mutable {
        b.on_run_lost(std::move(tell_here));
    });
}

void remote_backend::run_returned(const lease_token& lease) {
    there_.post_call([&b = far_, lease] { b.run_returned(lease); });
}

void remote_backend::begin_drain() {
    there_.post_call([&b = far_] { b.begin_drain(); });
}

asio::awaitable<void> remote_backend::shut_down() {
    auto call = [&b = far_] { return shut_down_there(b); };
    auto going = ask(std::move(call));
    [[maybe_unused]] const bool done = co_await std::move(going);
}

asio::awaitable<overview_pair> remote_backend::overview() {
    return ask([&b = far_] { return overview_there(b); });
}

backend_health remote_backend::health() const {
    throw std::logic_error("health is asked for on another executor than the backend's");
}

backend_stats remote_backend::stats() const {
    throw std::logic_error("stats are asked for on another executor than the backend's");
}

asio::awaitable<result<push_answer>> remote_backend::push(push_request request) {
    return ask(
        [&b = far_, request = std::move(request)]() mutable { return b.push(std::move(request)); });
}

asio::awaitable<result<job_record>> remote_backend::info(uuid id) {
    return ask([&b = far_, id] { return b.info(id); });
}

asio::awaitable<result<job_explanation>> remote_backend::explain(uuid id, queue_filter may_see) {
    return ask([&b = far_, id, may_see = std::move(may_see)]() mutable {
        return b.explain(id, std::move(may_see));
    });
}

asio::awaitable<result<job_record>> remote_backend::wait(uuid id, std::chrono::milliseconds wait,
                                                         std::stop_token stop) {
    return ask([&b = far_, id, wait, stop = std::move(stop)]() mutable {
        return b.wait(id, wait, std::move(stop));
    });
}

asio::awaitable<result<job_record>> remote_backend::watch(
    uuid id, std::function<bool(const job_record&)> enough, std::chrono::milliseconds wait,
    std::stop_token stop) {
    return ask([&b = far_, id, enough = std::move(enough), wait, stop = std::move(stop)]() mutable {
        return b.watch(id, std::move(enough), wait, std::move(stop));
    });
}

asio::awaitable<result<change_answer>> remote_backend::cancel(uuid id) {
    return ask([&b = far_, id] { return b.cancel(id); });
}

asio::awaitable<result<change_answer>> remote_backend::cancel_in(uuid id, job_state state) {
    return ask([&b = far_, id, state] { return b.cancel_in(id, state); });
}

asio::awaitable<result<change_answer>> remote_backend::activate(uuid id) {
    return ask([&b = far_, id] { return b.activate(id); });
}

asio::awaitable<result<std::vector<job_record>>> remote_backend::fetch(fetch_request request,
                                                                       std::stop_token stop) {
    auto asking = ask([&b = far_, request = std::move(request), stop]() mutable {
        return b.fetch(std::move(request), std::move(stop));
    });
    auto jobs = co_await std::move(asking);
    if (!jobs || jobs->empty() || !stop.stop_requested()) co_return jobs;
    // The taker went while they were on their way: the backend could not know.
    auto returning = answer_many(release(*jobs));
    [[maybe_unused]] const auto returned = co_await std::move(returning);
    jobs->clear();
    co_return jobs;
}

asio::awaitable<result<change_answer>> remote_backend::ack(ack_request request) {
    return ask(
        [&b = far_, request = std::move(request)]() mutable { return b.ack(std::move(request)); });
}

asio::awaitable<result<change_answer>> remote_backend::nack(nack_request request) {
    return ask(
        [&b = far_, request = std::move(request)]() mutable { return b.nack(std::move(request)); });
}

asio::awaitable<result<answers_outcome>> remote_backend::answer_many(answers_request request) {
    return ask([&b = far_, request = std::move(request)]() mutable {
        return b.answer_many(std::move(request));
    });
}

asio::awaitable<result<change_answer>> remote_backend::report_progress(progress_request request) {
    return ask([&b = far_, request = std::move(request)]() mutable {
        return b.report_progress(std::move(request));
    });
}

asio::awaitable<result<log_receipt>> remote_backend::append_log(append_log_request request) {
    return ask([&b = far_, request = std::move(request)]() mutable {
        return b.append_log(std::move(request));
    });
}

asio::awaitable<result<log_page>> remote_backend::read_log(log_query query, std::stop_token stop) {
    return ask([&b = far_, query = std::move(query), stop = std::move(stop)]() mutable {
        return b.read_log(std::move(query), std::move(stop));
    });
}

asio::awaitable<result<change_answer>> remote_backend::delegate(delegate_request request) {
    return ask([&b = far_, request = std::move(request)]() mutable {
        return b.delegate(std::move(request));
    });
}

asio::awaitable<result<heartbeat_answer>> remote_backend::heartbeat(heartbeat_request request) {
    return ask([&b = far_, request = std::move(request)]() mutable {
        return b.heartbeat(std::move(request));
    });
}

asio::awaitable<result<job_record>> remote_backend::retry_dead_letter(uuid id) {
    return ask([&b = far_, id] { return b.retry_dead_letter(id); });
}

asio::awaitable<result<void>> remote_backend::delete_dead_letter(uuid id) {
    return ask([&b = far_, id] { return b.delete_dead_letter(id); });
}

asio::awaitable<result<void>> remote_backend::delete_job(uuid id) {
    return ask([&b = far_, id] { return b.delete_job(id); });
}

asio::awaitable<result<dead_letter_summary>> remote_backend::dead_letters() {
    return ask([&b = far_] { return b.dead_letters(); });
}

asio::awaitable<result<redrive_view>> remote_backend::begin_redrive(redrive_request request) {
    return ask([&b = far_, request = std::move(request)]() mutable {
        return b.begin_redrive(std::move(request));
    });
}

asio::awaitable<result<redrive_view>> remote_backend::cancel_redrive(std::string id,
                                                                     redrive_check check) {
    return ask([&b = far_, id = std::move(id), check = std::move(check)]() mutable {
        return b.cancel_redrive(std::move(id), std::move(check));
    });
}

asio::awaitable<result<redrive_view>> remote_backend::redrive(std::string id) {
    return ask([&b = far_, id = std::move(id)]() mutable { return b.redrive(std::move(id)); });
}

asio::awaitable<result<std::vector<redrive_view>>> remote_backend::redrives() {
    return ask([&b = far_] { return b.redrives(); });
}

asio::awaitable<result<job_page>> remote_backend::list(job_query query) {
    return ask(
        [&b = far_, query = std::move(query)]() mutable { return b.list(std::move(query)); });
}

}  // namespace sluice
