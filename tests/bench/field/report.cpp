// The results as text for a terminal, and as JSON for tests/bench/render.py:
//   {"schema": "sluice.field/1", "rounds", "lead_in", "seconds", "latency_jobs", "waiting_jobs",
//    "minutes", "machine": {"processors", "memory_gib", "system", "disk", "load_before"},
//    "versions", "works":
//    [{"id", "title", "unit", "entries": [{"name", "way", "promise", "fault"?, "samples":
//    [{"value", "p99", "load_p99", "server_us", "load_us"}]}]}]}

#include "tests/bench/field/work.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>

namespace sluice::bench {
namespace {

const char* word_for(promise what) {
    switch (what) {
        case promise::synced:
            return "synced";
        case promise::written:
            return "written";
        case promise::memory:
            return "memory";
    }
    return "";
}

double median_of(const result& all, double sample::*which) {
    std::vector<double> values;
    for (const auto& each : all.samples) values.push_back(each.*which);
    return median(std::move(values));
}

/// The first line a program prints about itself.
std::string first_line(const char* command) {
    std::FILE* const out = ::popen(command, "r");
    if (out == nullptr) return "";
    std::array<char, 200> line{};
    const bool some = std::fgets(line.data(), line.size(), out) != nullptr;
    ::pclose(out);
    std::string text = some ? line.data() : "";
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text;
}

nlohmann::ordered_json versions() {
    nlohmann::ordered_json all;
    for (const auto& [name, command] : std::initializer_list<std::pair<const char*, const char*>>{
             {"Redis", "redis-server --version 2>/dev/null | sed 's/.* v=//; s/ .*//'"},
             {"beanstalkd", "beanstalkd -v 2>/dev/null | sed 's/.* //'"},
             {"PostgreSQL",
              "/usr/lib/postgresql/15/bin/postgres --version 2>/dev/null | awk '{print $3}'"},
             {"RabbitMQ",
              "dpkg-query -W -f '${Version}' rabbitmq-server 2>/dev/null | sed 's/-.*//'"},
             {"NATS", "nats-server --version 2>/dev/null | sed 's/.*v//'"},
             {"Node.js", "node --version 2>/dev/null | sed 's/v//'"}})
        if (auto version = first_line(command); !version.empty()) all[name] = version;
    return all;
}

double rounded(double value) {
    return std::round(value * 100) / 100;
}

nlohmann::ordered_json machine(const run& whole, const std::filesystem::path& data) {
    const auto pages = static_cast<double>(sysconf(_SC_PHYS_PAGES));
    const auto memory = pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1024.0 * 1024 * 1024);
    const auto file_system =
        first_line(("stat -f -c %T '" + data.parent_path().string() + "' 2>/dev/null").c_str());
    return {{"processors", sysconf(_SC_NPROCESSORS_ONLN)},
            {"memory_gib", static_cast<long>(std::lround(memory))},
            {"system", first_line(". /etc/os-release && echo \"$PRETTY_NAME\"")},
            {"disk", file_system == "ext2/ext3" ? "ext4" : file_system},
            {"load_before", rounded(whole.load_before)}};
}

nlohmann::ordered_json entry(const contestant& who, const result& all) {
    nlohmann::ordered_json json{
        {"name", who.name}, {"way", who.way}, {"promise", word_for(who.promises)}};
    if (!all.fault.empty()) json["fault"] = all.fault;
    auto samples = nlohmann::ordered_json::array();
    for (const auto& each : all.samples)
        samples.push_back({{"value", rounded(each.value)},
                           {"p99", rounded(each.p99)},
                           {"load_p99", rounded(each.load_p99)},
                           {"server_us", rounded(each.server_us)},
                           {"load_us", rounded(each.load_us)}});
    json["samples"] = std::move(samples);
    return json;
}

}  // namespace

void print(const work& what, const std::vector<result>& results) {
    std::printf("\n%s  %s  [%s]\n", what.id.c_str(), what.title.c_str(), what.unit.c_str());
    const auto base = results.empty() ? 0 : median_of(results.front(), &sample::value);
    for (std::size_t i = 0; i < results.size(); ++i) {
        const auto& who = what.contestants[i];
        const auto name = who.name + (who.way.empty() ? "" : " (" + who.way + ")");
        if (results[i].samples.empty()) {
            std::printf("  %-72s skipped\n", name.c_str());
            continue;
        }
        const auto value = median_of(results[i], &sample::value);
        const auto [least, most] = std::ranges::minmax_element(
            results[i].samples, {}, [](const sample& each) { return each.value; });
        std::printf("  %-72s %-8s %10.0f  (%.0f to %.0f)", name.c_str(), word_for(who.promises),
                    value, least->value, most->value);
        if (what.unit == "us")
            std::printf("  p99 %.0f, load late p99 %.0f", median_of(results[i], &sample::p99),
                        median_of(results[i], &sample::load_p99));
        std::printf("  cpu/job %.2f + %.2f us  first/this %.2f\n",
                    median_of(results[i], &sample::server_us),
                    median_of(results[i], &sample::load_us), base / value);
    }
    std::fflush(stdout);
}

void write_json(const std::filesystem::path& file, const run& whole,
                const std::filesystem::path& data) {
    const auto taken = std::chrono::steady_clock::now() - whole.begun;
    nlohmann::ordered_json json{
        {"schema", "sluice.field/1"},
        {"rounds", whole.rounds},
        {"lead_in", static_cast<double>(whole.with.when.lead_in.count()) / 1000},
        {"seconds", static_cast<double>(whole.with.duration.count()) / 1000},
        {"latency_jobs", whole.with.jobs},
        {"waiting_jobs", whole.with.waiting},
        {"minutes", rounded(std::chrono::duration<double>(taken).count() / 60)},
        {"machine", machine(whole, data)},
        {"versions", versions()}};
    auto all = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < whole.works.size(); ++i) {
        const auto& each = whole.works[i];
        auto entries = nlohmann::ordered_json::array();
        for (std::size_t j = 0; j < each.contestants.size(); ++j)
            entries.push_back(entry(each.contestants[j], whole.results[i][j]));
        all.push_back({{"id", each.id},
                       {"title", each.title},
                       {"unit", each.unit},
                       {"entries", std::move(entries)}});
    }
    json["works"] = std::move(all);
    std::ofstream out(file);
    out << json.dump(1) << '\n';
    if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace sluice::bench
