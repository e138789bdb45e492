// A worker in C++: squares numbers and says how far it is. Ctrl-C or SIGTERM drains it.
#include "client/url.hpp"
#include "client/worker.hpp"
#include "proto/json_text.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <thread>

namespace {

sluice::client::worker* running = nullptr;

sluice::client::job_outcome square(sluice::client::job_run& run) {
    sluice::json_cursor args{sluice::json_root(run.job().args)};
    std::string key;
    sluice::json_value first;
    const auto number = args.next(key, first) ? sluice::json_number(first) : std::nullopt;
    if (!number) return sluice::client::dead_lettered{"args[0] must be a number"};
    run.progress(0.5, "half way");
    run.log("squaring " + std::string{first.text});
    return sluice::client::completed{std::to_string(*number * *number)};
}

}  // namespace

int main() {
    const char* where = std::getenv("SLUICE_URL");
    auto url = sluice::client::parse_base_url(where != nullptr ? where : "http://127.0.0.1:8080");
    if (!url) {
        std::cerr << "SLUICE_URL: " << url.error().text << "\n";
        return 2;
    }
    sluice::client::settings server;
    server.url = *url;
    if (const char* token = std::getenv("SLUICE_TOKEN")) server.token = token;

    sluice::client::worker_options options;
    options.queues = {"numbers"};
    options.concurrency = 4;
    sluice::client::worker worker{server, options};
    worker.add_blocking("number.square", square);

    running = &worker;
    std::signal(SIGINT, [](int) { running->stop(); });
    std::signal(SIGTERM, [](int) { running->stop(); });
    const auto totals = worker.run();
    if (!totals) {
        std::cerr << totals.error().message << "\n";
        return 1;
    }
    std::cerr << totals->completed << " squared\n";
}
