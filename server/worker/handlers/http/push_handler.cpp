#include "server/worker/handlers/http/push_handler.hpp"

#include "proto/codec.hpp"
#include "server/worker/handlers/http/http_args.hpp"
#include "server/worker/handlers/http/push_outcome.hpp"

#include <utility>

namespace sluice::worker::push {

namespace asio = boost::asio;

namespace {

using std::chrono::milliseconds;

std::int64_t unix_time(timestamp at) {
    return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

error denied(std::string why) {
    return error(errc::validation_failed, "args[0].url: egress_denied: " + std::move(why),
                 R"("field":"args[0].url","reason":"egress_denied")");
}

asio::awaitable<outcome> at_once(outcome end) {
    co_return end;
}

std::string path_of(const target_url& url) {
    return (url.secure ? "https://" : "http://") + url.host_field +
           url.target.substr(0, url.target.find('?'));
}

}  // namespace

/// A request before it is written.
struct push_handler::prepared {
    std::string method;
    target_url url;
    header_list headers;
    std::string body;
    std::string content_type;
    const std::vector<signing_secret>* secrets = nullptr;  ///< null: not signed
    milliseconds connect_timeout{0};
    milliseconds timeout{0};
    result_form form = result_form::exchange;
};

push_handler::push_handler(asio::any_io_executor executor, push_config with,
                           std::unique_ptr<name_lookup> names, clock_function now,
                           egress_rules::is_own_address own)
    : config_(std::move(with)),
      now_(std::move(now)),
      rules_(config_.allow, std::move(own)),
      names_(std::move(names)),
      client_(std::move(executor), *names_, rules_,
              {.ca_file = config_.ca_file,
               .idle_most = config_.idle_connections_max,
               .idle_time = config_.idle_timeout}) {}

void push_handler::add_to(handler_registry& registry) {
    handler_options any;
    any.concurrency = config_.concurrency;
    any.check = [self = shared_from_this()](const job_spec& job) { return self->check_any(job); };
    registry.add(
        "sluice.http",
        [self = shared_from_this()](std::shared_ptr<job_run> run) {
            return self->run_any(std::move(run));
        },
        std::move(any));
    for (const auto& each : config_.targets) {
        const auto target = std::make_shared<const push_target>(each);
        auto url = parse_target_url(each.url).value();
        handler_options options;
        options.concurrency = each.concurrency;
        for (const auto& type : each.types) {
            registry.add(
                type,
                [self = shared_from_this(), target, url](std::shared_ptr<job_run> run) {
                    return self->run_target(target, url, std::move(run));
                },
                options);
        }
    }
}

std::optional<error> push_handler::check_any(const job_spec& job) const {
    if (!config_.any_url)
        return error(errc::forbidden, "jobs of type sluice.http are switched off (push.any_url)");
    const auto args = parse_http_args(job.args);
    if (!args) return args.error();
    if (args->sign && config_.secrets.empty())
        return error(errc::validation_failed,
                     "args[0].sign: no secret is configured (push.secret_file)",
                     R"("field":"args[0].sign")");
    if (auto why = rules_.refuse(args->url)) return denied(std::move(*why));
    return std::nullopt;
}

asio::awaitable<outcome> push_handler::run_any(std::shared_ptr<job_run> run) {
    // Once more: the job may be older than the configuration.
    if (!config_.any_url) return at_once(refused_for_good(*check_any(*run->job().spec)));
    auto args = parse_http_args(run->job().spec->args);
    if (!args) return at_once(refused_for_good(args.error()));
    if (args->sign && config_.secrets.empty())
        return at_once(refused_for_good(*check_any(*run->job().spec)));
    prepared what;
    what.method = std::move(args->method);
    what.url = std::move(args->url);
    what.headers = std::move(args->headers);
    what.body = std::move(args->body);
    what.content_type = std::move(args->content_type);
    what.secrets = args->sign ? &config_.secrets : nullptr;
    what.timeout = args->timeout.value_or(config_.timeout);
    what.connect_timeout = config_.connect_timeout;
    return run_request(std::move(run), std::move(what));
}

asio::awaitable<outcome> push_handler::run_target(std::shared_ptr<const push_target> target,
                                                  target_url url, std::shared_ptr<job_run> run) {
    prepared what;
    what.method = target->method;
    what.url = std::move(url);
    what.headers = target->headers;
    if (!goes_without_body(target->method)) {
        what.content_type = "application/json";
        if (target->body == body_template::job) {
            append_leased_job(what.body, run->job());
        } else {
            what.body = run->job().spec->args;
        }
    }
    what.secrets = target->secrets.empty() ? nullptr : &target->secrets;
    what.timeout = target->timeout.value_or(config_.timeout);
    what.connect_timeout = target->connect_timeout.value_or(config_.connect_timeout);
    what.form = result_form::body;
    const auto begin = std::chrono::steady_clock::now();
    const std::string to = what.method + ' ' + path_of(what.url);
    auto running = run_request(run, std::move(what));
    outcome end = co_await std::move(running);
    const auto took =
        std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
    // The result is the receiver's alone, so what it took is said here.
    run->log(log_stream::log, to + " took " + std::to_string(took.count()) + " ms\n");
    co_return end;
}

asio::awaitable<outcome> push_handler::run_request(std::shared_ptr<job_run> run, prepared what) {
    const auto self = shared_from_this();
    exchange_facts facts;
    facts.holder = what.url.host_field;
    facts.lease = to_string(run->job().lease);
    facts.form = what.form;
    auto request = write(run->job(), std::move(what));
    const auto begin = std::chrono::steady_clock::now();
    auto exchanging = client_.exchange(std::move(request), run->stop());
    exchanged end = co_await std::move(exchanging);
    facts.elapsed = std::chrono::steady_clock::now() - begin;
    facts.now = now_();
    co_return outcome_of(std::move(end), facts);
}

asio::awaitable<exchanged> push_handler::exchange(outgoing request,
                                                  std::optional<milliseconds> timeout,
                                                  std::stop_token stop) {
    request.timeout = timeout.value_or(config_.timeout);
    request.connect_timeout = config_.connect_timeout;
    return client_.exchange(std::move(request), std::move(stop));
}

std::optional<error> push_handler::check_webhook_url(std::string_view text) const {
    const auto refused = [](std::string why) {
        return error(errc::validation_failed, "url: " + std::move(why), R"("field":"url")");
    };
    const auto url = parse_target_url(text);
    if (!url) return refused(url.error().message);
    if (auto why = rules_.refuse(*url)) return refused("egress_denied: " + *why);
    if (!url->secure && !rules_.lists(*url))
        return refused("must be https; plain http goes to hosts on push.allow only");
    return std::nullopt;
}

outgoing push_handler::write(const job_record& job, prepared what) const {
    header_list own;
    const auto add_unless_given = [&](std::string_view name, std::string_view value) {
        if (find_header(what.headers, name) == nullptr) own.emplace_back(name, value);
    };
    add_unless_given("User-Agent", "sluice");
    add_unless_given("Accept", "*/*");
    add_unless_given("Accept-Encoding", "identity");  // a packed answer would be kept as it is
    if (!what.content_type.empty()) add_unless_given("Content-Type", what.content_type);
    const auto id = to_string(job.spec->id);
    own.emplace_back("Job-Id", id);
    own.emplace_back("Job-Attempt", std::to_string(job.attempt));
    own.emplace_back("Job-Lease", to_string(job.lease));
    if (what.secrets != nullptr) {
        const auto at = unix_time(now_());
        own.emplace_back("webhook-id", id);
        own.emplace_back("webhook-timestamp", std::to_string(at));
        own.emplace_back("webhook-signature", sign_with_all(*what.secrets, id, at, what.body));
    }
    outgoing request;
    request.bytes = write_request(what.method, what.url, own, what.headers, what.body);
    request.idempotent = is_idempotent(what.method);
    request.head = what.method == "HEAD";
    request.connect_timeout = what.connect_timeout;
    request.timeout = what.timeout;
    request.url = std::move(what.url);
    return request;
}

std::optional<std::string> fault_of_target(const push_target& target, const egress_rules& rules) {
    const auto url = parse_target_url(target.url);
    if (!url) return "url: " + url.error().message;
    if (auto why = rules.refuse(*url)) return "url: " + *why;
    if (!is_known_method(target.method))
        return "method: must be GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS";
    if (auto wrong = fault_of_headers(target.headers)) return "headers: " + *wrong;
    return std::nullopt;
}

}  // namespace sluice::worker::push
