#include "server/queue/remote_backend.hpp"

#include "tests/contract/local_backend_fixture.hpp"

#include <optional>
#include <stop_token>

namespace sluice::test {
namespace {

/// The backend lives on `context`, who asks on `front`: nothing happens there unless the test lets
/// it.
class RemoteBackend : public LocalBackend {
public:
    void SetUp() override {
        open();
        far.emplace(*queue, there, back);
    }

    /// Grants a job to a fetch from `front`; its answer is on the way when this is done.
    asio::awaitable<uuid> grant() {
        const auto pushed = co_await queue->push(one_job());
        fetching.emplace(front.get_executor(),
                         far->fetch(contract_fetch("q", 10s), stop.get_token()));
        front.poll();
        co_await yield();
        const auto behind = co_await queue->push(one_job("other"));  // durable after the grant
        EXPECT_TRUE(behind);
        co_await yield();
        co_return pushed->jobs.front().spec->id;
    }

    asio::io_context front;
    inbox there{context.get_executor()};
    inbox back{front.get_executor()};
    std::optional<remote_backend> far;
    std::stop_source stop;
    std::optional<started_call<result<std::vector<job_record>>>> fetching;
};

asio::awaitable<void> taker_goes(RemoteBackend& t, bool goes) {
    const auto id = co_await t.grant();
    EXPECT_FALSE(t.fetching->done());
    const auto granted = co_await t.queue->info(id);
    EXPECT_TRUE(granted && granted->state == job_state::active);
    if (goes) t.stop.request_stop();
    for (int i = 0; i < 10'000 && !t.fetching->done(); ++i) {
        t.front.restart();
        t.front.poll();
        co_await t.yield();
    }
    EXPECT_TRUE(t.fetching->done());
    const auto answer = co_await t.fetching->answer();
    EXPECT_TRUE(answer && answer->size() == (goes ? 0U : 1U));
    const auto after = co_await t.queue->info(id);
    EXPECT_TRUE(after);
    EXPECT_EQ(after->state, goes ? job_state::available : job_state::active);
    EXPECT_EQ(after->attempt, goes ? 0U : 1U);
    EXPECT_EQ(after->interruptions, 0U);
}

TEST_F(RemoteBackend, GivesBackWhatWasGrantedToATakerThatWentMeanwhile) {
    run(taker_goes(*this, true));
}

/// Control.
TEST_F(RemoteBackend, HandsOverWhatWasGrantedToATakerThatIsThere) {
    run(taker_goes(*this, false));
}

}  // namespace
}  // namespace sluice::test
