#pragma once

#include "proto/time.hpp"
#include "server/worker/handler.hpp"
#include "server/worker/handlers/http/egress.hpp"
#include "server/worker/handlers/http/http_client.hpp"
#include "server/worker/handlers/http/name_lookup.hpp"
#include "server/worker/handlers/http/push_config.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>

namespace sluice::worker::push {

/// Runs jobs by HTTP: those of type `sluice.http`, which bring their URL, and those of the types
/// that have a target in the configuration.
///
/// Every request carries Job-Id, Job-Attempt and Job-Lease. A receiver that answers 202 with that
/// lease in Job-Lease has taken the job over and acks it later; any other answer ends the attempt,
/// as reply_rules.hpp has it. Signed requests carry the three headers of Standard Webhooks.
///
/// Make it with make_shared: its handlers keep it alive. All on `executor`, which one thread runs.
class push_handler : public std::enable_shared_from_this<push_handler> {
public:
    using clock_function = std::function<timestamp()>;

    /// `now` is the wall clock. Throws boost::system::system_error when the CA file cannot be used.
    push_handler(boost::asio::any_io_executor executor, push_config with,
                 std::unique_ptr<name_lookup> names, clock_function now,
                 egress_rules::is_own_address own = is_address_of_this_machine);

    /// The targets must have passed `fault_of_target`.
    void add_to(handler_registry& registry);

    /// Carries a request of somebody else, by the same rules and timeouts; `timeout` in place of
    /// the configured one.
    boost::asio::awaitable<exchanged> exchange(outgoing request,
                                               std::optional<std::chrono::milliseconds> timeout,
                                               std::stop_token stop);

    /// Why events may not be sent to this URL, as far as that can be told without a look-up. What
    /// is not https must be on the list.
    std::optional<error> check_webhook_url(std::string_view text) const;

    /// The port this server listens on, once it is known: jobs may not call it.
    void own_port(std::uint16_t port) { rules_.own_port(port); }

    /// Closes what is kept open for later.
    void close_idle() { client_.close_idle(); }

private:
    struct prepared;

    boost::asio::awaitable<outcome> run_any(std::shared_ptr<job_run> run);
    boost::asio::awaitable<outcome> run_target(std::shared_ptr<const push_target> target,
                                               target_url url, std::shared_ptr<job_run> run);
    boost::asio::awaitable<outcome> run_request(std::shared_ptr<job_run> run, prepared what);
    std::optional<error> check_any(const job_spec& job) const;
    outgoing write(const job_record& job, prepared what) const;

    const push_config config_;
    const clock_function now_;
    egress_rules rules_;
    std::unique_ptr<name_lookup> names_;
    http_client client_;
};

/// What is wrong with a target whose types and numbers are right: its URL, method or headers, or
/// that the rules do not let it be called; nothing when it can be used.
std::optional<std::string> fault_of_target(const push_target& target, const egress_rules& rules);

}  // namespace sluice::worker::push
