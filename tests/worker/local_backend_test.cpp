// The pool over the embedded backend, as the server runs it.

#include "server/queue/local_backend.hpp"
#include "server/runtime/clock.hpp"
#include "server/runtime/nothrow_await.hpp"
#include "server/runtime/task_group.hpp"
#include "server/worker/keep_log.hpp"
#include "server/worker/worker_pool.hpp"
#include "tests/support/memory_store.hpp"

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <functional>
#include <map>

namespace sluice::worker {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

class pool_on_backend_test : public ::testing::Test {
protected:
    asio::io_context context;
    logger log{log_level::error, logger::format::human, false};
    std::shared_ptr<test::memory_disk> disk = std::make_shared<test::memory_disk>();
    handler_registry handlers;
    std::unique_ptr<backend> store;
    std::unique_ptr<worker_pool> pool;
    std::vector<uuid> pushed;
    std::map<uuid, job_record> ended;
    bool stopped = false;
    std::chrono::milliseconds patience{2000};
    std::size_t left = 0;
    std::optional<std::chrono::milliseconds> timeout;
    bool keeps_logs = true;
    std::size_t job_log_bytes = engine_config{}.job_log_bytes;
    task_group tasks{context.get_executor(),
                     [](std::exception_ptr fault) { std::rethrow_exception(fault); }};

    void SetUp() override { add_builtin_handlers(handlers); }

    void start(std::size_t concurrency) {
        local_backend_options options;
        options.engine.handled_types = handlers.types(16);
        options.engine.job_log_bytes = job_log_bytes;
        options.now = system_instant;
        options.on_store_failure = [](const std::string& why) { FAIL() << why; };
        options.seed = 1;
        store = make_local_backend(context.get_executor(),
                                   std::make_unique<test::memory_store>(disk), std::move(options));
        pool = std::make_unique<worker_pool>(
            context.get_executor(), *store, handlers,
            pool_config{.concurrency = concurrency, .queues = {}, .stop_patience = patience}, log,
            keeps_logs ? keep_in(*store) : log_sink{});
        pool->start();
    }

    bool run_until(const std::function<bool()>& done) {
        const auto limit = steady::now() + 20s;
        while (!done() && steady::now() < limit) {
            context.restart();
            context.run_one_for(10ms);
        }
        return done();
    }

    asio::awaitable<void> push(std::string type, raw_json args) {
        push_request request;
        request.jobs.emplace_back();
        request.jobs.back().type = std::move(type);
        request.jobs.back().args = std::move(args);
        request.jobs.back().timeout = timeout;
        request.jobs.back().retry.max_attempts = 1;
        const auto answer = co_await store->push(std::move(request));
        EXPECT_TRUE(answer) << answer.error().message;
        if (answer) pushed.push_back(answer->jobs.front().spec->id);
    }
    asio::awaitable<void> wait_for(uuid id) {
        auto answer = co_await store->wait(id, 15s, std::stop_token{});
        EXPECT_TRUE(answer);
        if (answer) ended[id] = std::move(*answer);
    }
    asio::awaitable<void> look_at(uuid id) {
        auto answer = co_await store->info(id);
        EXPECT_TRUE(answer);
        if (answer) ended[id] = std::move(*answer);
    }
    asio::awaitable<void> cancel(uuid id) {
        const auto answer = co_await store->cancel(id);
        EXPECT_TRUE(answer);
    }
    asio::awaitable<void> stop(std::chrono::milliseconds grace) {
        store->begin_drain();
        left = co_await pool->stop(grace);
        for (const uuid& id : pushed) co_await look_at(id);
        co_await store->shut_down();
        stopped = true;
    }

    /// Until `count` jobs have been pushed in all.
    void push_all(const std::string& type, const std::function<raw_json(int)>& args, int count) {
        const int before = static_cast<int>(pushed.size());
        for (int i = before; i < count; ++i) tasks.spawn(push(type, args(i)));
        ASSERT_TRUE(run_until([&] { return std::cmp_equal(pushed.size(), count); }));
    }
    void stop_and_wait(std::chrono::milliseconds grace) {
        tasks.spawn(stop(grace));
        ASSERT_TRUE(run_until([&] { return stopped; }));
    }
};

using PoolOnBackend = pool_on_backend_test;

TEST_F(PoolOnBackend, CompletesEveryJobInItsFirstAttempt) {
    start(16);
    push_all(
        "sluice.square", [](int i) { return "[" + std::to_string(i) + "]"; }, 500);
    for (const uuid& id : pushed) tasks.spawn(wait_for(id));
    ASSERT_TRUE(run_until([&] { return ended.size() == 500; }));
    for (const auto& [id, job] : ended) {
        EXPECT_EQ(job.state, job_state::completed);
        EXPECT_EQ(job.attempt, 1U);
        const auto number = std::stoull(job.spec->args.substr(1));
        EXPECT_EQ(job.result, std::to_string(number * number));
    }
    stop_and_wait(1s);
}

TEST_F(PoolOnBackend, StopGivesRunningJobsBackWithoutAnAttempt) {
    start(8);
    push_all(
        "sluice.sleep", [](int) { return "[3600000]"; }, 20);
    ASSERT_TRUE(run_until([&] { return store->health().jobs_granted == 8; }));
    stop_and_wait(20ms);
    for (const auto& [id, job] : ended) {
        EXPECT_EQ(job.state, job_state::available);
        EXPECT_EQ(job.attempt, 0U);
        EXPECT_EQ(job.interruptions, 0U);
    }
    EXPECT_EQ(ended.size(), 20U);
    EXPECT_TRUE(disk->closed());
}

TEST_F(PoolOnBackend, StopsTheHandlerOfACancelledJob) {
    start(1);
    push_all(
        "sluice.sleep", [](int) { return "[3600000]"; }, 1);
    ASSERT_TRUE(run_until([&] { return store->health().jobs_granted == 1; }));
    tasks.spawn(cancel(pushed.front()));
    push_all(
        "sluice.square", [](int) { return "[3]"; }, 2);  // the only worker must be free again
    tasks.spawn(wait_for(pushed.back()));
    ASSERT_TRUE(run_until([&] { return ended.size() == 1; }));
    EXPECT_EQ(ended[pushed.back()].state, job_state::completed);
    stop_and_wait(1s);
    EXPECT_EQ(ended[pushed.front()].state, job_state::cancelled);
}

TEST_F(PoolOnBackend, StopsTheHandlerOfAJobThatRanOutOfTime) {
    timeout = 100ms;
    start(1);
    push_all(
        "sluice.sleep", [](int) { return "[3600000]"; }, 1);
    push_all(
        "sluice.square", [](int) { return "[3]"; }, 2);
    tasks.spawn(wait_for(pushed.back()));
    ASSERT_TRUE(run_until([&] { return ended.size() == 1; }));
    EXPECT_EQ(ended[pushed.back()].state, job_state::completed);
    stop_and_wait(1s);
    EXPECT_EQ(ended[pushed.front()].state, job_state::discarded);
}

TEST_F(PoolOnBackend, KeepsTheLimitOfAHandlerOverAllItsTypesAndKeepsAllWorkersBusy) {
    std::size_t running = 0, most = 0, others = 0;
    const auto limited = [&](std::shared_ptr<job_run>) -> asio::awaitable<outcome> {
        most = std::max(most, ++running);
        asio::steady_timer timer(context, 1ms);
        co_await timer.async_wait(nothrow_await);
        --running;
        co_return completed{};
    };
    handlers.add("limited.*", limited, {.concurrency = 3, .check = {}});
    handlers.add("*", [&](auto) -> asio::awaitable<outcome> {
        ++others;
        co_return completed{};
    });
    start(16);
    push_all(
        "limited.a", [](int) { return "[]"; }, 30);
    push_all(
        "limited.b", [](int) { return "[]"; }, 60);
    push_all(
        "whatever", [](int) { return "[]"; }, 90);
    for (const uuid& id : pushed) tasks.spawn(wait_for(id));
    ASSERT_TRUE(run_until([&] { return ended.size() == 90; }));
    EXPECT_EQ(most, 3U);
    EXPECT_EQ(others, 30U);
    stop_and_wait(1s);
}

TEST_F(PoolOnBackend, ADelegatedJobStaysActiveWhenTheServerStops) {
    handlers.add("away", [](auto) -> asio::awaitable<outcome> {
        co_return delegated{"push:receiver", 1h};
    });
    start(4);
    push_all(
        "away", [](int) { return "[]"; }, 1);
    ASSERT_TRUE(run_until([&] {
        tasks.spawn(look_at(pushed.front()));
        return ended[pushed.front()].worker_id == "push:receiver";
    }));
    stop_and_wait(1s);
    EXPECT_EQ(ended[pushed.front()].state, job_state::active);
    EXPECT_TRUE(ended[pushed.front()].lease_expires_at);
}

TEST_F(PoolOnBackend, GivesTheJobOfAHandlerBackThatNeverStops) {
    asio::steady_timer never(context, steady::time_point::max());
    bool begun = false;
    handlers.add("hang", [&](auto) -> asio::awaitable<outcome> {
        begun = true;
        co_await never.async_wait(nothrow_await);
        co_return completed{};
    });
    patience = 5ms;
    start(2);
    push_all(
        "hang", [](int) { return "[]"; }, 1);
    ASSERT_TRUE(run_until([&] { return begun; }));
    stop_and_wait(5ms);
    EXPECT_EQ(left, 1U);
    // What the next server finds.
    auto own = std::make_unique<test::memory_store>(disk);
    std::vector<job_state> found;
    restore_sink sink;
    sink.waiting = [&](const waiting_job& job) { found.push_back(job.state); };
    sink.active = [&](const job_record& job) { found.push_back(job.state); };
    sink.queue = [](std::string_view, bool) {};
    own->restore_blocking(sink);
    EXPECT_EQ(found, std::vector<job_state>{job_state::available});
    never.cancel();  // its answer comes too late and changes nothing
    context.restart();
    context.poll();
}

TEST_F(PoolOnBackend, KeepsTheProgressOfARun) {
    handlers.add("talk", [](std::shared_ptr<job_run> run) -> asio::awaitable<outcome> {
        run->progress(0.5, "half");
        run->progress(1.0, "all");
        co_return completed{};
    });
    start(2);
    push_all(
        "talk", [](int) { return "[]"; }, 1);
    tasks.spawn(wait_for(pushed.front()));
    ASSERT_TRUE(run_until([&] { return ended.size() == 1; }));
    const auto& job = ended.begin()->second;
    EXPECT_EQ(job.state, job_state::completed);
    ASSERT_TRUE(job.progress);
    EXPECT_EQ(job.progress->fraction, 1.0);
    EXPECT_EQ(job.progress->message, "all");
    stop_and_wait(1s);
}

class LogOnBackend : public pool_on_backend_test {
protected:
    void add_talker(std::string type, int count) {
        handlers.add(type, [count](std::shared_ptr<job_run> run) -> asio::awaitable<outcome> {
            for (int i = 0; i < count; ++i) run->log(log_stream::stdout_, std::to_string(i));
            co_return completed{};
        });
    }
    /// Runs one job to its end; the log it left.
    std::vector<log_line> log_of_one(const std::string& type) {
        push_all(
            type, [](int) { return "[]"; }, 1);
        tasks.spawn(wait_for(pushed.front()));
        EXPECT_TRUE(run_until([&] { return ended.size() == 1; }));
        return lines();
    }
    std::vector<log_line> lines() {
        std::vector<log_line> all;
        const auto image = disk->image();
        for (const auto& [seq, lines_of_job] : image.logs)
            for (const auto& write : lines_of_job) all.push_back(write.line);
        return all;
    }
};

TEST_F(LogOnBackend, KeepsWhatAHandlerSays) {
    handlers.add("talk", [](std::shared_ptr<job_run> run) -> asio::awaitable<outcome> {
        run->log(log_stream::stderr_, "two\nlines\n");
        run->log(log_stream::log, "");
        run->log(log_stream::stdout_, std::string("bad \xFF", 5));
        co_return completed{};
    });
    start(2);
    const auto found = log_of_one("talk");
    ASSERT_EQ(found.size(), 4U);
    EXPECT_EQ(found[0].text, "two");
    EXPECT_EQ(found[1].text, "lines");
    EXPECT_EQ(found[1].stream, log_stream::stderr_);
    EXPECT_EQ(found[2].text, "");
    EXPECT_EQ(found[3].text, "bad \xEF\xBF\xBD");
    EXPECT_EQ(found[3].attempt, 1U);
    stop_and_wait(1s);
}

TEST_F(LogOnBackend, KeepsNothingWithoutASink) {
    keeps_logs = false;
    add_talker("talk", 3);
    start(2);
    EXPECT_TRUE(log_of_one("talk").empty());
    stop_and_wait(1s);
}

TEST_F(LogOnBackend, TheLastWordsOfARunCostNoCommitOfTheirOwn) {
    add_talker("talk", 100);
    add_talker("quiet", 0);
    start(1);
    log_of_one("quiet");
    const auto before = disk->commits();
    push_all(
        "quiet", [](int) { return "[]"; }, 2);
    tasks.spawn(wait_for(pushed.back()));
    ASSERT_TRUE(run_until([&] { return ended.size() == 2; }));
    const auto quiet = disk->commits() - before;
    push_all(
        "talk", [](int) { return "[]"; }, 3);
    tasks.spawn(wait_for(pushed.back()));
    ASSERT_TRUE(run_until([&] { return ended.size() == 3; }));
    EXPECT_EQ(disk->commits() - before - quiet, quiet);
    EXPECT_EQ(lines().size(), 100U);
    stop_and_wait(1s);
}

TEST_F(LogOnBackend, OfAFloodIsCappedAndSaysHowMuchIsMissing) {
    job_log_bytes = 100'000;
    handlers.add("flood", [this](std::shared_ptr<job_run> run) -> asio::awaitable<outcome> {
        asio::steady_timer timer(context);
        const std::string line(100, 'x');
        for (int i = 0; i < 20; ++i) {
            for (int j = 0; j < 10'000; ++j) run->log(log_stream::stdout_, line);
            timer.expires_after(1ms);
            co_await timer.async_wait(nothrow_await);
        }
        co_return completed{};
    });
    start(1);
    const auto found = log_of_one("flood");
    std::uint64_t kept = 0, dropped = 0, notes = 0;
    for (const auto& line : found) {
        if (line.stream == log_stream::stdout_) ++kept;
        if (line.stream != log_stream::note) continue;
        ++notes;
        if (line.text.ends_with(" lines dropped")) dropped += std::stoull(line.text);
    }
    EXPECT_EQ(kept + dropped, 200'000U) << "each line is there or counted";
    EXPECT_LE(kept, 700U);
    EXPECT_LE(notes, 4U);
    stop_and_wait(1s);
}

TEST_F(PoolOnBackend, ReportsAFailureThatIsNotRetryable) {
    start(2);
    push_all(
        "sluice.fail", [](int) { return R"(["no", "broken", false])"; }, 1);
    tasks.spawn(wait_for(pushed.front()));
    ASSERT_TRUE(run_until([&] { return ended.size() == 1; }));
    const job_record& job = ended.begin()->second;
    EXPECT_EQ(job.state, job_state::discarded);
    ASSERT_EQ(job.failures.size(), 1U);
    EXPECT_EQ(job.failures[0].message, "no");
    EXPECT_EQ(job.failures[0].code, "broken");
    stop_and_wait(1s);
}

TEST_F(PoolOnBackend, AHandlerThatIgnoresItsStopKeepsItsPlace) {
    asio::steady_timer gate{context, steady::time_point::max()};
    int running = 0;
    int most = 0;
    handlers.add("deaf",
                 [&](const std::shared_ptr<job_run>&) -> asio::awaitable<outcome> {
                     most = std::max(most, ++running);
                     co_await gate.async_wait(nothrow_await);
                     --running;
                     co_return completed{};
                 },
                 {.concurrency = 1, .check = {}});
    start(4);
    push_all(
        "deaf", [](int) { return "[]"; }, 3);
    ASSERT_TRUE(run_until([&] { return running == 1; }));
    // Whichever runs: all that were pushed are cancelled but the last.
    tasks.spawn(cancel(pushed[0]));
    tasks.spawn(cancel(pushed[1]));
    tasks.spawn(wait_for(pushed[0]));
    tasks.spawn(wait_for(pushed[1]));
    ASSERT_TRUE(run_until([&] { return ended.size() == 2; }));
    push_all(
        "sluice.echo", [](int) { return "[]"; }, 4);
    tasks.spawn(wait_for(pushed[3]));
    ASSERT_TRUE(run_until([&] { return ended.size() == 3; }));
    EXPECT_EQ(running, 1);
    gate.cancel();
    ASSERT_TRUE(run_until([&] { return running == 1 && most == 1; }));
    tasks.spawn(wait_for(pushed[2]));
    ASSERT_TRUE(run_until([&] {
        gate.cancel();
        return ended.size() == 4;
    }));
    EXPECT_EQ(most, 1);
    stop_and_wait(1s);
}

}  // namespace
}  // namespace sluice::worker
