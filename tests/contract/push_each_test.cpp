#include "tests/contract/local_backend_fixture.hpp"

namespace sluice::test {
namespace {

push_each_request jobs_for_q(int count) {
    push_each_request request;
    for (int i = 0; i < count; ++i) request.jobs.push_back(contract_job("q"));
    return request;
}

/// Two that wait for the disk: what the first stores meanwhile fills the queue for the second.
TEST_F(LocalBackend, AJobThatFindsItsQueueFullAfterAWaitIsLeftAndNotRefused) {
    engine_config rules;
    rules.uncommitted_bytes_max = 1;
    open(rules);
    run([](LocalBackend& t) -> asio::awaitable<void> {
        const auto bound = co_await t.queue->configure_queue("q", [](const queue_config&) {
            return result<queue_config>(queue_config{.bound = {.max_depth = 2}});
        });
        EXPECT_TRUE(bound);
        auto first = t.start(t.queue->push_each(jobs_for_q(2)));
        auto second = t.start(t.queue->push_each(jobs_for_q(1)));
        const auto one = co_await first.answer();
        const auto other = co_await second.answer();
        EXPECT_TRUE(one && one->jobs.size() == 2 && one->jobs[0] && one->jobs[1]);
        EXPECT_TRUE(other && other->jobs.empty() && other->left.size() == 1);
    }(*this));
}

}  // namespace
}  // namespace sluice::test
