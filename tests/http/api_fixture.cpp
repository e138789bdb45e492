#include "tests/http/api_fixture.hpp"

#include "server/queue/local_backend.hpp"
#include "server/runtime/clock.hpp"
#include "server/store/sqlite/sqlite_store.hpp"

#include <boost/asio/co_spawn.hpp>

#include <cstdlib>

namespace sluice::http {
namespace {

std::filesystem::path make_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-api-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    return name;
}

/// As a session splits a target, but for percent-escapes.
void set_target(request& r, const std::string& target) {
    const auto mark = target.find('?');
    r.path = target.substr(0, mark);
    if (mark == std::string::npos) return;
    std::string_view rest(target);
    rest.remove_prefix(mark + 1);
    while (!rest.empty()) {
        const auto end = std::min(rest.find('&'), rest.size());
        const auto part = rest.substr(0, end);
        const auto equals = std::min(part.find('='), part.size());
        r.query.emplace_back(part.substr(0, equals),
                             part.substr(std::min(equals + 1, part.size())));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

}  // namespace

api_fixture::api_fixture(engine_config engine, std::chrono::milliseconds stream_beat)
    : directory_(make_directory()) {
    local_backend_options options;
    options.engine = std::move(engine);
    options.now = system_instant;
    options.on_store_failure = [](const std::string& reason) { FAIL() << reason; };
    options.seed = 7;
    sqlite_store_config store;
    store.directory = directory_ / "data";
    queue =
        make_local_backend(context_.get_executor(), open_sqlite_store(store), std::move(options));
    api_services services;
    services.queue = queue.get();
    if (across_) {
        far_ = std::make_unique<remote_backend>(*queue, there_, back_);
        services.queue = far_.get();
        services.overview = [this] { return far_->overview(); };
    }
    services.now = system_instant;
    services.draining = [this] { return draining; };
    services.started = std::chrono::steady_clock::now();
    services.version = "1.2.3";
    services.enable_reset = true;
    services.waiting_bodies_max = waiting_bodies_max;
    services.stream_beat = stream_beat;
    services.check_job = [this](const job_spec& job) {
        return check_job ? check_job(job) : std::nullopt;
    };
    services.make_webhook_secret = [] { return std::string("whsec_made"); };
    services.check_webhook_url = [](std::string_view url) -> std::optional<error> {
        if (url.find("refused") == std::string_view::npos) return std::nullopt;
        return error(errc::validation_failed, "url: refused", R"("field":"url")");
    };
    add_api_routes(routes, std::move(services));
}

api_fixture::~api_fixture() {
    bool done = false;
    queue->begin_drain();
    asio::co_spawn(context_, queue->shut_down(), [&](const std::exception_ptr& fault) {
        done = true;
        if (fault) ADD_FAILURE() << "the backend did not shut down";
    });
    run_until([&] { return done; });
    queue.reset();
    std::filesystem::remove_all(directory_);
}

void api_fixture::poll() {
    while (context_.poll() + front_.poll() > 0 && across_) {
    }
}

void api_fixture::run_until(const std::function<bool()>& done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done() && std::chrono::steady_clock::now() < limit) {
        if (!across_)
            context_.run_one_for(std::chrono::seconds(1));
        else if (front_.poll() == 0)
            context_.run_one_for(std::chrono::milliseconds(1));
    }
    if (!done()) throw std::runtime_error("no answer within 30 s");
}

api_fixture::pending api_fixture::start(const std::string& method, const std::string& target,
                                        std::string body, header_fields fields) {
    request r;
    r.method = method;
    set_target(r, target);
    r.fields = std::move(fields);
    r.body = std::move(body);
    return start(std::move(r));
}

api_fixture::pending api_fixture::start_alone(const std::string& method,
                                              const std::string& target) {
    request r;
    r.method = method;
    set_target(r, target);
    auto answer = begin(std::move(r));
    front().poll();
    return answer;
}

api_fixture::upload api_fixture::start_upload(const std::string& target, header_fields fields) {
    request r;
    r.method = "POST";
    set_target(r, target);
    r.fields = std::move(fields);
    auto body = std::make_shared<body_stream>(front().get_executor(), body_charge(), [] {});
    r.stream = body;
    return {start(std::move(r)), std::move(body)};
}

void api_fixture::leave(const response& stream) {
    bool done = false;
    asio::co_spawn(front(), stream.after_stream(), [&](const std::exception_ptr&) { done = true; });
    run_until([&] { return done; });
}

api_fixture::pending api_fixture::start(request r) {
    auto answer = begin(std::move(r));
    poll();
    return answer;
}

api_fixture::pending api_fixture::begin(request r) {
    r.request_id = "req_test";
    r.received = std::chrono::steady_clock::now();
    r.stop = stop.get_token();
    r.queue_patterns = queue_patterns;
    r.may_enqueue = may_enqueue;
    const auto found = routes.find(r.method, r.path);
    auto answer = std::make_shared<std::optional<response>>();
    if (found.handle == nullptr) {
        // What a session says of its own accord.
        answer->emplace();
        (*answer)->status = found.allow.empty() ? 404 : 405;
        (*answer)->fields.emplace_back("Allow", found.allow);
        return answer;
    }
    auto handling = (*found.handle)(std::move(r), found.values);
    asio::co_spawn(front(), std::move(handling),
                   [answer](const std::exception_ptr& fault, response made) {
                       if (fault) std::rethrow_exception(fault);
                       *answer = std::move(made);
                   });
    return answer;
}

response api_fixture::finish(const pending& answer) {
    run_until([&] { return answer->has_value(); });
    return **answer;
}

api_fixture::pending_piece api_fixture::ask(const response& stream) {
    auto piece = std::make_shared<std::optional<std::optional<std::string>>>();
    asio::co_spawn(front(), stream.stream(),
                   [piece, kept = stream.stream](const std::exception_ptr& fault,
                                                 std::optional<std::string> made) {
                       if (fault) std::rethrow_exception(fault);
                       piece->emplace(std::move(made));
                   });
    poll();
    return piece;
}

std::optional<std::string> api_fixture::finish(const pending_piece& piece) {
    run_until([&] { return piece->has_value(); });
    return **piece;
}

response api_fixture::send(const std::string& method, const std::string& target, std::string body,
                           header_fields fields) {
    return finish(start(method, target, std::move(body), std::move(fields)));
}

nlohmann::json api_fixture::json_of(const response& answer) {
    return nlohmann::json::parse(answer.body);
}

std::string api_fixture::field_of(const response& answer, std::string_view name) {
    for (const auto& [key, value] : answer.fields) {
        if (key == name) return value;
    }
    return {};
}

std::string api_fixture::push(const std::string& name, const std::string& options) {
    const auto answer = send("POST", "/ojs/v1/jobs",
                             R"({"type":"test.echo","args":[1],"options":{"queue":")" + name + '"' +
                                 (options.empty() ? "" : ",") + options + "}}");
    EXPECT_EQ(answer.status, 201) << answer.body;
    return json_of(answer)["job"]["id"];
}

nlohmann::json api_fixture::fetch(const std::string& name, const std::string& worker) {
    const auto answer = send("POST", "/ojs/v1/workers/fetch",
                             R"({"queues":[")" + name + R"("],"worker_id":")" + worker + "\"}");
    EXPECT_EQ(answer.status, 200) << answer.body;
    const auto jobs = json_of(answer)["jobs"];
    return jobs.empty() ? nlohmann::json() : jobs[0];
}

nlohmann::json api_fixture::fetch_inside(const std::string& name) {
    fetch_request wanted;
    wanted.worker_id = "inside";
    wanted.queues = {name};
    std::optional<result<std::vector<job_record>>> given;
    auto fetching = queue->fetch(std::move(wanted), stop.get_token());
    asio::co_spawn(
        context_, std::move(fetching),
        [&](std::exception_ptr, result<std::vector<job_record>> jobs) { given = std::move(jobs); });
    run_until([&] { return given.has_value(); });
    if (!*given || (*given)->empty()) return {};
    const auto& job = (*given)->front();
    return {{"id", to_string(job.spec->id)},
            {"lease", to_string(job.lease)},
            {"args", nlohmann::json::parse(job.spec->args)}};
}

std::string api_fixture::state_of(const std::string& id) {
    const auto answer = send("GET", "/ojs/v1/jobs/" + id);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json_of(answer)["job"]["state"];
}

std::string api_fixture::dead_letter(const std::string& name, const std::string& code) {
    const auto id = push(name, R"("retry":{"max_attempts":1,"on_exhaustion":"dead_letter"})");
    fetch(name);
    const auto answer =
        send("POST", "/ojs/v1/workers/nack",
             R"({"job_id":")" + id + R"(","error":{"code":")" + code + R"(","message":"m"}})");
    EXPECT_EQ(json_of(answer)["state"], "discarded") << answer.body;
    return id;
}

nlohmann::json api_fixture::get(const std::string& target, int status) {
    const auto answer = send("GET", target);
    EXPECT_EQ(answer.status, status) << target << ' ' << answer.body;
    return json_of(answer);
}

nlohmann::json api_fixture::post(const std::string& target, const nlohmann::json& body,
                                 int status) {
    const auto answer = send("POST", target, body.is_null() ? std::string() : body.dump());
    EXPECT_EQ(answer.status, status) << target << ' ' << answer.body;
    return json_of(answer);
}

}  // namespace sluice::http
