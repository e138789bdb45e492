#include "server/rules/transitions.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sluice::rules {
namespace {

std::vector<std::string> cells(const std::string& line) {
    std::vector<std::string> row;
    std::size_t begin = 1;  // after the first bar
    for (auto end = line.find('|', begin); end != std::string::npos; end = line.find('|', begin)) {
        std::string cell = line.substr(begin, end - begin);
        cell.erase(0, cell.find_first_not_of(' '));
        cell.erase(cell.find_last_not_of(' ') + 1);
        row.push_back(std::move(cell));
        begin = end + 1;
    }
    return row;
}

/// The table under "Every state, every event": {event, state} to what follows.
std::map<std::pair<std::string, std::string>, std::string> documented_transitions() {
    std::ifstream file(SLUICE_LIFECYCLE_TABLE);
    std::map<std::pair<std::string, std::string>, std::string> table;
    std::vector<std::string> states;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("| event | pending")) {
            states = cells(line);
        } else if (!states.empty() && line.starts_with("| ")) {
            const auto row = cells(line);
            for (std::size_t i = 1; i < row.size() && i < states.size(); ++i) {
                table[{row[0], states[i]}] = row[i];
            }
        } else if (!states.empty() && !line.starts_with("|-")) {
            states.clear();
        }
    }
    return table;
}

TEST(Transitions, AreWhatTheLifecycleDocumentSays) {
    const auto table = documented_transitions();
    EXPECT_EQ(table.size(), job_state_count * job_event_count);
    for (std::size_t s = 0; s < job_state_count; ++s) {
        for (std::size_t e = 0; e < job_event_count; ++e) {
            const auto from = static_cast<job_state>(s);
            const auto event = static_cast<job_event>(e);
            const auto next = next_state(from, event);
            const std::string computed = next ? std::string(to_string(*next)) : "";
            const auto row =
                table.find({std::string(to_string(event)), std::string(to_string(from))});
            ASSERT_NE(row, table.end()) << to_string(from) << " × " << to_string(event);
            EXPECT_EQ(computed, row->second) << to_string(from) << " × " << to_string(event);
        }
    }
}

TEST(Transitions, LeaveATerminalStateOnlyByRevivingADiscardedJob) {
    for (std::size_t s = 0; s < job_state_count; ++s) {
        const auto from = static_cast<job_state>(s);
        if (!is_terminal(from)) continue;
        for (std::size_t e = 0; e < job_event_count; ++e) {
            const auto event = static_cast<job_event>(e);
            const bool allowed = from == job_state::discarded && event == job_event::revive;
            EXPECT_EQ(next_state(from, event).has_value(), allowed)
                << to_string(from) << " × " << to_string(event);
        }
    }
}

TEST(Transitions, ReachActiveOnlyFromAvailable) {
    for (std::size_t s = 0; s < job_state_count; ++s) {
        for (std::size_t e = 0; e < job_event_count; ++e) {
            const auto from = static_cast<job_state>(s);
            if (next_state(from, static_cast<job_event>(e)) == job_state::active) {
                EXPECT_EQ(from, job_state::available);
            }
        }
    }
}

TEST(Transitions, CancelEveryJobThatIsNotTerminal) {
    for (std::size_t s = 0; s < job_state_count; ++s) {
        const auto from = static_cast<job_state>(s);
        EXPECT_EQ(next_state(from, job_event::cancel).has_value(), !is_terminal(from))
            << to_string(from);
    }
}

static_assert(next_state(job_state::available, job_event::fetch) == job_state::active);

}  // namespace
}  // namespace sluice::rules
