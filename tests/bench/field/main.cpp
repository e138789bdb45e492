// The whole field on this machine: every peer in turn at every work, each alone while it is
// measured. Only ratios within one run say anything. Options: bench_field --help.

#include "tests/bench/field/keeper.hpp"
#include "tests/bench/field/work.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

using namespace sluice::bench;

int main(int argc, char** argv) {
    if (argc == 3 && std::string_view(argv[1]) == "--serve-echo")
        serve_echo(static_cast<std::uint16_t>(std::atoi(argv[2])));
    CLI::App app("Sluice beside the field, in interleaved rounds");
    settings with;
    run whole;
    double seconds = 0.8, lead_seconds = 1;
    std::string directory = ".", scripts = "tests/bench/node", json;
    std::vector<std::string> only;
    std::string peer;
    app.add_option("sluiced", with.sluiced, "The server's binary")->required();
    app.add_option("--directory", directory, "Where the servers keep their data");
    app.add_option("--node-scripts", scripts, "Where the peers for Node.js are");
    app.add_option("--rounds", whole.rounds, "Interleaved rounds");
    app.add_option("--seconds", seconds, "Length of each measurement of throughput");
    app.add_option("--lead-in", lead_seconds, "Seconds of load before what counts of it");
    app.add_option("--jobs", whole.with.jobs, "Jobs of each measurement of latency at 500/s");
    app.add_option("--waiting", whole.with.waiting, "Jobs of the backlog that is weighed");
    app.add_option("--only", only, "Ids of the works to do, such as P1,P7")->delimiter(',');
    app.add_option("--peer", peer, "Only those whose name has this in it");
    app.add_option("--json", json, "Write the results to this file");
    CLI11_PARSE(app, argc, argv);
    whole.with.when.lead_in = std::chrono::milliseconds{static_cast<int>(lead_seconds * 1000)};
    whole.with.duration = std::chrono::milliseconds{static_cast<int>(seconds * 1000)};

    keep();
    with.directory = std::filesystem::absolute(directory) / "field-data";
    with.node_scripts = std::filesystem::absolute(scripts);
    std::filesystem::create_directories(with.directory);
    getloadavg(&whole.load_before, 1);
    try {
        const field peers(with);
        for (const auto& each : peers.works()) {
            if (!only.empty() && std::ranges::find(only, each.id) == only.end()) continue;
            auto chosen = each;
            std::erase_if(chosen.contestants, [&peer](const contestant& who) {
                return who.name.find(peer) == std::string::npos;
            });
            if (chosen.contestants.empty()) continue;
            whole.results.push_back(take_turns(chosen, whole.with, whole.rounds));
            print(chosen, whole.results.back());
            whole.works.push_back(std::move(chosen));
        }
        if (!json.empty()) write_json(json, whole, with.directory);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_field: %s\n", e.what());
        return EXIT_FAILURE;
    }
    std::error_code ignored;  // a server may have left a file that is being written
    std::filesystem::remove_all(with.directory, ignored);
    return EXIT_SUCCESS;
}
