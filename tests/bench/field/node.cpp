// Peers that are libraries for Node.js. Each is a script that sends and works, says "begins" and
// "ends" around what counts, and prints one line of JSON at the end: the jobs that counted, the
// seconds they took, and its processor time for each.

#include "tests/bench/field/work.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <stdexcept>

namespace sluice::bench {
namespace {

sample run_script(const std::filesystem::path& script, std::uint16_t port, const effort& with) {
    if (!std::filesystem::exists(script.parent_path() / "node_modules"))
        throw std::runtime_error("npm ci was not run in " + script.parent_path().string());
    const auto command = "node '" + script.string() + "' " + std::to_string(port) + " " +
                         std::to_string(with.duration.count()) + " " +
                         std::to_string(with.when.lead_in.count()) + " 2>&1";
    std::FILE* const out = ::popen(command.c_str(), "r");
    if (out == nullptr) throw std::runtime_error("node cannot be started");
    std::string text;
    for (int c = 0; (c = std::fgetc(out)) != EOF;) {
        text += static_cast<char>(c);
        if (text.ends_with("begins\n")) with.when.begins();
        if (text.ends_with("ends\n")) with.when.ends();
    }
    const int status = ::pclose(out);
    const auto last = text.rfind('{');
    if (status != 0 || last == std::string::npos)
        throw std::runtime_error(script.filename().string() + ": " + text.substr(0, 400));
    const auto said = nlohmann::json::parse(text.substr(last));
    sample found;
    found.jobs = said.at("jobs").get<double>();
    found.value = found.jobs / said.at("seconds").get<double>();
    found.load_us = said.at("cpu_us").get<double>();
    return found;
}

}  // namespace

work through_node(const std::filesystem::path& scripts, host& sluice, host& redis, host& postgres) {
    work all{"P13", "from 64 producers to 32 workers in one Node.js process", "jobs/s", {}};
    const auto add = [&](std::string name, std::string way, host& server, const char* script) {
        all.contestants.push_back({std::move(name), std::move(way), promise::synced, &server, [] {},
                                   [scripts, &server, script](const effort& with) {
                                       return run_script(scripts / script, server.port(), with);
                                   }});
    };
    add("Sluice, node:http", "", sluice, "sluice.mjs");
    add("BullMQ on Redis, appendfsync always", "", redis, "bullmq.mjs");
    add("graphile-worker on PostgreSQL", "", postgres, "graphile.mjs");
    add("pg-boss on PostgreSQL", "", postgres, "pgboss.mjs");
    return all;
}

}  // namespace sluice::bench
