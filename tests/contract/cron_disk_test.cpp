#include "server/queue/local_backend.hpp"
#include "server/runtime/clock.hpp"
#include "tests/contract/backend_contract.hpp"
#include "tests/support/memory_store.hpp"

#include <boost/asio/io_context.hpp>

namespace sluice::test {
namespace {

cron_definition every_second() {
    cron_definition made;
    made.name = "tick";
    made.expression = "* * * * * *";
    made.job = R"({"type":"work","args":[]})";
    return made;
}

// Nobody pushes and nobody answers for a job: only the schedule itself can find the room.
TEST(CronOnAFullDisk, NoticesThatThereIsRoomAgain) {
    const auto disk = std::make_shared<memory_disk>();
    disk->set_disk_low(true);
    asio::io_context context;
    local_backend_options options;
    options.now = system_instant;
    options.on_store_failure = [](const std::string& reason) { ADD_FAILURE() << reason; };
    const auto queue = make_local_backend(context.get_executor(),
                                          std::make_unique<memory_store>(disk), std::move(options));
    const started_call<result<cron_change>> set(context.get_executor(),
                                                queue->set_cron(every_second()));
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!set.done() && std::chrono::steady_clock::now() < deadline)
        context.run_one_until(deadline);
    EXPECT_EQ(queue->health().status, "degraded");
    disk->set_disk_low(false);
    while (queue->health().status != "ok" && std::chrono::steady_clock::now() < deadline)
        context.run_one_until(deadline);
    EXPECT_EQ(queue->health().status, "ok");
}

}  // namespace
}  // namespace sluice::test
