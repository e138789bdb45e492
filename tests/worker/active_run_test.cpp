// What a handler can say and hear while it runs, and how it can end.

#include "tests/worker/pool_fixture.hpp"

#include <atomic>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <new>
#include <thread>

namespace sluice::worker {
namespace {

using ActiveRun = pool_fixture;

job_failure failure_named(std::string code) {
    job_failure failure;
    failure.type = "test";
    failure.code = std::move(code);
    failure.message = "as asked";
    return failure;
}

asio::awaitable<outcome> end_with(outcome how) {
    co_return how;
}

TEST_F(ActiveRun, EveryOutcomeReachesTheBackend) {
    handlers.add("end.retry", [](auto) { return end_with(failed{failure_named("a"), true, 5s}); });
    handlers.add("end.discard", [](auto) { return end_with(discarded{failure_named("b")}); });
    handlers.add("end.dead", [](auto) { return end_with(dead_lettered{failure_named("c")}); });
    handlers.add("end.snooze", [](auto) { return end_with(snoozed{7s}); });
    handlers.add("end.back", [](auto) { return end_with(interrupted{}); });
    handlers.add("end.away", [](auto) { return end_with(delegated{"push:receiver", 9s}); });
    start();
    const uuid retry = source.add("end.retry"), discard = source.add("end.discard");
    const uuid dead = source.add("end.dead"), snooze = source.add("end.snooze");
    const uuid back = source.add("end.back"), away = source.add("end.away");
    ASSERT_TRUE(run_until([&] { return source.granted == 6 && source.leased() == 0; }));
    EXPECT_EQ(source.failed[retry].retry_after, 5s);
    EXPECT_TRUE(source.failed[retry].retryable);
    EXPECT_EQ(source.failed[discard].end, exhaustion::discard);
    EXPECT_EQ(source.failed[dead].end, exhaustion::dead_letter);
    EXPECT_EQ(source.failed[dead].failure.code, "c");
    EXPECT_EQ(source.failed[snooze].snooze, 7s);
    EXPECT_TRUE(source.released.contains(back));
    EXPECT_EQ(source.delegations[away].holder, "push:receiver");
    EXPECT_EQ(source.delegations[away].visibility_timeout, 9s);
    EXPECT_EQ(source.wrong_answers, 0U);
}

asio::awaitable<outcome> wait_for_stop(std::shared_ptr<job_run> run) {
    asio::steady_timer timer(co_await asio::this_coro::executor, steady::time_point::max());
    const auto wake = [&timer] { timer.cancel(); };
    const std::stop_callback on_stop(run->stop(), wake);
    co_await timer.async_wait(nothrow_await);
    co_return interrupted{};
}

TEST_F(ActiveRun, ThatLostItsJobIsStoppedAtOnceAndAnswersNothing) {
    handlers.add("wait", wait_for_stop);
    config.concurrency = 1;
    start();
    const uuid taken = source.add("wait");
    ASSERT_TRUE(run_until([&] { return source.leased() == 1; }));
    context.poll();
    const uuid next = source.add("test.count");
    context.poll();
    ASSERT_EQ(runs, 0U);  // the only worker is busy
    source.take_away(taken);
    context.restart();
    context.poll();  // without any time passing
    EXPECT_TRUE(source.acked.contains(next));
    EXPECT_EQ(source.wrong_answers, 0U);
    EXPECT_TRUE(source.released.empty());
}

TEST_F(ActiveRun, HeartbeatTellsWhetherTheLeaseIsStillHeld) {
    std::vector<bool> beats;
    uuid mine;
    const auto beat = [&](std::shared_ptr<job_run> run) -> asio::awaitable<outcome> {
        bool held = co_await run->heartbeat();
        beats.push_back(held);
        source.take_away(mine);
        held = co_await run->heartbeat();
        beats.push_back(held);
        co_return completed{};
    };
    handlers.add("beat", beat);
    start();
    mine = source.add("beat");
    ASSERT_TRUE(run_until([&] { return beats.size() == 2; }));
    EXPECT_EQ(beats, (std::vector<bool>{true, false}));
}

TEST_F(ActiveRun, TellsOfItsProgressTheFirstTimeAtOnceAndThenTheLatestWord) {
    config.report_every = 1h;
    const auto talk = [this](std::shared_ptr<job_run> run) -> asio::awaitable<outcome> {
        run->progress(0.1, "begun");
        co_await gate.async_wait(nothrow_await);
        for (int i = 0; i < 1000; ++i) run->progress(i * 0.0005, std::to_string(i));
        co_await asio::post(asio::use_awaitable);
        run->progress(7.0, "done");
        co_return completed{};
    };
    handlers.add("talk", talk);
    start();
    const uuid id = source.add("talk");
    ASSERT_TRUE(run_until([&] { return source.progress.size() == 1; }));
    EXPECT_EQ(source.progress[0].fraction, 0.1);
    EXPECT_EQ(source.progress[0].message, "begun");
    EXPECT_TRUE(source.progress[0].lease);
    gate.cancel();
    // The hour is not waited for: the last word comes before the ack.
    ASSERT_TRUE(run_until([&] { return source.acked.contains(id); }));
    ASSERT_EQ(source.progress.size(), 2U);
    EXPECT_EQ(source.progress[1].fraction, 1.0);
    EXPECT_EQ(source.progress[1].message, "done");
}

TEST_F(ActiveRun, GoesOnTellingWhileItRuns) {
    config.report_every = 1ms;
    const auto talk = [this](std::shared_ptr<job_run> run) -> asio::awaitable<outcome> {
        while (source.progress.size() < 5) {
            run->progress(0.5, "");
            co_await asio::post(asio::use_awaitable);
        }
        co_return completed{};
    };
    handlers.add("talk", talk);
    start();
    source.add("talk");
    EXPECT_TRUE(run_until([&] { return source.acked.size() == 1; }));
}

TEST_F(ActiveRun, IgnoresWhatIsSaidAfterItsEndOrIsNoNumber) {
    std::shared_ptr<job_run> kept;
    const auto talk = [&](std::shared_ptr<job_run> run) -> asio::awaitable<outcome> {
        kept = run;
        run->progress(std::numeric_limits<double>::quiet_NaN(), std::string(5000, 'x'));
        co_return completed{};
    };
    handlers.add("talk", talk);
    start();
    source.add("talk");
    ASSERT_TRUE(run_until([&] { return source.acked.size() == 1; }));
    ASSERT_EQ(source.progress.size(), 1U);
    EXPECT_EQ(source.progress[0].fraction, 0.0);
    EXPECT_EQ(source.progress[0].message.size(), 1024U);
    kept->progress(0.9, "late");
    kept->log(log_stream::log, "late");
    spawn_stop(1s);
    ASSERT_TRUE(run_until([&] { return stopped; }));
    pool.reset();
    kept->progress(0.9, "later still");
    context.restart();
    context.poll();
    EXPECT_EQ(source.progress.size(), 1U);
}

TEST_F(ActiveRun, HandsItsLogOnInOrderFromAnyThread) {
    std::string text;
    keep_log = [&](log_batch batch) -> asio::awaitable<void> {
        for (const auto& piece : batch.pieces) text += piece.text;
        EXPECT_TRUE(batch.lease);
        co_await asio::post(asio::use_awaitable);
    };
    const auto talk = [](job_run& run) -> outcome {
        for (int i = 0; i < 100; ++i) run.log(log_stream::stdout_, std::to_string(i % 10));
        return completed{};
    };
    handlers.add_blocking("talk", talk);
    config.report_every = 1ms;
    start();
    source.add("talk");
    ASSERT_TRUE(run_until([&] { return source.acked.size() == 1; }));
    EXPECT_EQ(text.size(), 100U);
    EXPECT_EQ(text.substr(0, 12), "012345678901");
}

TEST_F(ActiveRun, DropsLogTextBeyondItsCapAndCountsIt) {
    std::size_t bytes = 0, dropped = 0;
    keep_log = [&](log_batch batch) -> asio::awaitable<void> {
        for (const auto& piece : batch.pieces) bytes += piece.text.size();
        dropped += batch.dropped;
        co_return;
    };
    const auto talk = [](std::shared_ptr<job_run> run) -> asio::awaitable<outcome> {
        const std::string line(1024, 'x');
        for (int i = 0; i < 1000; ++i) run->log(log_stream::stderr_, line);
        co_return completed{};
    };
    handlers.add("talk", talk);
    start();
    source.add("talk");
    ASSERT_TRUE(run_until([&] { return source.acked.size() == 1; }));
    EXPECT_EQ(bytes / 1024, active_run::log_bytes_max / log_cost(std::string(1024, 'x')));
    EXPECT_EQ(dropped, 1000 - bytes / 1024);
}

TEST_F(ActiveRun, KeepsNotesBeyondTheCapOfItsLog) {
    std::size_t notes = 0, dropped = 0;
    keep_log = [&](log_batch batch) -> asio::awaitable<void> {
        for (const auto& piece : batch.pieces)
            if (piece.stream == log_stream::note) ++notes;
        dropped += batch.dropped;
        co_return;
    };
    const auto talk = [](std::shared_ptr<job_run> run) -> asio::awaitable<outcome> {
        for (int i = 0; i < 300; ++i) run->log(log_stream::stdout_, std::string(1024, 'x'));
        run->log(log_stream::note, "7 lines dropped");
        for (int i = 0; i < 1000; ++i) run->log(log_stream::note, std::string(1024, 'x'));
        co_return completed{};
    };
    handlers.add("talk", talk);
    start();
    source.add("talk");
    ASSERT_TRUE(run_until([&] { return source.acked.size() == 1; }));
    EXPECT_GE(notes, 1U);
    EXPECT_LE(notes, 1 + log_note_reserve / 1024);
    EXPECT_EQ(dropped + notes + active_run::log_bytes_max / log_cost(std::string(1024, 'x')),
              1301U);
}

TEST_F(ActiveRun, ResultsAndFailuresAreHeldToTheBoundsOfTheWire) {
    handlers.add("bad", [](auto) { return end_with(completed{R"({"a":)"}); });
    handlers.add("large",
                 [](auto) { return end_with(completed{'"' + std::string(2'000'000, 'x') + '"'}); });
    handlers.add("wordy", [](auto) {
        failed how;
        how.failure.message = std::string(100'000, 'x');
        return end_with(how);
    });
    start();
    const uuid bad = source.add("bad"), large = source.add("large"), wordy = source.add("wordy");
    ASSERT_TRUE(run_until([&] { return source.failed.size() == 3; }));
    EXPECT_EQ(source.failed[bad].failure.code, "invalid_result");
    EXPECT_FALSE(source.failed[bad].retryable);
    EXPECT_EQ(source.failed[large].failure.code, "result_too_large");
    EXPECT_EQ(source.failed[wordy].failure.message.size(), 16'384U);
}

TEST_F(ActiveRun, AnyExceptionIsTheEndOfItsOwnRunAlone) {
    handlers.add("throw.memory", [](auto) -> asio::awaitable<outcome> {
        throw std::bad_alloc();  // before there is any coroutine
    });
    const auto exhaust = [](std::shared_ptr<job_run>) -> asio::awaitable<outcome> {
        co_await asio::post(asio::use_awaitable);
        throw std::bad_alloc();  // a sanitizer lets no real allocation fail
    };
    handlers.add("throw.more", exhaust);
    handlers.add_blocking("throw.blocking", [](job_run&) -> outcome { throw 7; });
    config.concurrency = 2;
    start();
    for (int i = 0; i < 5; ++i) {
        for (const auto* type : {"throw.memory", "throw.more", "throw.blocking", "test.count"})
            source.add(type);
    }
    ASSERT_TRUE(run_until([&] { return source.granted == 20 && source.leased() == 0; }));
    EXPECT_EQ(source.failed.size(), 15U);
    EXPECT_EQ(source.acked.size(), 5U);
    for (const auto& [id, how] : source.failed) EXPECT_EQ(how.failure.type, "sluice.exception");
}

// -- handlers that block

/// Holds threads until it is opened.
class turnstile {
public:
    void pass() {
        std::unique_lock lock(mutex_);
        ++waiting_;
        open_wanted_.wait(lock, [this] { return open_; });
    }
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        open_wanted_.notify_all();
    }
    int waiting() {
        const std::lock_guard lock(mutex_);
        return waiting_;
    }

private:
    std::mutex mutex_;
    std::condition_variable open_wanted_;
    int waiting_ = 0;
    bool open_ = false;
};

TEST_F(ActiveRun, AHandlerThatBlocksHoldsNothingButItsThread) {
    turnstile held;
    handlers.add_blocking("block", [&](job_run& run) -> outcome {
        held.pass();
        return completed{run.job().spec->args};
    });
    config.blocking_threads = 2;
    start();
    source.add("block", "[1]");
    source.add("block", "[2]");
    source.add("block", "[3]");
    for (int i = 0; i < 100; ++i) source.add("test.count");
    ASSERT_TRUE(run_until([&] { return source.acked.size() == 100 && held.waiting() == 2; }));
    held.open();
    ASSERT_TRUE(run_until([&] { return source.acked.size() == 103; }));
}

TEST_F(ActiveRun, ABlockingHandlerSeesItsStop) {
    std::atomic<bool> begun = false;
    handlers.add_blocking("block", [&](job_run& run) -> outcome {
        std::mutex mutex;
        std::condition_variable_any stop_wanted;
        std::unique_lock lock(mutex);
        begun = true;
        stop_wanted.wait(lock, run.stop(), [] { return false; });
        return interrupted{};
    });
    start();
    const uuid id = source.add("block");
    ASSERT_TRUE(run_until([&] { return begun.load(); }));
    spawn_stop(1ms);
    ASSERT_TRUE(run_until([&] { return stopped; }));
    EXPECT_EQ(left, 0U);
    EXPECT_TRUE(source.released.contains(id));
}

TEST_F(ActiveRun, AHandlerThatNeverStopsDoesNotKeepTheServerFromStopping) {
    turnstile held;
    handlers.add_blocking("hang", [&](job_run&) -> outcome {
        held.pass();
        return completed{};
    });
    handlers.add("hang.too", [this](auto) { return pass_gate(); });
    config.stop_patience = 10ms;
    start();
    source.add("hang");
    source.add("hang.too");
    source.add("sluice.sleep", "[3600000]");
    ASSERT_TRUE(run_until([&] { return held.waiting() == 1 && runs == 1; }));
    spawn_stop(1ms);
    ASSERT_TRUE(run_until([&] { return stopped; }));
    EXPECT_EQ(left, 2U);
    EXPECT_EQ(source.released.size(), 1U);
    EXPECT_EQ(source.leased(), 2U);  // the backend gives these back when it shuts down
    held.open();
    gate.cancel();
    ASSERT_TRUE(run_until([&] { return source.leased() == 0; }));
}

asio::awaitable<outcome> talk_rest_talk(std::shared_ptr<job_run> run) {
    run->progress(0.1, "begun");
    // Longer than the rest between two reports: the run has fallen silent by then.
    asio::steady_timer rest(co_await asio::this_coro::executor, 20ms);
    co_await rest.async_wait(nothrow_await);
    run->progress(1.0, "done");
    co_return completed{};
}

TEST_F(ActiveRun, MayTalkAgainAfterASilenceAndEndAtOnce) {
    config.report_every = 1ms;
    handlers.add("talk", talk_rest_talk);
    start();
    const uuid id = source.add("talk");
    EXPECT_TRUE(run_until([&] { return source.acked.contains(id); }));
}

}  // namespace
}  // namespace sluice::worker
