#include "client/cli/baseline.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cmath>
#include <vector>

namespace sluice::cli {
namespace {

using steady = std::chrono::steady_clock;

nanoseconds scaled(nanoseconds value, double factor) {
    return nanoseconds{std::llround(static_cast<double>(value.count()) * factor)};
}

void sleep_until(boost::asio::steady_timer& timer, steady::time_point when) {
    timer.expires_at(when);
    boost::system::error_code ignored;
    timer.wait(ignored);
}

struct item {
    square_work work;
    steady::time_point made;
};

job_tracker::notice step_of(std::uint64_t index) {
    job_tracker::notice n;
    n.index = index;
    n.attempt = 1;
    n.state = "completed";
    return n;
}

// The view shows phases from a timeline; the baseline has only its own clock.
client::timeline timeline_of(nanoseconds waiting, nanoseconds running) {
    const auto micros = [](nanoseconds d) {
        return std::chrono::duration_cast<std::chrono::microseconds>(d);
    };
    client::timeline times;
    times.durable_at = timestamp{};
    times.started_at = *times.durable_at + micros(waiting);
    times.finished_at = *times.started_at + micros(running);
    return times;
}

}  // namespace

run_report run_baseline(const produce_options& options, live_view& view) {
    run_report run = begin_report(options);
    run.in_process = true;
    run.followed = true;
    run.producers = 1;
    run.label = options.baseline == baseline_choice::only && !options.label.empty() ? options.label
                                                                                    : "synchronous";
    run.time_scale = options.time_scale;
    const double back = 1 / options.time_scale;

    boost::asio::io_context io;
    boost::asio::steady_timer timer{io};
    const auto start = steady::now();
    const auto passed = [&] { return scaled(steady::now() - start, back); };

    const work_plan plan{options.work};
    send_schedule schedule{plan, 1};
    std::vector<item> items;
    while (const auto slot = schedule.next(0)) {
        if (slot->at) sleep_until(timer, start + scaled(*slot->at, options.time_scale));
        const std::string args = plan.args(slot->index);
        items.push_back({read_square_args(args).value_or(square_work{}), steady::now()});
        view.created(passed(), step_of(slot->index), 1, args);
        ++run.created;
        view.progress(passed(), run, items.size());
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto& [work, made] = items[i];
        const auto begun = steady::now();
        job_tracker::notice n = step_of(i);
        view.started(passed(), n);
        sleep_until(timer, begun + scaled(work.pause, options.time_scale));
        const double square = work.number * work.number;
        const auto done = steady::now();

        const nanoseconds waiting = scaled(begun - made, back);
        const nanoseconds running = scaled(done - begun, back);
        if (i == 0) run.first_waiting = waiting;
        run.waiting.record(waiting);
        run.running.record(running);
        run.total.record(waiting + running);
        ++run.completed;
        n.times = timeline_of(waiting, running);
        n.result = format_number(square);
        view.finished(passed(), n);
        view.progress(passed(), run, items.size() - i - 1);
    }
    run.elapsed = passed();
    view.end(run.elapsed, run, 0);
    return run;
}

}  // namespace sluice::cli
