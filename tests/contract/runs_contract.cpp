#include "tests/contract/backend_contract.hpp"

#include <algorithm>

namespace sluice::test {
namespace {

fetch_request in_server_fetch() {
    fetch_request request = contract_fetch("*");
    request.worker_id = std::string(in_server_worker_id);
    request.handled_only = true;
    return request;
}

/// One job with an in-server worker.
asio::awaitable<job_record> run_here(backend_contract& t) {
    t.rules.handled_types = {{"work", 0}};
    co_await t.reopen();
    co_await t.push(contract_job());
    auto request = in_server_fetch();
    const auto jobs = co_await t.fetch(std::move(request));
    EXPECT_EQ(jobs.size(), 1U);
    co_return jobs.at(0);
}

CONTRACT(FollowUpsAreStoredWithTheCompletion) {
    co_await t.push(contract_job("q"));
    const auto held = co_await t.fetch_one("q");
    ack_request ack;
    ack.job_id = held.spec->id;
    ack.lease = held.lease;
    ack.enqueue = {contract_job("next"), contract_job("next")};
    auto own_id = contract_job("next");
    own_id.client_id = true;
    own_id.id = held.spec->id;
    auto wrong = ack;
    wrong.enqueue.push_back(own_id);
    const auto refused = co_await t.queue().ack(wrong);
    EXPECT_EQ(code_of(refused), errc::duplicate);
    const auto still = co_await t.queue().info(held.spec->id);
    EXPECT_TRUE(still && still->state == job_state::active);
    const auto done = co_await t.queue().ack(ack);
    EXPECT_TRUE(done && done->job.children.size() == 2);
    co_await t.reopen();
    const auto again = co_await t.queue().ack(ack);
    EXPECT_TRUE(again && again->repeated && again->job.children == done->job.children);
    fetch_request all;
    all.worker_id = "w";
    all.queues = {"next"};
    all.count = 9;
    const auto made = co_await t.queue().fetch(all, std::stop_token{});
    EXPECT_TRUE(made && made->size() == 2);
    if (made && made->size() == 2 && done) {
        EXPECT_EQ(made->front().spec->id, done->job.children.front());
    }
}

CONTRACT(ManyAnswersAreTakenAtOnce) {
    std::vector<job_record> held;
    for (int i = 0; i < 4; ++i) {
        co_await t.push(contract_job("q"));
        held.push_back(co_await t.fetch_one("q"));
    }
    co_await t.push(contract_job("q"));
    answers_request many;
    many.acks.resize(2);
    many.acks[0].job_id = held[0].spec->id;
    many.acks[0].lease = held[0].lease;
    many.acks[0].enqueue = {contract_job("next")};
    many.acks[1].job_id = held[0].spec->id;  // complete by then
    many.nacks.resize(1);
    many.nacks[0].job_id = held[1].spec->id;
    many.nacks[0].lease = held[1].lease;
    many.nacks[0].release = true;
    many.heartbeat.worker_id = held[2].worker_id;
    many.heartbeat.jobs = {{held[2].spec->id, held[2].lease}};
    many.fetch.emplace();
    many.fetch->worker_id = "w9";
    many.fetch->queues = {"q"};
    many.fetch->count = 9;
    const auto made = co_await t.queue().answer_many(many);
    EXPECT_TRUE(made);
    if (!made) co_return;
    EXPECT_TRUE(made->acks.size() == 2 && made->acks[0] && made->acks[0]->job.acked_at);
    EXPECT_EQ(code_of(made->acks[1]), errc::conflict);
    EXPECT_TRUE(made->nacks.size() == 1 && made->nacks[0]);
    EXPECT_TRUE(made->heartbeat && *made->heartbeat && (*made->heartbeat)->jobs.size() == 1);
    EXPECT_GE(made->jobs.size(), 1U) << "it does not wait for those at rest";
    co_await t.reopen();
    const auto done = co_await t.queue().info(held[0].spec->id);
    EXPECT_TRUE(done && done->state == job_state::completed && done->children.size() == 1);
}

CONTRACT(ProgressIsKeptAcrossACrash) {
    const auto pushed = co_await t.push(contract_job());
    const auto held = co_await t.fetch_one("default");
    progress_request request;
    request.job_id = held.spec->id;
    request.lease = held.lease;
    request.fraction = 0.75;
    request.message = "three of \"four\"\n";
    request.data = R"({"rows": 3})";
    const auto told = co_await t.queue().report_progress(request);
    EXPECT_TRUE(told);
    if (!told) co_return;
    EXPECT_TRUE(told->job.progress);
    co_await t.reopen();
    auto job = co_await t.info(pushed.spec->id);
    EXPECT_TRUE(job.progress);
    if (!job.progress) co_return;
    EXPECT_EQ(*job.progress, *told->job.progress);
    co_await t.ack(held);
    job = co_await t.info(pushed.spec->id);
    EXPECT_TRUE(job.progress);
    EXPECT_EQ(job.progress->fraction, 1.0) << "what is completed is done";
    EXPECT_EQ(job.progress->message, "three of \"four\"\n");
    EXPECT_EQ(job.progress->data, R"({"rows": 3})");
}

using glimpses = std::vector<std::pair<job_state, double>>;

/// Writes down what is seen of a job each time somebody looks; enough is a job that has ended.
std::function<bool(const job_record&)> writes_down(glimpses& seen) {
    return [&seen](const job_record& job) {
        seen.emplace_back(job.state, job.progress ? job.progress->fraction : 0);
        return is_terminal(job.state);
    };
}

CONTRACT(WhoWatchesAJobSeesItsEventsAndItsProgress) {
    const auto pushed = co_await t.push(contract_job());
    const auto other = co_await t.push(contract_job());
    glimpses seen;
    auto watching =
        t.start(t.queue().watch(pushed.spec->id, writes_down(seen), 10s, std::stop_token{}));
    const auto held = co_await t.fetch_one("default");
    co_await t.yield();
    progress_request request;
    request.job_id = held.spec->id;
    request.lease = held.lease;
    request.fraction = 0.75;
    const auto told = co_await t.queue().report_progress(request);
    EXPECT_TRUE(told);
    co_await t.yield();
    const auto looks = seen.size();
    co_await t.queue().cancel(other.spec->id);
    co_await t.yield();
    EXPECT_EQ(seen.size(), looks);
    co_await t.ack(held);
    const auto answer = co_await watching.answer();
    EXPECT_TRUE(answer);
    if (answer) {
        EXPECT_EQ(answer->state, job_state::completed);
    }
    const glimpses expected{{job_state::available, 0},
                            {job_state::active, 0},
                            {job_state::active, 0.75},
                            {job_state::completed, 1.0}};
    seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
    EXPECT_EQ(seen, expected);
}

CONTRACT(WatchingAJobEndsWithItsTimeAndWithWhoWatches) {
    const auto job = co_await t.push(contract_job());
    glimpses seen;
    const auto late =
        co_await t.queue().watch(job.spec->id, writes_down(seen), 20ms, std::stop_token{});
    EXPECT_TRUE(late);
    std::stop_source stop;
    auto leaving = t.start(t.queue().watch(job.spec->id, writes_down(seen), 1h, stop.get_token()));
    auto staying = t.start(t.queue().watch(job.spec->id, writes_down(seen), 1h, std::stop_token{}));
    co_await t.yield();
    stop.request_stop();
    const auto left = co_await leaving.answer();
    EXPECT_TRUE(left);
    EXPECT_FALSE(staying.done());
    t.queue().begin_drain();
    const auto drained = co_await staying.answer();
    EXPECT_TRUE(drained);
    auto unknown = job.spec->id;
    unknown.bytes[15] ^= 1U;
    const auto none = co_await t.queue().watch(unknown, writes_down(seen), 1h, std::stop_token{});
    EXPECT_EQ(code_of(none), errc::not_found);
}

CONTRACT(ProgressIsRefusedFromAnybodyButTheHolder) {
    const auto pushed = co_await t.push(contract_job());
    progress_request request;
    request.job_id = pushed.spec->id;
    request.fraction = 0.5;
    auto answer = co_await t.queue().report_progress(request);
    EXPECT_EQ(code_of(answer), errc::conflict);
    const auto held = co_await t.fetch_one("default");
    request.lease = held.lease;
    request.lease->nonce += 1;
    answer = co_await t.queue().report_progress(request);
    EXPECT_EQ(code_of(answer), errc::lease_lost);
    request.job_id.bytes[15] ^= 1U;
    answer = co_await t.queue().report_progress(request);
    EXPECT_EQ(code_of(answer), errc::not_found);
    const auto job = co_await t.info(pushed.spec->id);
    EXPECT_FALSE(job.progress);
}

CONTRACT(ADelegatedRunOutlivesTheServerAndIsAnsweredFromOutside) {
    const auto held = co_await run_here(t);
    delegate_request request;
    request.job_id = held.spec->id;
    request.lease = held.lease;
    request.holder = "push:somewhere";
    request.visibility_timeout = 1h;
    const auto answer = co_await t.queue().delegate(request);
    EXPECT_TRUE(answer);
    co_await t.reopen();
    const auto job = co_await t.info(held.spec->id);
    EXPECT_EQ(job.state, job_state::active);
    EXPECT_EQ(job.worker_id, "push:somewhere");
    EXPECT_TRUE(job.lease_expires_at);
    EXPECT_EQ(job.interruptions, 0U);
    ack_request ack;
    ack.job_id = held.spec->id;
    ack.lease = held.lease;
    ack.result = "1";
    const auto done = co_await t.queue().ack(ack);
    EXPECT_TRUE(done);
    const auto late = co_await t.queue().delegate(request);
    EXPECT_EQ(code_of(late), errc::conflict);
}

CONTRACT(ARunThatIsNotDelegatedEndsWithTheServer) {
    const auto held = co_await run_here(t);
    co_await t.reopen();
    const auto job = co_await t.info(held.spec->id);
    EXPECT_EQ(job.state, job_state::available);
    EXPECT_EQ(job.interruptions, 1U);
}

CONTRACT(InServerWorkersHearAtOnceOfARunTheyLost) {
    const auto held = co_await run_here(t);
    std::vector<lease_token> lost;
    t.queue().on_run_lost([&](const lease_token& lease) { lost.push_back(lease); });
    const auto cancelled = co_await t.queue().cancel(held.spec->id);
    EXPECT_TRUE(cancelled);
    co_await t.yield();
    EXPECT_EQ(lost, std::vector<lease_token>{held.lease});
    t.queue().on_run_lost({});
}

CONTRACT(InServerWorkersAreGivenNoMoreThanTheirHandlersTake) {
    t.rules.handled_types = {{"work.*", 2}};
    co_await t.reopen();
    for (int i = 0; i < 5; ++i) co_await t.push(contract_job("q", "work.a"));
    co_await t.push(contract_job("q", "other"));
    auto request = in_server_fetch();
    request.count = 10;
    auto jobs = co_await t.fetch(request);
    EXPECT_EQ(jobs.size(), 2U);
    auto waiting = t.start(t.fetch([&] {
        auto longer = request;
        longer.wait = 10s;
        return longer;
    }()));
    co_await t.yield();
    EXPECT_FALSE(waiting.done());
    if (jobs.empty()) co_return;
    co_await t.ack(jobs.front());
    jobs = co_await waiting.answer();
    EXPECT_EQ(jobs.size(), 1U);
}

CONTRACT(AHandlerCountsAgainstItsLimitUntilItHasReturned) {
    t.rules.handled_types = {{"work", 1}};
    co_await t.reopen();
    co_await t.push(contract_job("q"));
    co_await t.push(contract_job("q"));
    auto request = contract_fetch("q");
    request.worker_id = std::string(in_server_worker_id);
    request.handled_only = true;
    const auto first = co_await t.fetch(request);
    EXPECT_EQ(first.size(), 1U);
    if (first.empty()) co_return;
    const auto cancelled = co_await t.queue().cancel(first.front().spec->id);
    EXPECT_TRUE(cancelled);
    const auto none = co_await t.fetch(request);
    EXPECT_TRUE(none.empty()) << "the job is gone, its handler still runs";
    request.wait = 30s;
    auto waiting = t.start(t.fetch(request));
    co_await t.yield();
    t.queue().run_returned(first.front().lease);
    const auto next = co_await waiting.answer();
    EXPECT_EQ(next.size(), 1U);
}

}  // namespace
}  // namespace sluice::test
