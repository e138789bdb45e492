// The results as text for a terminal, and as JSON for tests/bench/render.py:
//   {"schema": "sluice.field/1", "rounds", "seconds", "latency_jobs", "waiting_jobs", "versions",
//    "works": [{"id", "title", "unit", "entries": [{"name", "way", "promise", "fault"?, "samples":
//    [{"value", "p99", "load_p99", "server_us", "load_us"}]}]}]}

#include "tests/bench/field/work.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
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

nlohmann::ordered_json entry(const contestant& who, const result& all) {
    nlohmann::ordered_json json{
        {"name", who.name}, {"way", who.way}, {"promise", word_for(who.promises)}};
    if (!all.fault.empty()) json["fault"] = all.fault;
    auto samples = nlohmann::ordered_json::array();
    const auto round = [](double value) {
        return static_cast<double>(static_cast<long long>(value * 100 + 0.5)) / 100;
    };
    for (const auto& each : all.samples)
        samples.push_back({{"value", round(each.value)},
                           {"p99", round(each.p99)},
                           {"load_p99", round(each.load_p99)},
                           {"server_us", round(each.server_us)},
                           {"load_us", round(each.load_us)}});
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

void write_json(const std::filesystem::path& file, const std::vector<work>& works,
                const std::vector<std::vector<result>>& results, const effort& with, int rounds) {
    nlohmann::ordered_json json{{"schema", "sluice.field/1"},
                                {"rounds", rounds},
                                {"seconds", static_cast<double>(with.duration.count()) / 1000},
                                {"latency_jobs", with.jobs},
                                {"waiting_jobs", with.waiting},
                                {"versions", versions()}};
    auto all = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < works.size(); ++i) {
        auto entries = nlohmann::ordered_json::array();
        for (std::size_t j = 0; j < results[i].size(); ++j)
            entries.push_back(entry(works[i].contestants[j], results[i][j]));
        all.push_back({{"id", works[i].id},
                       {"title", works[i].title},
                       {"unit", works[i].unit},
                       {"entries", std::move(entries)}});
    }
    json["works"] = std::move(all);
    std::ofstream out(file);
    out << json.dump(1) << '\n';
    if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace sluice::bench
