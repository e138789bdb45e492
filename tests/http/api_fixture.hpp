#pragma once

#include "server/http/api.hpp"
#include "server/http/body_stream.hpp"
#include "server/queue/backend.hpp"
#include "server/queue/engine_config.hpp"
#include "server/queue/remote_backend.hpp"

#include <gtest/gtest.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::http {

using header_fields = std::vector<std::pair<std::string, std::string>>;

/// The handlers behind their router, on the real embedded backend and a store of its own. Requests
/// come as a session would hand them over; time is the real one.
///
/// With ACROSS_CONTEXTS in the environment the handlers are on a context of their own and reach the
/// backend as those of several I/O threads do; one thread runs both.
class api_fixture : public ::testing::Test {
public:
    /// An answer that may still be on its way.
    using pending = std::shared_ptr<std::optional<response>>;

    explicit api_fixture(engine_config engine = {},
                         std::chrono::milliseconds stream_beat = std::chrono::hours{1});
    ~api_fixture() override;

    /// Sends a request and waits for its answer. `target` may have a query.
    response send(const std::string& method, const std::string& target, std::string body = {},
                  header_fields fields = {});
    /// Sends a request and leaves it under way, at its first suspension.
    pending start(const std::string& method, const std::string& target, std::string body = {},
                  header_fields fields = {});
    /// The same while the thread of the queues does not come to anything.
    pending start_alone(const std::string& method, const std::string& target);
    /// Whether that is another one.
    bool across() const { return across_; }
    response finish(const pending& answer);

    /// A piece of a stream that may still be on its way; in the end there may be none.
    using pending_piece = std::shared_ptr<std::optional<std::optional<std::string>>>;
    /// Leaves a request under way whose body the test hands over as it comes; it must ask the
    /// stream for the last piece before it ends.
    struct upload {
        pending answer;
        std::shared_ptr<body_stream> body;
    };
    upload start_upload(const std::string& target, header_fields fields = {});
    /// What a session does when the stream is over.
    void leave(const response& stream);
    void poll();
    /// Asks a stream for its next piece.
    pending_piece ask(const response& stream);
    std::optional<std::string> finish(const pending_piece& piece);

    static nlohmann::json json_of(const response& answer);
    /// The header field of an answer; empty when absent.
    static std::string field_of(const response& answer, std::string_view name);

    /// Pushes a `test.echo` job and gives its id. `options` are members of `options`.
    std::string push(const std::string& queue = "default", const std::string& options = {});
    /// Fetches one job: all that the worker is told of it. Null when there is none.
    nlohmann::json fetch(const std::string& queue = "default", const std::string& worker = "w-1");
    /// The same as the server's own workers are given it, with the id and lease to answer with.
    nlohmann::json fetch_inside(const std::string& queue);
    std::string state_of(const std::string& id);
    /// A job that failed once and for all, and is kept.
    std::string dead_letter(const std::string& queue = "default", const std::string& code = "c");
    /// The body of an answer that must have this status.
    nlohmann::json get(const std::string& target, int status = 200);
    nlohmann::json post(const std::string& target, const nlohmann::json& body = {},
                        int status = 200);

    router routes;
    bool draining = false;
    std::vector<std::string> queue_patterns;  ///< of the token all requests come with
    bool may_enqueue = true;                  ///< whether that token is good for new jobs
    std::stop_source stop;
    std::function<std::optional<error>(const job_spec&)> check_job;  ///< empty: nothing is refused
    static constexpr std::size_t waiting_bodies_max = 4096;
    std::unique_ptr<backend> queue;

private:
    pending start(request r);
    pending begin(request r);
    void run_until(const std::function<bool()>& done);

    asio::io_context& front() { return across_ ? front_ : context_; }

    std::filesystem::path directory_;
    bool across_ = std::getenv("ACROSS_CONTEXTS") != nullptr;
    asio::io_context front_;
    asio::io_context context_;
    asio::executor_work_guard<asio::io_context::executor_type> front_work_{front_.get_executor()};
    asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
    inbox there_{context_.get_executor()};
    inbox back_{front_.get_executor()};
    std::unique_ptr<remote_backend> far_;
};

}  // namespace sluice::http
