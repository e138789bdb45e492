#include "server/config/config.hpp"

#include "proto/limits.hpp"
#include "server/config/exec.hpp"
#include "server/config/settings.hpp"
#include "server/worker/handlers/http/push_handler.hpp"
#include "server/worker/handlers/http/trust.hpp"

#include <boost/asio/ip/address.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::config {

namespace {

void check_ranges(const config& settings, std::vector<std::string>& problems) {
    for (const auto& s : all_settings()) {
        const auto number = s.number(settings);
        if (number && (*number < s.least || *number > s.most))
            problems.push_back(fmt::format("{}: must be {}, not {}", s.key, range_text(s),
                                           s.write_bound(*number)));
    }
}

void check_http(const http::http_config& http, std::vector<std::string>& problems) {
    boost::system::error_code ec;
    boost::asio::ip::make_address(http.host, ec);
    if (ec) {
        problems.push_back(fmt::format(
            "http.listen: \"{}\" is not an IP address (use 127.0.0.1, ::1, 0.0.0.0, ...)",
            http.host));
    } else if (!is_loopback(http) && http.tokens.empty() && !http.insecure_no_auth) {
        problems.push_back(fmt::format(
            "http.listen: {} can be reached by others, so a token is needed: set SLUICE_TOKEN_FILE "
            "or [[tokens]], or allow everybody with --insecure-no-auth",
            http.host));
    }
    if (http.buffer_bytes_max < http.head_bytes_max)
        problems.emplace_back("http.buffer_bytes_max: must not be less than http.head_bytes_max");
    if (http.target_bytes_max > http.head_bytes_max)
        problems.emplace_back("http.target_bytes_max: must not be more than http.head_bytes_max");
}

void check_tokens(const std::vector<http::token_config>& tokens,
                  std::vector<std::string>& problems) {
    std::set<std::string_view> names;
    std::set<std::string_view> hashes;
    for (const auto& token : tokens) {
        if (!names.insert(token.name).second)
            problems.push_back(fmt::format("tokens: the name \"{}\" is given twice", token.name));
        if (!hashes.insert(token.sha256_hex).second)
            problems.push_back(
                fmt::format("tokens: \"{}\" is the same token as another one", token.name));
    }
}

void check_pools(const worker::pool_config& workers, std::vector<std::string>& problems) {
    std::set<std::string_view> seen;
    for (const auto& pool : workers.queues) {
        if (pool.queue.size() > limits::queue_bytes_max)
            problems.push_back(fmt::format("workers.queues: \"{}\" is longer than {} bytes",
                                           pool.queue, limits::queue_bytes_max));
        if (pool.concurrency < 1 || pool.concurrency > 10'000)
            problems.push_back(
                fmt::format("workers.queues: \"{}\" must have 1 to 10000 workers", pool.queue));
        if (!seen.insert(pool.queue).second)
            problems.push_back(fmt::format("workers.queues: \"{}\" is given twice", pool.queue));
    }
}

/// A command is code that others start; that nobody outside this machine can is not enough.
void check_exec_auth(const config& settings, std::vector<std::string>& problems) {
    if (settings.exec.commands.empty() || !settings.http.tokens.empty()) return;
    if (settings.exec.insecure_no_auth && is_loopback(settings.http)) return;
    problems.emplace_back(
        "exec.commands: commands need a token, on a loopback address too: set SLUICE_TOKEN_FILE or "
        "[[tokens]], or for development on this machine alone exec.insecure_no_auth = true");
}

void check_push(const worker::push::push_config& push, std::vector<std::string>& problems) {
    using rules = worker::push::egress_rules;
    if (const auto wrong = worker::push::fault_of_ca_file(push.ca_file))
        problems.push_back(fmt::format("push.ca_file: {}", *wrong));
    const auto before = problems.size();
    for (const auto& entry : push.allow)
        if (const auto wrong = rules::fault_of(entry))
            problems.push_back(fmt::format("push.allow: {}", *wrong));
    if (problems.size() != before) return;
    const rules known{push.allow};
    for (std::size_t i = 0; i < push.targets.size(); ++i)
        if (const auto wrong = worker::push::fault_of_target(push.targets[i], known))
            problems.push_back(fmt::format("push.targets[{}].{}", i, *wrong));
}

}  // namespace

std::vector<std::string> validate(const config& settings) {
    std::vector<std::string> problems;
    check_ranges(settings, problems);
    check_http(settings.http, problems);
    check_tokens(settings.http.tokens, problems);
    check_pools(settings.workers, problems);
    check_exec(settings.exec, problems);
    check_exec_auth(settings, problems);
    check_push(settings.push, problems);
    if (settings.store.directory.empty())
        problems.emplace_back("store.directory: must not be empty");
    return problems;
}

bool is_loopback(const http::http_config& http) {
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address(http.host, ec);
    return !ec && address.is_loopback();
}

}  // namespace sluice::config
