#include "tests/contract/backend_contract.hpp"

namespace sluice::test {
namespace {

CONTRACT(AFetchThatDoesNotWaitIsEmptyWhenThereIsNothing) {
    const auto jobs = co_await t.fetch(contract_fetch("nothing"));
    EXPECT_TRUE(jobs.empty());
    const auto queues = co_await t.queue().queues();
    EXPECT_TRUE(queues);
    if (queues) {
        EXPECT_TRUE(queues->empty());
    }
}

CONTRACT(ALongPollIsWokenByAPush) {
    auto waiting = t.start(t.fetch(contract_fetch("q", 10s)));
    co_await t.yield();
    EXPECT_FALSE(waiting.done());
    const auto begun = std::chrono::steady_clock::now();
    const auto pushed = co_await t.push(contract_job("q"));
    const auto jobs = co_await waiting.answer();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
    EXPECT_EQ(jobs.size(), 1U);
    for (const auto& job : jobs) {
        EXPECT_EQ(job.spec->id, pushed.spec->id);
        EXPECT_EQ(job.state, job_state::active);
        EXPECT_EQ(job.attempt, 1U);
        EXPECT_EQ(job.worker_id, "w1");
        EXPECT_TRUE(job.lease);
        EXPECT_TRUE(job.lease_expires_at);
    }
}

CONTRACT(ALongPollEndsEmptyInItsTime) {
    const auto begun = std::chrono::steady_clock::now();
    const auto jobs = co_await t.fetch(contract_fetch("q", 50ms));
    EXPECT_TRUE(jobs.empty());
    EXPECT_GE(std::chrono::steady_clock::now() - begun, 50ms);
}

CONTRACT(ALongPollThatIsStoppedEndsEmptyAndTakesNothing) {
    std::stop_source stop;
    auto waiting = t.start(t.queue().fetch(contract_fetch("q", 10s), stop.get_token()));
    co_await t.yield();
    stop.request_stop();
    auto answer = co_await waiting.answer();
    EXPECT_TRUE(answer);
    if (answer) {
        EXPECT_TRUE(answer->empty());
    }
    const auto pushed = co_await t.push(contract_job("q"));
    EXPECT_EQ(pushed.state, job_state::available);
    const auto held = co_await t.fetch_one("q");
    EXPECT_EQ(held.attempt, 1U);
}

CONTRACT(AFetchThatWasStoppedBeforeItBeganLeavesTheJobForOthers) {
    co_await t.push(contract_job("q"));
    std::stop_source stop;
    stop.request_stop();
    const auto answer = co_await t.queue().fetch(contract_fetch("q", 10s), stop.get_token());
    EXPECT_TRUE(answer);
    if (answer) {
        EXPECT_TRUE(answer->empty());
    }
    const auto held = co_await t.fetch_one("q");
    EXPECT_EQ(held.attempt, 1U);
    EXPECT_EQ(held.interruptions, 0U);
}

CONTRACT(LongPollsAreServedInOrderOfArrival) {
    auto first = t.start(t.fetch(contract_fetch("q", 10s)));
    co_await t.yield();
    auto second = t.start(t.fetch(contract_fetch("q", 10s)));
    co_await t.yield();
    const auto a = co_await t.push(contract_job("q"));
    const auto one = co_await first.answer();
    EXPECT_FALSE(second.done());
    const auto b = co_await t.push(contract_job("q"));
    const auto two = co_await second.answer();
    EXPECT_EQ(one.at(0).spec->id, a.spec->id);
    EXPECT_EQ(two.at(0).spec->id, b.spec->id);
}

CONTRACT(QueuesAreAskedFromLeftToRightAndTypesAreKept) {
    co_await t.push(contract_job("b", "y"));
    const auto a = co_await t.push(contract_job("a", "x"));
    co_await t.push(contract_job("a", "other"));
    auto request = contract_fetch("a");
    request.queues.emplace_back("b");
    request.types = {"x", "y"};
    request.count = 5;
    auto jobs = co_await t.fetch(request);
    if (jobs.size() == 1) {  // fewer than asked for are no promise that there are no more
        const auto more = co_await t.fetch(request);
        jobs.insert(jobs.end(), more.begin(), more.end());
    }
    EXPECT_EQ(jobs.size(), 2U);
    if (jobs.size() == 2) {
        EXPECT_EQ(jobs[0].spec->id, a.spec->id);
        EXPECT_EQ(jobs[1].spec->queue, "b");
    }
}

CONTRACT(PrioritiesGoFirstAndThenTheOrderOfArrival) {
    std::vector<uuid> ids;
    for (const int priority : {0, 5, 0, 5, -3}) {
        auto spec = contract_job("q");
        spec.priority = priority;
        const auto job = co_await t.push(spec);
        ids.push_back(job.spec->id);
    }
    std::vector<uuid> taken;
    for (int i = 0; i < 5; ++i) {
        const auto job = co_await t.fetch_one("q");
        taken.push_back(job.spec->id);
    }
    EXPECT_EQ(taken, (std::vector<uuid>{ids[1], ids[3], ids[0], ids[2], ids[4]}));
}

CONTRACT(AnAckCompletesTheJobForGood) {
    const auto pushed = co_await t.push(contract_job());
    const auto held = co_await t.fetch_one("default");
    auto request = t.ack_of(held);
    request.result = R"({"n":9007199254740993})";
    const auto answer = co_await t.queue().ack(request);
    const auto again = co_await t.queue().ack(request);
    co_await t.reopen();
    const auto later = co_await t.queue().ack(request);
    EXPECT_TRUE(answer && again && later);
    if (!answer || !again || !later) co_return;
    EXPECT_EQ(answer->job.state, job_state::completed);
    EXPECT_FALSE(answer->repeated);
    EXPECT_TRUE(again->repeated);
    EXPECT_TRUE(later->repeated);
    EXPECT_EQ(later->job.result, request.result);
    EXPECT_TRUE(answer->job.acked_at);
    const auto none = co_await t.fetch(contract_fetch("default"));
    EXPECT_TRUE(none.empty());
    const auto failed = co_await t.queue().nack(t.nack_of(held));
    EXPECT_EQ(code_of(failed), errc::already_finished);
    const auto job = co_await t.info(pushed.spec->id);
    EXPECT_EQ(job.state, job_state::completed);
}

CONTRACT(ANackIsTriedAgainAfterItsBackoff) {
    auto spec = contract_job();
    spec.retry.initial_interval = 40ms;
    const auto pushed = co_await t.push(spec);
    const auto held = co_await t.fetch_one("default");
    const auto answer = co_await t.queue().nack(t.nack_of(held));
    EXPECT_TRUE(answer);
    if (answer) {
        EXPECT_EQ(answer->job.state, job_state::retryable);
    }
    const auto again = co_await t.queue().nack(t.nack_of(held));
    EXPECT_TRUE(again && again->repeated);
    const auto jobs = co_await t.fetch(contract_fetch("default", 10s));
    EXPECT_EQ(jobs.size(), 1U);
    if (jobs.empty()) co_return;
    EXPECT_EQ(jobs[0].attempt, 2U);
    EXPECT_EQ(jobs[0].failures.size(), 1U);
    EXPECT_EQ(jobs[0].failures.at(0).message, "it broke");
    const auto stale = co_await t.queue().ack(t.ack_of(held));
    EXPECT_EQ(code_of(stale), errc::lease_lost);
    co_await t.ack(jobs[0]);
    const auto job = co_await t.info(pushed.spec->id);
    EXPECT_EQ(job.state, job_state::completed);
}

CONTRACT(ABackoffOutlivesARestart) {
    auto spec = contract_job();
    spec.retry.initial_interval = 100ms;
    co_await t.push(spec);
    const auto held = co_await t.fetch_one("default");
    const auto answer = co_await t.queue().nack(t.nack_of(held));
    EXPECT_TRUE(answer);
    co_await t.reopen();
    const auto jobs = co_await t.fetch(contract_fetch("default", 10s));
    EXPECT_EQ(jobs.size(), 1U);
}

CONTRACT(WaysToGiveAJobBack) {
    co_await t.push(contract_job());
    auto held = co_await t.fetch_one("default");
    auto release = t.nack_of(held);
    release.release = true;
    const auto released = co_await t.queue().nack(release);
    EXPECT_TRUE(released && released->job.state == job_state::available);
    EXPECT_TRUE(released && released->job.attempt == 0);
    held = co_await t.fetch_one("default");
    auto requeue = t.nack_of(held);
    requeue.requeue = true;
    const auto requeued = co_await t.queue().nack(requeue);
    EXPECT_TRUE(requeued && requeued->job.state == job_state::available);
    EXPECT_TRUE(requeued && requeued->job.attempt == 1);
    held = co_await t.fetch_one("default");
    auto snooze = t.nack_of(held);
    snooze.snooze = 30ms;
    const auto snoozed = co_await t.queue().nack(snooze);
    EXPECT_TRUE(snoozed && snoozed->job.state == job_state::scheduled);
    const auto jobs = co_await t.fetch(contract_fetch("default", 10s));
    EXPECT_EQ(jobs.size(), 1U);
    for (const auto& job : jobs) EXPECT_EQ(job.attempt, 2U);
}

CONTRACT(AnAckThatAsksForMoreGetsTheNextJobs) {
    for (int i = 0; i < 3; ++i) co_await t.push(contract_job());
    const auto held = co_await t.fetch_one("default");
    auto request = t.ack_of(held);
    request.fetch = contract_fetch("default", 10s);
    request.fetch->count = 5;
    const auto answer = co_await t.queue().ack(request);
    EXPECT_TRUE(answer);
    if (!answer) co_return;
    EXPECT_EQ(answer->job.state, job_state::completed);
    EXPECT_EQ(answer->jobs.size(), 2U);
    for (const auto& job : answer->jobs) EXPECT_EQ(job.state, job_state::active);
    auto last = t.nack_of(answer->jobs.at(0));
    last.retryable = false;
    last.fetch = contract_fetch("empty", 10s);
    const auto begun = std::chrono::steady_clock::now();
    const auto ended = co_await t.queue().nack(last);
    EXPECT_TRUE(ended && ended->jobs.empty());
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s) << "an answer never waits for a job";
}

CONTRACT(AJobWhoseWorkerIsNotHeardOfIsOfferedAgain) {
    co_await t.push(contract_job());
    auto request = contract_fetch("default");
    request.visibility_timeout = 40ms;
    const auto first = co_await t.fetch(request);
    EXPECT_EQ(first.size(), 1U);
    const auto second = co_await t.fetch(contract_fetch("default", 10s));
    EXPECT_EQ(second.size(), 1U);
    if (first.empty() || second.empty()) co_return;
    EXPECT_EQ(second[0].attempt, 1U);
    EXPECT_EQ(second[0].interruptions, 1U);
    EXPECT_NE(to_string(second[0].lease), to_string(first[0].lease));
    const auto stale = co_await t.queue().ack(t.ack_of(first[0]));
    EXPECT_EQ(code_of(stale), errc::lease_lost);
    co_await t.ack(second[0]);
}

CONTRACT(AHeartbeatRenewsTheLeaseAndTellsWhatIsLost) {
    const auto pushed = co_await t.push(contract_job());
    const auto lost = co_await t.push(contract_job("lost"));
    const auto held = co_await t.fetch_one("default");
    const auto gone = co_await t.fetch_one("lost");
    const auto cancelled = co_await t.queue().cancel(lost.spec->id);
    EXPECT_TRUE(cancelled);
    heartbeat_request beat;
    beat.worker_id = "w1";
    beat.visibility_timeout = 1h;
    beat.jobs.push_back({gone.spec->id, gone.lease});
    beat.jobs.push_back({held.spec->id, held.lease});
    const auto answer = co_await t.queue().heartbeat(beat);
    EXPECT_TRUE(answer);
    if (!answer) co_return;
    EXPECT_EQ(answer->directive, worker_state::running);
    EXPECT_EQ(answer->jobs.size(), 2U);
    EXPECT_EQ(answer->jobs.at(0).problem, errc::conflict);
    EXPECT_EQ(answer->jobs.at(0).state, job_state::cancelled);
    EXPECT_FALSE(answer->jobs.at(1).problem);
    EXPECT_GT(*answer->jobs.at(1).lease_expires_at, *held.lease_expires_at + 20min);
    co_await t.reopen();
    const auto job = co_await t.info(pushed.spec->id);
    EXPECT_EQ(job.state, job_state::active);
    co_await t.ack(held);
}

CONTRACT(LeasesOutliveTheProcessAndAreNeverGivenTwice) {
    co_await t.push(contract_job());
    co_await t.push(contract_job());
    const auto before = co_await t.fetch_one("default");
    co_await t.reopen();
    const auto after = co_await t.fetch_one("default");
    EXPECT_NE(after.spec->id, before.spec->id);
    EXPECT_NE(to_string(after.lease), to_string(before.lease));
    co_await t.ack(before);
    co_await t.ack(after);
}

CONTRACT(ARunThatTakesTooLongIsAFailure) {
    auto spec = contract_job();
    spec.timeout = 40ms;
    spec.retry.max_attempts = 1;
    const auto pushed = co_await t.push(spec);
    co_await t.fetch_one("default");
    const auto ended = co_await t.queue().wait(pushed.spec->id, 10s, std::stop_token{});
    EXPECT_TRUE(ended);
    if (ended) {
        EXPECT_EQ(ended->state, job_state::discarded);
    }
    if (ended) {
        EXPECT_EQ(ended->outcome, lease_outcome::timed_out);
    }
}

CONTRACT(AHeartbeatIsToldHowLongAWorkerMayBeSilent) {
    t.rules.worker_silence = 7s;
    co_await t.reopen();
    heartbeat_request beat;
    beat.worker_id = "w1";
    const auto answer = co_await t.queue().heartbeat(beat);
    EXPECT_TRUE(answer && answer->worker_silence == 7s);
}

CONTRACT(WorkersAreToldOfWithWhatTheyHold) {
    const std::optional<std::string> everybody;
    const auto nobody = co_await t.queue().workers(everybody);
    EXPECT_TRUE(nobody && nobody->empty());
    const auto pushed = co_await t.push(contract_job("q"));
    const auto held = co_await t.fetch_one("q", "b");
    heartbeat_request beat;
    beat.worker_id = "a";
    beat.state = worker_state::terminate;
    const auto heard = co_await t.queue().heartbeat(beat);
    EXPECT_TRUE(heard);
    const auto known = co_await t.queue().workers(everybody);
    EXPECT_TRUE(known && known->size() == 2);
    if (!known || known->size() != 2) co_return;
    EXPECT_EQ(known->at(0).id, "a");
    EXPECT_EQ(known->at(0).state, worker_state::terminate);
    EXPECT_TRUE(known->at(0).beats);
    EXPECT_TRUE(known->at(0).heard_at);
    EXPECT_EQ(known->at(1).id, "b");
    EXPECT_EQ(known->at(1).active, 1U);
    EXPECT_EQ(known->at(1).jobs.size(), 1U);
    for (const auto& spec : known->at(1).jobs) {
        EXPECT_EQ(spec->id, pushed.spec->id);
        EXPECT_EQ(spec->queue, "q");
    }
    const std::optional<std::string> b = "b", c = "c";
    const auto one = co_await t.queue().workers(b);
    EXPECT_TRUE(one && one->size() == 1 && one->at(0).id == "b");
    const auto unknown = co_await t.queue().workers(c);
    EXPECT_TRUE(unknown && unknown->empty());
    co_await t.reopen();
    const auto later = co_await t.queue().workers(everybody);
    EXPECT_TRUE(later && later->size() == 1 && later->at(0).active == 1);
    co_await t.ack(held);
    const auto done = co_await t.queue().workers(everybody);
    EXPECT_TRUE(done && done->empty());
}

CONTRACT(AWorkerThatIsToldToBeQuietIsGivenNothing) {
    const std::string w1 = "w1";
    const auto unknown = co_await t.queue().quiet_worker(w1, true);
    EXPECT_EQ(code_of(unknown), errc::not_found);
    co_await t.push(contract_job());
    heartbeat_request beat;
    beat.worker_id = w1;
    const auto heard = co_await t.queue().heartbeat(beat);
    EXPECT_TRUE(heard && heard->directive == worker_state::running);
    const auto told = co_await t.queue().quiet_worker(w1, true);
    EXPECT_TRUE(told && told->directive == worker_state::quiet);
    const auto none = co_await t.fetch(contract_fetch("default"));
    EXPECT_TRUE(none.empty());
    const auto again = co_await t.queue().heartbeat(beat);
    EXPECT_TRUE(again && again->directive == worker_state::quiet);
    const auto back = co_await t.queue().quiet_worker(w1, false);
    EXPECT_TRUE(back && back->directive == worker_state::running);
    const auto jobs = co_await t.fetch(contract_fetch("default"));
    EXPECT_EQ(jobs.size(), 1U);
}

}  // namespace
}  // namespace sluice::test
