#include "tests/contract/backend_contract.hpp"

#include "proto/limits.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice::test {
namespace {

const redrive_check anybody;

redrive_request of_queue(std::string queue, std::size_t canary, double rate = 1'000) {
    redrive_request asked;
    asked.filter.queue = std::move(queue);
    asked.canary = canary;
    asked.rate = rate;
    return asked;
}

asio::awaitable<void> bury(backend_contract& t, int count) {
    for (int i = 0; i < count; ++i) {
        auto spec = contract_job("q");
        spec.retry.max_attempts = 1;
        spec.retry.on_exhaustion = exhaustion::dead_letter;
        co_await t.push(std::move(spec));
        const auto held = co_await t.fetch_one("q");
        auto request = backend_contract::nack_of(held);
        request.failure.type = "smtp";
        const auto answer = co_await t.queue().nack(std::move(request));
        EXPECT_TRUE(answer && answer->job.dead_letter);
    }
}

/// As it is once `done` says so, or after a while.
template <class Done>
asio::awaitable<redrive_view> await_redrive(backend_contract& t, std::string id, Done done) {
    redrive_view seen;
    for (int i = 0; i < 500; ++i) {
        auto found = co_await t.queue().redrive(id);
        if (found) seen = std::move(*found);
        if (done(seen.redrive)) break;
        asio::steady_timer pause(t.executor(), 10ms);
        co_await pause.async_wait(asio::use_awaitable);
    }
    co_return seen;
}

bool over(const redrive_record& r) {
    return is_over(r.state);
}

CONTRACT(ARedriveSendsAllOnceItsCanaryHasCompleted) {
    co_await bury(t, 4);
    const auto begun = co_await t.queue().begin_redrive(of_queue("q", 1));
    EXPECT_TRUE(begun && begun->redrive.state == redrive_state::canary);
    if (!begun) co_return;
    auto canary = co_await t.fetch(contract_fetch("q", 30s));
    EXPECT_EQ(canary.size(), 1U);
    if (canary.empty()) co_return;
    const auto others = co_await t.fetch(contract_fetch("q"));
    EXPECT_TRUE(others.empty()) << "they wait for the canary";
    co_await t.ack(canary.front());
    const auto seen = co_await await_redrive(t, begun->redrive.id, over);
    EXPECT_EQ(seen.redrive.state, redrive_state::completed);
    EXPECT_EQ(seen.redrive.sent, 4U);
    for (int i = 0; i < 3; ++i) co_await t.fetch_one("q");
}

CONTRACT(ARedriveStopsWhenItsCanaryDies) {
    co_await bury(t, 4);
    const auto begun = co_await t.queue().begin_redrive(of_queue("q", 1));
    if (!begun) co_return;
    auto canary = co_await t.fetch(contract_fetch("q", 30s));
    EXPECT_EQ(canary.size(), 1U);
    if (canary.empty()) co_return;
    auto request = backend_contract::nack_of(canary.front());
    request.failure.type = "smtp";
    const auto died = co_await t.queue().nack(std::move(request));
    EXPECT_TRUE(died);
    const auto seen = co_await await_redrive(t, begun->redrive.id, over);
    EXPECT_EQ(seen.redrive.state, redrive_state::stopped);
    EXPECT_EQ(seen.redrive.sent, 1U);
    EXPECT_TRUE(seen.redrive.stopped_by && seen.redrive.stopped_by->error_type == "smtp");
    co_await t.reopen();
    const auto kept = co_await t.queue().redrive(begun->redrive.id);
    EXPECT_TRUE(kept && kept->redrive == seen.redrive);
    const auto more = co_await t.fetch(contract_fetch("q"));
    EXPECT_TRUE(more.empty());
}

CONTRACT(ARedriveGoesOnAfterARestart) {
    co_await bury(t, 4);
    const auto begun = co_await t.queue().begin_redrive(of_queue("q", 0, 20));
    if (!begun) co_return;
    co_await await_redrive(t, begun->redrive.id, [](const auto& r) { return r.sent > 0; });
    co_await t.reopen();
    const auto seen = co_await await_redrive(t, begun->redrive.id, over);
    EXPECT_EQ(seen.redrive.state, redrive_state::completed);
    EXPECT_EQ(seen.redrive.sent, 4U);
    for (int i = 0; i < 4; ++i) co_await t.fetch_one("q");
    const auto more = co_await t.fetch(contract_fetch("q"));
    EXPECT_TRUE(more.empty()) << "none was sent twice";
}

CONTRACT(ARedriveIsCancelledOnce) {
    co_await bury(t, 4);
    const auto begun = co_await t.queue().begin_redrive(of_queue("q", 0, 0.01));
    if (!begun) co_return;
    const auto& id = begun->redrive.id;
    co_await await_redrive(t, id, [](const auto& r) { return r.sent > 0; });
    const redrive_check nobody = [](const redrive_record&) {
        return std::optional<error>(errc::forbidden);
    };
    const auto refused = co_await t.queue().cancel_redrive(id, nobody);
    EXPECT_EQ(code_of(refused), errc::forbidden);
    const auto cancelled = co_await t.queue().cancel_redrive(id, anybody);
    EXPECT_TRUE(cancelled && cancelled->redrive.state == redrive_state::cancelled);
    const auto again = co_await t.queue().cancel_redrive(id, anybody);
    EXPECT_EQ(code_of(again), errc::conflict);
    const auto all = co_await t.queue().redrives();
    EXPECT_TRUE(all && all->size() == 1 && all->front().redrive.sent == 1);
    const auto missing = co_await t.queue().cancel_redrive("rdr_none", anybody);
    EXPECT_EQ(code_of(missing), errc::not_found);
    const auto unknown = co_await t.queue().redrive("rdr_none");
    EXPECT_EQ(code_of(unknown), errc::not_found);
}

CONTRACT(ARedriveWaitsForAPausedQueue) {
    co_await bury(t, 2);
    co_await t.queue().pause_queue("q", true);
    const auto begun = co_await t.queue().begin_redrive(of_queue("q", 0));
    if (!begun) co_return;
    auto waiting = redrive_wait::nothing;
    for (int i = 0; i < 500 && waiting == redrive_wait::nothing; ++i) {
        const auto seen = co_await t.queue().redrive(begun->redrive.id);
        if (seen) waiting = seen->waits_for;
        co_await t.yield();
        asio::steady_timer pause(t.executor(), 1ms);
        co_await pause.async_wait(asio::use_awaitable);
    }
    EXPECT_EQ(waiting, redrive_wait::queue_paused);
    co_await t.queue().pause_queue("q", false);
    const auto seen = co_await await_redrive(t, begun->redrive.id, over);
    EXPECT_EQ(seen.redrive.sent, 2U);
}

CONTRACT(NoMoreRedrivesThanAFewMayBeUnderWay) {
    co_await bury(t, 1);
    co_await t.queue().pause_queue("q", true);
    for (std::size_t i = 0; i < limits::redrives_active_max; ++i) {
        const auto begun = co_await t.queue().begin_redrive(of_queue("q", 0));
        EXPECT_TRUE(begun);
    }
    const auto refused = co_await t.queue().begin_redrive(of_queue("q", 0));
    EXPECT_EQ(code_of(refused), errc::conflict);
    const auto all = co_await t.queue().redrives();
    EXPECT_TRUE(all && all->size() == limits::redrives_active_max);
}

}  // namespace
}  // namespace sluice::test
