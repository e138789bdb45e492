#include "tests/queue/simulation/history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::IsEmpty;
using testing::StartsWith;

uuid id_of(std::int64_t n) {
    return make_uuid(timestamp{} + 1h, n, 1);
}

std::string args_of(std::int64_t n) {
    return "[" + std::to_string(n) + "]";
}

void span(call& c, moment begun, moment ended) {
    c.begun = begun;
    c.ended = ended;
    c.how = told::done;
}

push_call pushed(moment begun, moment ended, std::vector<std::int64_t> jobs, std::string key = {}) {
    push_call push;
    span(push, begun, ended);
    push.key = std::move(key);
    for (const auto n : jobs)
        push.jobs.push_back({args_of(n), id_of(n), "q", "t", 0, std::nullopt, true});
    return push;
}

delivery given(moment begun, moment ended, std::int64_t n, std::uint64_t counter,
               std::uint32_t attempt = 1) {
    delivery d;
    span(d, begun, ended);
    d.id = id_of(n);
    d.args = args_of(n);
    d.worker = "w" + std::to_string(counter);
    d.lease = {1, counter, 7};
    d.attempt = attempt;
    d.begun_at = std::chrono::microseconds{static_cast<std::int64_t>(begun)};
    d.ended_at = std::chrono::microseconds{static_cast<std::int64_t>(ended)};
    d.exclusive = 5us;
    return d;
}

job_call said(moment begun, moment ended, verb what, std::int64_t n, std::uint64_t counter = 0) {
    job_call c;
    span(c, begun, ended);
    c.what = what;
    c.id = id_of(n);
    c.args = args_of(n);
    if (counter != 0) c.lease = lease_token{1, counter, 7};
    return c;
}

job_call logged(moment begun, moment ended, std::int64_t n, std::uint64_t counter,
                std::string line) {
    auto c = said(begun, ended, verb::log, n, counter);
    c.line = std::move(line);
    c.kept = true;
    return c;
}

/// Three jobs are done, one of them the second time; one is cancelled; one is done in its time.
history sound() {
    history h;
    h.clock = {{1, timestamp{} + 1h}, {60, timestamp{} + 2h}};
    h.pushes.push_back(pushed(2, 4, {1}));
    h.pushes.push_back(pushed(5, 8, {2, 3}, "key"));
    h.pushes.push_back(pushed(50, 52, {4}));
    h.pushes.push_back(pushed(55, 57, {5}));
    h.pushes.back().jobs[0].not_before = timestamp{} + 90min;
    h.pushes.back().jobs[0].plain = false;
    h.pushes.push_back(pushed(58, 59, {2, 3}, "key"));
    h.deliveries.push_back(given(10, 12, 1, 1));
    h.deliveries.push_back(given(13, 15, 2, 2));
    h.deliveries.push_back(given(16, 18, 3, 3));
    h.deliveries.push_back(given(30, 32, 2, 4, 2));
    h.deliveries.push_back(given(62, 64, 5, 5));
    h.calls.push_back(said(19, 21, verb::ack, 1, 1));
    h.calls.push_back(said(20, 22, verb::fail, 2, 2));
    h.calls.back().not_before = 28us;
    h.calls.push_back(said(33, 35, verb::ack, 2, 4));
    h.calls.push_back(said(36, 38, verb::ack, 3, 3));
    h.calls.push_back(said(53, 54, verb::cancel, 4));
    h.calls.push_back(said(65, 66, verb::ack, 5, 5));
    h.calls.push_back(logged(24, 25, 3, 3, "one"));
    h.calls.push_back(logged(26, 27, 3, 3, "two"));
    h.sightings.push_back({23, id_of(1), job_state::completed});
    for (const std::int64_t n : {1, 2, 3, 5})
        h.at_the_end.push_back({args_of(n), id_of(n), job_state::completed});
    h.at_the_end.push_back({args_of(4), id_of(4), job_state::cancelled});
    h.at_the_end[2].log = {"one", "two"};
    return h;
}

TEST(HistoryChecker, FindsNothingInASoundHistory) {
    EXPECT_THAT(broken_promises(sound()), IsEmpty());
}

TEST(HistoryChecker, AllowsACrashToTakeWhatTheClassOfItsReceiptAllows) {
    for (const auto reached : {durability_class::memory, durability_class::written})
        for (const bool power : {false, true}) {
            auto h = sound();
            h.pushes.push_back(pushed(70, 71, {9}));
            h.pushes.back().asked = h.pushes.back().reached = reached;
            h.stops.push_back({80, power, false});
            const bool allowed = power || reached == durability_class::memory;
            EXPECT_EQ(broken_promises(h).empty(), allowed);
            // What came later and withstands the crash brought it to the disk.
            h.pushes.push_back(pushed(72, 73, {10}));
            h.at_the_end.push_back({args_of(10), id_of(10), job_state::completed});
            EXPECT_THAT(broken_promises(h), Contains(StartsWith("C1 lost")));
        }
}

TEST(HistoryChecker, ExpectsAJobThatAPowerCutTookWhereItCameInAgain) {
    for (const auto reached : {durability_class::written, durability_class::fsync}) {
        auto h = sound();
        h.pushes.push_back(pushed(70, 71, {9}));
        h.pushes.back().asked = h.pushes.back().reached = reached;
        h.stops.push_back({80, true, false});
        h.pushes.push_back(pushed(90, 91, {10}));
        h.pushes.push_back(pushed(92, 93, {9}));
        h.deliveries.push_back(given(94, 95, 10, 10));
        h.deliveries.push_back(given(96, 97, 9, 11));
        for (const std::int64_t n : {9, 10})
            h.at_the_end.push_back({args_of(n), id_of(n), job_state::completed});
        const auto found = broken_promises(h);
        if (reached == durability_class::written)
            EXPECT_THAT(found, IsEmpty());
        else
            EXPECT_THAT(found, Contains(StartsWith("C9 order")));
    }
}

TEST(HistoryChecker, AllowsAPowerCutToTakeLinesThatNothingSyncedCameAfter) {
    auto h = sound();
    h.at_the_end[2].log.pop_back();
    h.stops.push_back({28, true, false});
    EXPECT_THAT(broken_log_promises(h), IsEmpty());
}

struct mutant {
    std::string name;
    std::string rule;
    std::function<void(history&)> change;
};

class HistoryMutant : public testing::TestWithParam<mutant> {};

TEST_P(HistoryMutant, IsCaught) {
    auto h = sound();
    GetParam().change(h);
    EXPECT_THAT(broken_promises(h), Contains(StartsWith(GetParam().rule)));
}

const std::vector<mutant> mutants{
    {"a_stored_job_is_gone", "C1 lost",
     [](history& h) { h.at_the_end.erase(h.at_the_end.begin()); }},
    {"a_job_that_exists_is_gone", "C1 lost",
     [](history& h) {
         h.pushes.push_back(pushed(70, 71, {6}));
         h.pushes.back().how = told::refused;
         h.pushes.back().error = errc::duplicate;
     }},
    {"half_a_batch_is_stored", "C1 batch",
     [](history& h) {
         h.pushes.push_back(pushed(70, never, {6, 7}));
         h.pushes.back().how = told::unknown;
         h.at_the_end.push_back({args_of(6), id_of(6), job_state::completed});
     }},
    {"a_job_never_ends", "C12 liveness",
     [](history& h) { h.at_the_end[0].state = job_state::available; }},
    {"a_job_comes_from_nowhere", "C2 phantom",
     [](history& h) {
         h.at_the_end.push_back({args_of(9), id_of(9), job_state::completed});
     }},
    {"a_refused_job_is_delivered", "C2 phantom",
     [](history& h) { h.pushes[0].how = told::refused; }},
    {"a_job_is_delivered_before_it_is_pushed", "C2 phantom",
     [](history& h) { h.pushes[0].begun = 13; }},
    {"a_payload_is_changed", "C3 payload", [](history& h) { h.deliveries[0].args = "[99]"; }},
    {"a_payload_comes_under_another_id", "C3 payload",
     [](history& h) { h.deliveries[0].args = args_of(3); }},
    {"an_attempt_is_counted_back", "C3 payload", [](history& h) { h.deliveries[1].attempt = 3; }},
    {"a_token_is_given_twice", "C4 token order",
     [](history& h) { h.deliveries[2].lease = h.deliveries[1].lease; }},
    {"two_tokens_of_a_job_are_swapped", "C4 token order",
     [](history& h) { std::swap(h.deliveries[1].lease, h.deliveries[3].lease); }},
    {"a_held_job_is_given_to_another", "C5 exclusion",
     [](history& h) {
         h.deliveries[2].exclusive = 60us, h.deliveries.push_back(given(19, 20, 3, 9));
     }},
    {"a_job_is_delivered_after_its_ack", "C6 finality",
     [](history& h) { h.deliveries.push_back(given(40, 42, 1, 9)); }},
    {"a_job_is_delivered_after_its_cancel", "C6 finality",
     [](history& h) { h.deliveries.push_back(given(60, 61, 4, 9)); }},
    {"a_job_is_delivered_after_it_was_seen_done", "C6 finality",
     [](history& h) {
         h.calls[0].how = told::unknown;
         h.deliveries.push_back(given(40, 42, 1, 9));
     }},
    {"an_acked_job_ends_otherwise", "C6 finality",
     [](history& h) { h.at_the_end[0].state = job_state::discarded; }},
    {"a_job_is_acked_under_two_leases", "C6 finality",
     [](history& h) { h.calls.push_back(said(24, 25, verb::ack, 2, 2)); }},
    {"a_stale_ack_is_accepted", "C7 fencing",
     [](history& h) { h.calls.push_back(said(34, 36, verb::ack, 2, 2)); }},
    {"a_stale_heartbeat_is_accepted", "C7 fencing",
     [](history& h) { h.calls.push_back(said(33, 34, verb::beat, 2, 2)); }},
    {"a_key_names_other_jobs", "C8 idempotency",
     [](history& h) { h.pushes[4].jobs[0].id = id_of(3); }},
    {"a_repeated_push_is_stored_twice", "C8 idempotency",
     [](history& h) {
         h.at_the_end.push_back({args_of(2), id_of(8), job_state::completed});
     }},
    {"a_later_job_overtakes", "C9 order",
     [](history& h) {
         std::swap(h.deliveries[0].args, h.deliveries[2].args),
             std::swap(h.deliveries[0].id, h.deliveries[2].id);
     }},
    {"a_scheduled_job_comes_early", "C10 early", [](history& h) { h.clock[1].at = 65; }},
    {"a_backoff_is_cut_short", "C10 early", [](history& h) { h.calls[1].not_before = 40us; }},
    {"a_kept_line_is_gone", "C13 logs", [](history& h) { h.at_the_end[2].log.pop_back(); }},
    {"a_line_is_gone_that_a_power_cut_could_not_take", "C13 logs",
     [](history& h) {
         h.at_the_end[2].log.pop_back();
         h.stops.push_back({80, true, false});
     }},
    {"a_line_is_there_twice", "C13 logs",
     [](history& h) { h.at_the_end[2].log.emplace_back("two"); }},
    {"a_line_comes_from_nowhere", "C13 logs",
     [](history& h) { h.at_the_end[0].log.emplace_back("three"); }},
    {"a_line_is_in_the_log_of_another_job", "C13 logs",
     [](history& h) { std::swap(h.at_the_end[2].log, h.at_the_end[0].log); }},
    {"lines_change_places", "C13 logs",
     [](history& h) { std::swap(h.at_the_end[2].log[0], h.at_the_end[2].log[1]); }},
    {"a_line_is_taken_after_the_end", "C13 logs",
     [](history& h) {
         h.calls.push_back(logged(40, 41, 3, 3, "late"));
         h.at_the_end[2].log.emplace_back("late");
     }},
    {"a_line_is_taken_under_a_stale_lease", "C7 fencing",
     [](history& h) { h.calls.push_back(logged(34, 35, 2, 2, "stale")); }},
    {"a_push_is_answered_below_the_class_it_asked_for", "C1 durability",
     [](history& h) { h.pushes[0].reached = durability_class::written; }},
    {"a_queue_is_miscounted", "C11 stats", [](history& h) { h.miscounts.emplace_back("q"); }},
};

INSTANTIATE_TEST_SUITE_P(Every, HistoryMutant, testing::ValuesIn(mutants),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace sluice::test
