#include "client/cli/command_line.hpp"
#include "client/cli/commands.hpp"
#include "tests/client/command_runner.hpp"
#include "tests/client/holds.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::cli {
namespace {

using test::run;

std::string redrive(const std::string& state, int sent, int completed,
                    const std::string& more = {}) {
    return R"({"redrive":{"id":"rdr_1","state":")" + state +
           R"(","filter":{"queue":"mail","type":"mail.*"},"rate":0.5,"canary":2,"counts":{"sent":)" +
           std::to_string(sent) + R"(,"skipped":0,"canaries_sent":2,"canaries_completed":)" +
           std::to_string(completed) + "}" + more + "}}";
}

const std::string held_redrive = redrive("canary", 2, 0, R"(,"waits_for":{"reason":"canaries"})");

client::new_redrive wanted() {
    client::new_redrive asked;
    asked.queue = "mail";
    asked.rate = 50;
    asked.canaries = 2;
    return asked;
}

TEST(RedriveCommands, BeginOne) {
    const auto begin = [](const context& ctx) { return begin_redrive(ctx, wanted(), false); };
    const auto r = run(begin, 202, held_redrive);
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    EXPECT_EQ(r.asked,
              "POST /ojs/v1/dead-letter/redrives "
              R"({"filter":{"queue":"mail"},"rate":50,"canary":2})");
    EXPECT_EQ(r.data, "rdr_1  canary  sent 2  canaries 0/2  waits: canaries\n");
    EXPECT_EQ(run(begin, 202, held_redrive, output_format::plain).data,
              "rdr_1\tcanary\tmail\tmail.*\t2\t0/2\twaits: canaries\n");
    EXPECT_TRUE(
        run(begin, 202, held_redrive, output_format::json).data.starts_with(R"({"id":"rdr_1")"));
    const auto refused =
        run(begin, 400, R"({"error":{"code":"invalid_request","message":"'rate' must be."}})");
    EXPECT_EQ(refused.code, exit_code::usage);
    EXPECT_TRUE(holds(refused.said, "'rate' must be")) << refused.said;
}

TEST(RedriveCommands, SayOnlyWhatIsGiven) {
    client::new_redrive asked;
    asked.type = "mail.*";
    asked.error_type = "smtp";
    asked.max = 7;
    EXPECT_EQ(client::encode(asked), R"({"filter":{"type":"mail.*","error_type":"smtp"},"max":7})");
}

TEST(RedriveCommands, FollowOneUntilItIsOver) {
    const auto begin = [](const context& ctx) { return begin_redrive(ctx, wanted(), true); };
    const auto r = run(begin, {{202, held_redrive}, {200, redrive("completed", 9, 2)}});
    EXPECT_EQ(r.code, exit_code::ok);
    EXPECT_TRUE(holds(r.asked, "GET /ojs/v1/dead-letter/redrives/rdr_1")) << r.asked;
    EXPECT_EQ(r.data, "rdr_1  completed  sent 9  canaries 2/2\n");
    EXPECT_TRUE(holds(r.said, "waits: canaries")) << r.said;
}

TEST(RedriveCommands, EndWithOneWhenACanaryDies) {
    const auto begin = [](const context& ctx) { return begin_redrive(ctx, wanted(), true); };
    const auto stopped = redrive(
        "stopped", 2, 1, R"(,"stopped_by":{"job_id":"j7","state":"discarded","error":"no route"})");
    const auto r = run(begin, {{202, held_redrive}, {200, stopped}});
    EXPECT_EQ(r.code, exit_code::failed);
    EXPECT_EQ(r.data, "rdr_1  stopped  sent 2  canaries 1/2  j7 was discarded\n");
    EXPECT_TRUE(holds(r.said, "no route")) << r.said;
    EXPECT_TRUE(holds(r.said, "sluice job get j7")) << r.said;
    const auto cancelled = run(begin, {{202, held_redrive}, {200, redrive("cancelled", 2, 0)}});
    EXPECT_EQ(cancelled.code, exit_code::failed);
}

TEST(RedriveCommands, ListAndCancel) {
    const auto one = held_redrive.substr(11, held_redrive.size() - 12);
    const auto list = run(list_redrives, 200, R"({"redrives":[)" + one + "]}");
    EXPECT_EQ(list.asked, "GET /ojs/v1/dead-letter/redrives");
    EXPECT_TRUE(holds(list.data, "rdr_1")) << list.data;
    EXPECT_TRUE(holds(list.data, "mail.*")) << list.data;
    EXPECT_EQ(run(list_redrives, 200, R"({"redrives":[]})").said, "No redrives.\n");
    const auto cancel = [](const context& ctx) { return cancel_redrive(ctx, "rdr_1"); };
    const auto r = run(cancel, 200, redrive("cancelled", 2, 0));
    EXPECT_EQ(r.asked, "DELETE /ojs/v1/dead-letter/redrives/rdr_1");
    EXPECT_EQ(r.data, "rdr_1  cancelled  sent 2  canaries 0/2\n");
    const auto missing = run(cancel, 404, R"({"error":{"code":"not_found","message":"None."}})");
    EXPECT_EQ(missing.code, exit_code::not_found);
    EXPECT_TRUE(holds(missing.said, "sluice dead redrives")) << missing.said;
    const auto over = run(cancel, 409, R"({"error":{"code":"conflict","message":"Over."}})");
    EXPECT_EQ(over.code, exit_code::conflict);
}

TEST(RedriveCommands, RefuseWhatMakesNoSense) {
    const auto read = [](std::vector<std::string> arguments) {
        command_line line;
        testing::internal::CaptureStderr();
        const auto code = line.read(std::move(arguments));
        testing::internal::GetCapturedStderr();
        return code;
    };
    EXPECT_EQ(read({"dead", "redrive", "-q", "mail", "--rate", "50/s", "--canary", "0"}),
              exit_code::ok);
    EXPECT_EQ(read({"dead", "redrive", "-q", "mail", "--rate", "0"}), exit_code::usage);
    EXPECT_EQ(read({"dead", "redrive", "-q", "mail", "--rate", "20000"}), exit_code::usage);
    EXPECT_EQ(read({"dead", "redrive", "-q", "mail", "--canary", "101"}), exit_code::usage);
    EXPECT_EQ(read({"dead", "redrive", "-q", "mail", "--max", "0"}), exit_code::usage);
    EXPECT_EQ(read({"dead", "redrive", "--rate", "5"}), exit_code::usage) << "no filter";
}

}  // namespace
}  // namespace sluice::cli
