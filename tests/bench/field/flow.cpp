#include "tests/bench/field/flow.hpp"

#include "tests/bench/wire.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace sluice::bench {
namespace asio = boost::asio;
using steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

/// Enough that no worker waits, few enough that a slow peer is soon done with the last of them.
std::uint64_t on_their_way_max(const flow_plan& plan) {
    return 2'000 + 20 * plan.batch;
}

/// What a job carries of the time when it was sent.
std::uint64_t stamp_of(steady::time_point when) {
    return static_cast<std::uint64_t>(when.time_since_epoch() / 1ns);
}

double us_since(steady::time_point then) {
    return std::chrono::duration<double, std::micro>(steady::now() - then).count();
}

void rethrow(std::exception_ptr fault) {
    if (fault) std::rethrow_exception(fault);
}

asio::awaitable<void> wait_until(steady::time_point when) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    timer.expires_at(when);
    co_await timer.async_wait(asio::use_awaitable);
}

/// What producers and workers of one measurement share.
struct progress {
    asio::io_context context{1};
    const flow_plan* plan = nullptr;
    std::size_t waiting_workers = 0;  // that are not connected yet
    steady::time_point begun, end;    // of sending
    std::uint64_t created = 0;
    std::uint64_t taken = 0;
    std::size_t producing = 0;
    steady::time_point last_taken;
    // Of delays.
    double rate = 0;
    std::uint64_t due = 0;
    std::uint64_t not_counted = 0;  // the first ones
    std::uint64_t count = 0;        // with those
    delays result;

    steady::time_point due_at(std::uint64_t i) const {
        return begun + std::chrono::duration_cast<steady::duration>(
                           std::chrono::duration<double>(static_cast<double>(i) / rate));
    }
    void stop_when_done() {
        if (producing == 0 && taken >= created) context.stop();
    }
};

asio::awaitable<void> produce(progress* all, std::size_t index) {
    const auto peer = all->plan->put();
    const auto batch = all->plan->batch;
    const auto at_most = on_their_way_max(*all->plan);
    wire connection(all->context);
    co_await connection.open(all->plan->port, peer.greeting);
    for (auto number = index; steady::now() < all->end; number += all->plan->producers) {
        while (all->created > all->taken + at_most) co_await wait_until(steady::now() + 500us);
        // Counted before it is sent: a worker may be told of it before its producer is.
        all->created += batch;
        co_await connection.ask(peer.request(number), &peer.answer);
    }
    --all->producing;
    all->stop_when_done();
}

asio::awaitable<void> produce_on_time(progress* all) {
    const auto peer = all->plan->put();
    wire connection(all->context);
    co_await connection.open(all->plan->port, peer.greeting);
    while (all->due < all->count) {
        const bool counts = all->due >= all->not_counted;
        const auto due = all->due_at(all->due++);
        auto from = due;  // late already: all connections waited for the server
        if (steady::now() < due) {
            co_await wait_until(due);
            if (counts) {
                all->result.of_load.push_back(us_since(due));
                from = steady::now();
            }
        }
        ++all->created;
        co_await connection.ask(peer.request(stamp_of(from)), &peer.answer);
    }
    --all->producing;
    all->stop_when_done();
}

asio::awaitable<void> end_lead_in(progress* all, counting when) {
    co_await wait_until(all->due_at(all->not_counted));
    when.begins();
}

asio::awaitable<void> take(progress* all) {
    const auto peer = all->plan->take();
    wire connection(all->context);
    co_await connection.open(all->plan->port, peer.greeting);
    const auto note = [all](std::uint64_t sent_at) {
        if (all->rate > 0 && sent_at >= stamp_of(all->due_at(all->not_counted)))
            all->result.of_jobs.push_back(static_cast<double>(stamp_of(steady::now()) - sent_at) /
                                          1e3);
    };
    std::string_view last;
    --all->waiting_workers;
    for (;;) {
        auto request = peer.request(last);
        last = co_await connection.ask(std::move(request), &peer.answer);
        const auto jobs = for_each_job(last, note);
        if (jobs == 0) {
            if (peer.pause_when_empty > 0us)
                co_await wait_until(steady::now() + peer.pause_when_empty);
            continue;
        }
        all->taken += jobs;
        all->last_taken = steady::now();
        all->stop_when_done();
    }
}

void start_workers(progress& all) {
    all.waiting_workers = all.plan->workers;
    for (std::size_t i = 0; i < all.plan->workers; ++i)
        asio::co_spawn(all.context, take(&all), rethrow);
    while (all.waiting_workers > 0) all.context.run_one();
    all.context.run_for(20ms);  // their first request has arrived
    all.begun = steady::now();
    all.producing = all.plan->producers;
}

/// False when some jobs have not come to a worker by then.
bool run_to_the_end(progress& all, steady::duration at_most) {
    all.context.restart();
    all.context.run_for(at_most);
    return all.producing == 0 && all.taken >= all.created;
}

}  // namespace

std::size_t for_each_job(std::string_view answer,
                         const std::function<void(std::uint64_t number)>& each) {
    static const auto filling = job_payload(0).substr(24);
    std::size_t jobs = 0;
    for (auto at = answer.find(filling); at != std::string_view::npos;
         at = answer.find(filling, at + filling.size())) {
        if (at < 24) throw std::runtime_error("a job without its number");
        std::uint64_t number = 0;
        std::from_chars(answer.data() + at - 24, answer.data() + at, number);
        each(number);
        ++jobs;
    }
    return jobs;
}

counted flow(const flow_plan& plan, const counting& when, std::chrono::milliseconds duration) {
    progress all;
    all.plan = &plan;
    start_workers(all);
    all.end = all.begun + when.lead_in + duration;
    for (std::size_t i = 0; i < plan.producers; ++i)
        asio::co_spawn(all.context, produce(&all, i), rethrow);
    all.context.restart();
    all.context.run_for(when.lead_in);
    when.begins();
    const auto not_counted = all.taken;
    const auto begun = steady::now();
    all.context.run_for(duration);
    const counted found{std::chrono::duration<double>(steady::now() - begun).count(),
                        static_cast<double>(all.taken - not_counted)};
    when.ends();
    // A slow peer may be left with jobs: it has worked all the time, if it has not stopped.
    if (!run_to_the_end(all, 4 * duration) &&
        (found.done == 0 || steady::now() - all.last_taken > 2s))
        throw std::runtime_error(std::to_string(all.created - all.taken) +
                                 " jobs did not come to a worker");
    return found;
}

delays measure_delays(const flow_plan& plan, const counting& when, double rate, std::size_t count) {
    progress all;
    all.plan = &plan;
    all.rate = rate;
    all.not_counted =
        static_cast<std::uint64_t>(rate * std::chrono::duration<double>(when.lead_in).count());
    all.count = all.not_counted + count;
    start_workers(all);
    all.begun += 50ms;  // the producers have connected
    for (std::size_t i = 0; i < plan.producers; ++i)
        asio::co_spawn(all.context, produce_on_time(&all), rethrow);
    asio::co_spawn(all.context, end_lead_in(&all, when), rethrow);
    const auto sending = all.due_at(count) - all.begun;
    if (!run_to_the_end(all, when.lead_in + 3 * sending + 1s))
        throw std::runtime_error("does not keep the rate");
    when.ends();
    std::ranges::sort(all.result.of_jobs);
    std::ranges::sort(all.result.of_load);
    return std::move(all.result);
}

}  // namespace sluice::bench
