#include "tests/queue/simulation/history.hpp"

#include <array>
#include <string_view>
#include <unordered_map>

namespace sluice::test {
namespace {

std::string span_of(const call& c) {
    std::string text = std::to_string(c.begun) + "..";
    if (c.ended != never) text += std::to_string(c.ended);
    text += c.how == told::done ? " done" : c.how == told::refused ? " refused" : " unknown";
    if (c.error) text += " (" + std::string(to_string(*c.error)) + ")";
    return text;
}

std::string_view name_of(verb what) {
    constexpr std::array<std::string_view, 9> names{
        "ack", "fail", "give back", "beat", "cancel", "activate", "revive", "remove", "log"};
    return names[static_cast<std::size_t>(what)];
}

}  // namespace

std::vector<std::string> story(const history& h) {
    std::multimap<moment, std::string> lines;
    std::unordered_map<uuid, std::string> names;
    for (const auto& push : h.pushes) {
        std::string text = "push " + span_of(push) + " " + push.key;
        for (const auto& job : push.jobs) {
            names.emplace(job.id, job.args);
            text += " " + job.args + " " + job.queue + "/" + job.type + "/" +
                    std::to_string(job.priority) + (job.plain ? "" : " later");
        }
        lines.emplace(push.begun, text);
    }
    for (const auto& d : h.deliveries) {
        names.emplace(d.id, d.args);
        lines.emplace(d.ended, "give " + d.args + " " + span_of(d) + " to " + d.worker + " lease " +
                                   to_string(d.lease) + " attempt " + std::to_string(d.attempt) +
                                   " interruptions " + std::to_string(d.interruptions));
    }
    for (const auto& c : h.calls)
        lines.emplace(c.begun, std::string(name_of(c.what)) + " " + names[c.id] + " " + span_of(c) +
                                   (c.lease ? " lease " + to_string(*c.lease) : ""));
    for (const auto& seen : h.sightings)
        lines.emplace(seen.at, "seen " + names[seen.id] + " " + std::string(to_string(seen.state)));
    for (const auto& stop : h.stops)
        lines.emplace(stop.at, stop.drained      ? "drained"
                               : stop.power_lost ? "power lost"
                                                 : "process ended");
    for (const auto at : h.clock_jumps) lines.emplace(at, "clock jumped");
    for (const auto& job : h.at_the_end)
        lines.emplace(never, "in the end " + job.args + " " + std::string(to_string(job.state)));
    std::vector<std::string> told;
    for (const auto& [at, text] : lines) told.push_back(std::to_string(at) + "  " + text);
    return told;
}

}  // namespace sluice::test
