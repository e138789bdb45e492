#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <utility>

namespace sluice::test {
namespace {

append_log_request lines_of(const job_record& held, std::vector<std::string> texts) {
    append_log_request request;
    request.job_id = held.spec->id;
    request.lease = held.lease;
    for (auto& text : texts) request.lines.push_back({log_stream::stdout_, std::move(text)});
    return request;
}

/// The engine does not read the store, so the test does as its owner.
class EngineLog : public testing::Test {
public:
    result<log_outcome> append(append_log_request request) {
        f.make_resident(request.job_id);
        if (f.core().resident(request.job_id) && !f.core().knows_log(request.job_id)) {
            const auto load = f.core().begin_load();
            const auto end = f.store().log_end_blocking(f.core().peek(request.job_id)->seq);
            f.core().learn_log(request.job_id, end, load);
        }
        auto made = f.core().append_log(std::move(request), f.clock.now);
        if (!f.manual) f.settle();
        return made;
    }
    result<log_outcome> append(const job_record& held, std::vector<std::string> texts) {
        return append(lines_of(held, std::move(texts)));
    }
    std::vector<log_line> log(const job_record& job) {
        return f.store().read_log_blocking(job.seq, 0, 100'000);
    }
    std::vector<std::string> texts(const job_record& job) {
        std::vector<std::string> all;
        for (auto& line : log(job)) all.push_back(std::move(line.text));
        return all;
    }

    void open(engine_config config) { fixture_.emplace(std::move(config)); }

private:
    std::optional<engine_fixture> fixture_{std::in_place};

public:
    engine_fixture& f = *fixture_;
};

using names = std::vector<std::string>;

TEST_F(EngineLog, KeepsLinesInOrderWithTheirAttempt) {
    f.push();
    auto held = f.fetch_one();
    f.clock.advance(10s);
    auto request = lines_of(held, {"a", "b"});
    request.lines[0].age = 2s;
    const auto made = append(request);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->receipt.kept, 2U);
    EXPECT_EQ(made->receipt.last, 2U);
    ASSERT_TRUE(f.nack(held));
    f.pass(5s);
    held = f.fetch_one();
    ASSERT_TRUE(append(held, {"c"}));
    const auto lines = log(held);
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[0].attempt, 1U);
    EXPECT_EQ(lines[2].attempt, 2U);
    EXPECT_EQ(lines[2].number, 3U);
    EXPECT_EQ(lines[1].time - lines[0].time, 2s);
    EXPECT_EQ(lines[2].text, "c");
}

TEST_F(EngineLog, IsForTheHolderOfARunAlone) {
    const auto id = f.push();
    append_log_request request;
    request.job_id = id;
    request.lines = {{log_stream::log, "x"}};
    EXPECT_EQ(append(request).error().code, errc::conflict);  // nobody runs it
    const auto held = f.fetch_one();
    request.lease = held.lease;
    request.lease->nonce ^= 1;
    EXPECT_EQ(append(request).error().code, errc::lease_lost);
    request.lease.reset();
    request.worker_id = "another";
    EXPECT_EQ(append(request).error().code, errc::conflict);
    request.worker_id = "w1";
    EXPECT_TRUE(append(request));
    ASSERT_TRUE(f.ack(held));
    EXPECT_EQ(append(held, {"late"}).error().code, errc::conflict);
    request.job_id.bytes[15] ^= 1;
    EXPECT_EQ(append(request).error().code, errc::not_found);
    EXPECT_EQ(texts(held), names{"x"});
}

TEST_F(EngineLog, GoesOnWhereItEndedAfterARestart) {
    f.push();
    const auto held = f.fetch_one();
    ASSERT_TRUE(append(held, {"a", "b"}));
    f.crash();
    ASSERT_TRUE(append(held, {"c"}));
    EXPECT_EQ(log(held).back().number, 3U);
    EXPECT_EQ(texts(held), (names{"a", "b", "c"}));
}

TEST_F(EngineLog, SurvivesAPowerCutOnceTheEndOfItsRunIsDurable) {
    f.push();
    const auto held = f.fetch_one();
    ASSERT_TRUE(append(held, {"a"}));
    EXPECT_EQ(f.disk->unsynced_batches(), 2U) << "neither the grant nor the line is synced";
    ASSERT_TRUE(f.ack(held));
    f.lose_power();
    EXPECT_EQ(texts(held), names{"a"});
}

TEST_F(EngineLog, CostsNothingWithoutLines) {
    f.push();
    const auto held = f.fetch_one();
    ASSERT_TRUE(f.ack(held));
    EXPECT_TRUE(f.disk->image().logs.empty());
    f.push();
    ASSERT_TRUE(append(f.fetch_one(), {}));
    EXPECT_TRUE(f.disk->image().logs.empty());
}

TEST_F(EngineLog, GoesWithItsJob) {
    auto spec = make_spec();
    spec.retry.max_attempts = 1;
    spec.retry.on_exhaustion = exhaustion::dead_letter;
    const auto id = f.push(spec);
    auto held = f.fetch_one();
    ASSERT_TRUE(append(held, {"a"}));
    ASSERT_TRUE(f.nack(held));
    ASSERT_TRUE(f.retry_dead_letter(id));
    held = f.fetch_one();
    f.manual = true;
    ASSERT_TRUE(append(held, {"b"}));
    ASSERT_TRUE(f.nack(held));
    ASSERT_TRUE(f.delete_dead_letter(id));  // in the very batch of the line
    f.settle();
    EXPECT_TRUE(f.disk->image().logs.empty());
    EXPECT_TRUE(f.disk->image().history.empty());
}

TEST_F(EngineLog, OfARevivedJobGoesOn) {
    auto spec = make_spec();
    spec.retry.max_attempts = 1;
    spec.retry.on_exhaustion = exhaustion::dead_letter;
    const auto id = f.push(spec);
    auto held = f.fetch_one();
    ASSERT_TRUE(append(held, {"a"}));
    ASSERT_TRUE(f.nack(held));
    f.crash();
    ASSERT_TRUE(f.retry_dead_letter(id));
    held = f.fetch_one();
    ASSERT_TRUE(append(held, {"b"}));
    EXPECT_EQ(texts(held), (names{"a", "b"}));
}

TEST_F(EngineLog, IsEmptyAfterAReset) {
    f.push();
    const auto held = f.fetch_one();
    ASSERT_TRUE(append(held, {"a"}));
    f.manual = true;
    ASSERT_TRUE(append(held, {"b"}));
    f.core().reset(f.clock.now);
    f.settle();
    EXPECT_TRUE(f.disk->image().logs.empty());
    EXPECT_EQ(append(held, {"c"}).error().code, errc::not_found);
    EXPECT_TRUE(f.core().log_has_room());
}

class FullLog : public EngineLog {
public:
    FullLog() {
        engine_config config;
        config.job_log_bytes = 1000;
        open(std::move(config));
    }
};

TEST_F(FullLog, DropsFurtherLinesAndSaysSoAtOnceAndHowManyAtTheEnd) {
    f.push();
    const auto held = f.fetch_one();
    const auto made = append(held, names(20, std::string(136, 'x')));  // each counts for 200
    ASSERT_TRUE(made);
    EXPECT_EQ(made->receipt.kept, 5U);
    EXPECT_EQ(made->receipt.dropped, 15U);
    ASSERT_TRUE(append(held, {"short"}));  // would look like the next one
    auto lines = log(held);
    ASSERT_EQ(lines.size(), 6U);
    EXPECT_EQ(lines[5].stream, log_stream::note);
    EXPECT_EQ(lines[5].text, full_note(1000));
    ASSERT_TRUE(f.ack(held));
    lines = log(held);
    ASSERT_EQ(lines.size(), 7U);
    EXPECT_EQ(lines[6].stream, log_stream::note);
    EXPECT_EQ(lines[6].text, "16 lines dropped");
}

TEST_F(FullLog, HasRoomForANoteOfWhatWasLostElsewhere) {
    f.push();
    const auto held = f.fetch_one();
    auto request = lines_of(held, names(20, std::string(136, 'x')));
    request.lines.push_back({log_stream::note, "9 lines dropped", 0ms});
    const auto made = append(request);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->receipt.kept, 6U);
    EXPECT_EQ(made->receipt.dropped, 15U);
    ASSERT_TRUE(f.ack(held));
    EXPECT_EQ(texts(held).at(6), "9 lines dropped");
    EXPECT_EQ(texts(held).at(7), "15 lines dropped");
}

TEST_F(FullLog, BoundsNotesToo) {
    f.push();
    const auto held = f.fetch_one();
    auto request = lines_of(held, names(20, std::string(136, 'x')));
    for (int i = 0; i < 1000; ++i) request.lines.push_back({log_stream::note, "a note", 0ms});
    const auto made = append(request);
    ASSERT_TRUE(made);
    EXPECT_LT(made->receipt.kept, 5 + 2 + log_note_reserve / log_cost("a note"));
    ASSERT_TRUE(f.ack(held));
    EXPECT_EQ(texts(held).back(), std::to_string(made->receipt.dropped) + " lines dropped");
}

TEST_F(FullLog, IsNotMadeToGrowByManyRuns) {
    f.push();
    nack_request back;
    back.release = true;
    std::size_t lines = 0;
    for (int run = 0; run < 200; ++run) {
        const auto held = f.fetch_one();
        f.core().set_disk_low(run % 2 == 1);
        ASSERT_TRUE(append(held, names(20, std::string(136, 'x'))));
        ASSERT_TRUE(f.nack(held, back));
        if (run == 99) lines = log(held).size();
        if (run < 199) continue;
        EXPECT_EQ(log(held).size(), lines);
        const auto end = f.store().log_end_blocking(held.seq);
        EXPECT_LT(end.bytes, 1000 + log_note_reserve + log_cost(full_note(1000)));
    }
}

TEST_F(FullLog, StaysFullInLaterRunsAndAfterARestart) {
    f.push();
    auto held = f.fetch_one();
    ASSERT_TRUE(append(held, names(20, std::string(136, 'x'))));
    ASSERT_TRUE(f.nack(held));
    f.crash();
    f.pass(5s);
    held = f.fetch_one();
    const auto made = append(held, {"more"});
    ASSERT_TRUE(made);
    EXPECT_EQ(made->receipt.kept, 0U);
    ASSERT_TRUE(f.ack(held));
    const auto lines = texts(held);
    ASSERT_EQ(lines.size(), 9U);
    EXPECT_EQ(lines[7], full_note(1000));
    EXPECT_EQ(lines[8], "1 line dropped");
}

TEST_F(EngineLog, SaysWhatWasLostOnTheWayRightAfterTheLines) {
    f.push();
    const auto held = f.fetch_one();
    auto request = lines_of(held, {"a"});
    request.dropped = 7;
    ASSERT_TRUE(append(request));
    ASSERT_TRUE(append(held, {"b"}));
    EXPECT_EQ(texts(held), (names{"a", "7 lines dropped", "b"}));
}

TEST_F(EngineLog, TakesNoMoreAtOneTimeThanTheJournalShouldCarry) {
    f.push();
    f.push();
    auto held = f.fetch("default", 2);
    f.manual = true;
    auto request = lines_of(held[0], names(100, std::string(15'000, 'x')));
    request.wait_for_room = false;
    auto made = append(std::move(request));
    ASSERT_TRUE(made);
    EXPECT_EQ(made->receipt.kept + made->receipt.dropped, 100U);
    EXPECT_GT(made->receipt.dropped, 20U);
    EXPECT_FALSE(f.core().log_has_room());
    EXPECT_LT(f.core().uncommitted_log_bytes(), (std::size_t{1} << 20) + 16'384);
    request = lines_of(held[1], {"a", "b"});
    request.wait_for_room = false;
    made = append(std::move(request));
    ASSERT_TRUE(made);
    EXPECT_EQ(made->receipt.dropped, 2U);
    f.settle();
    EXPECT_TRUE(f.core().log_has_room());
    ASSERT_TRUE(append(held[1], {"c"}));
    f.settle();
    EXPECT_EQ(texts(held[1]), (names{"2 lines dropped", "c"}));
}

TEST_F(EngineLog, TakesTheWholeRequestOfWhoeverWaitedForRoom) {
    f.push();
    const auto held = f.fetch_one();
    f.manual = true;
    // A body of just under 1 MiB counts for more than the journal carries at one time.
    const auto made = append(held, names(10'000, std::string(95, 'x')));
    ASSERT_TRUE(made);
    EXPECT_EQ(made->receipt.kept, 10'000U);
    EXPECT_EQ(made->receipt.dropped, 0U);
    EXPECT_FALSE(f.core().log_has_room());
    f.settle();
    EXPECT_EQ(f.disk->image().logs.at(held.seq).size(), 10'000U);
}

TEST_F(EngineLog, TellsOfLinesThatWereTooManyForOneRequest) {
    f.push();
    const auto held = f.fetch_one();
    auto request = lines_of(held, {"a"});
    request.left_out = 5;
    request.dropped = 2;
    const auto made = append(std::move(request));
    ASSERT_TRUE(made);
    EXPECT_EQ(made->receipt.kept, 1U);
    EXPECT_EQ(made->receipt.dropped, 5U) << "the other two were lost before";
    EXPECT_EQ(texts(held), (names{"a", "7 lines dropped"}));
}

TEST_F(EngineLog, LeavesTheRoomOfADiskThatIsNearlyFullToOthers) {
    f.push();
    const auto held = f.fetch_one();
    f.core().set_disk_low(true);
    ASSERT_TRUE(append(held, {"a", "b"}));
    EXPECT_TRUE(f.disk->image().logs.empty());
    ASSERT_TRUE(f.ack(held));
    EXPECT_EQ(texts(held), names{"2 lines dropped"});
}

TEST_F(EngineLog, KeepsAJobInMemoryUntilItsLinesAreDurable) {
    engine_config config;
    config.finished_cache = 0;
    open(std::move(config));
    const auto id = f.push();
    const auto held = f.fetch_one();
    f.manual = true;
    ASSERT_TRUE(append(held, {"a"}));
    const auto batch = f.core().take_batch(f.clock.now);
    ASSERT_EQ(f.store().commit_blocking(batch).status, commit_status::ok);
    nack_request back;
    back.snooze = 1h;
    ASSERT_TRUE(append(held, {"b"}));
    ASSERT_TRUE(f.nack(held, back));
    f.core().committed(f.clock.now);
    EXPECT_TRUE(f.core().resident(id));
    f.settle();
    EXPECT_FALSE(f.core().resident(id));
    EXPECT_EQ(texts(held), (names{"a", "b"}));
}

TEST_F(EngineLog, NamesTheJobsOfACommitThatHaveNewLines) {
    const auto id = f.push();
    f.push();
    const auto held = f.fetch("default", 2);
    f.manual = true;
    ASSERT_TRUE(append(held[0], {"a"}));
    ASSERT_TRUE(append(held[0], {"b"}));
    ASSERT_TRUE(f.commit());
    EXPECT_EQ(f.core().logged(), std::vector<uuid>{id});
}

TEST_F(EngineLog, NamesAJobThatIsLetGoOfWithTheSameCommit) {
    const auto id = f.push();
    const auto held = f.fetch_one();
    f.manual = true;
    nack_request back;
    back.snooze = 1h;
    ASSERT_TRUE(append(held, {"a"}));
    ASSERT_TRUE(f.nack(held, back));
    ASSERT_TRUE(f.commit());
    EXPECT_FALSE(f.core().resident(id));
    EXPECT_EQ(f.core().logged(), std::vector<uuid>{id});
}

}  // namespace
}  // namespace sluice::test
