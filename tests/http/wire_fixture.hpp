#pragma once

#include "server/http/server.hpp"
#include "server/runtime/notifier.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace sluice::http {

/// A server on a loopback port with a thread of its own and a few routes:
///
/// - POST /echo: the body back, 201; scope enqueue, 1 MiB
/// - POST /small: the same with at most 16 bytes
/// - GET /things/{id}: the id back
/// - POST /hold/{name}: answers its name once POST /release/{name} comes, "stopped" once it is to
/// - POST /brief/{name}: the same for a route whose handlers are brief unless `Prefer` is given
/// - GET /large: a body of 4 MiB
/// - GET /throws, GET /brief-throws, GET /forged-header: handlers that do wrong
/// - POST /admin, POST /work: of these scopes; GET /open needs no token
/// - GET /queue/{name}: 403 unless the token's patterns allow the queue
class test_server {
public:
    /// `more` may add routes.
    explicit test_server(http_config config = {}, const std::function<void(router&)>& more = {});
    ~test_server();
    test_server(const test_server&) = delete;
    test_server& operator=(const test_server&) = delete;

    std::uint16_t port() const { return port_; }
    /// Runs `work` on the server's thread and waits for it.
    void on_thread(std::function<void(server&)> work);
    /// Waits until the server has nothing left to do with what was sent so far, as far as that can
    /// be known.
    void settle();
    /// Waits until so many connections are open; false after five seconds.
    bool wait_for_connections(std::size_t count);
    /// Waits until so many requests are held; false after five seconds.
    bool wait_for_held(std::size_t count);
    /// Waits until `holds` says so on the server's thread; false after five seconds.
    bool wait_until(const std::function<bool(server&)>& holds);
    /// Starts `server::stop`; true when it completes within five seconds.
    bool stop(std::chrono::milliseconds grace);
    /// Order in which POST /hold handlers began.
    std::vector<std::string> begun();

private:
    void add_routes();
    asio::awaitable<response> hold(request r, path_values values);
    asio::awaitable<response> release(request r, path_values values);

    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    router routes_;
    logger log_{log_level::error, logger::format::json, false};
    notifier released_;
    std::map<std::string, bool> held_;  ///< name to released
    std::vector<std::string> begun_;
    std::unique_ptr<server> server_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

/// An answer as it came over the wire.
struct wire_answer {
    int status = 0;  ///< 0: the connection ended without one
    std::string head;
    std::string body;

    /// Value of a field, empty when absent. `name` as the server writes it.
    std::string field(std::string_view name) const;
};

/// A blocking client that sends exactly the bytes it is told to. Reads give up after five seconds.
class wire_client {
public:
    explicit wire_client(std::uint16_t port);
    ~wire_client();
    wire_client(const wire_client&) = delete;
    wire_client& operator=(const wire_client&) = delete;

    /// False when the server has closed the connection.
    bool send(std::string_view bytes);
    wire_answer read_answer(bool head_only = false);
    /// Reads until `text` has come; all that came up to its end, or nothing when it does not come.
    std::string read_through(std::string_view text);
    /// True when the server closes, whatever else it sends before.
    bool closes();
    /// True as soon as the server sends something or closes, false when it does neither.
    bool hears_within(std::chrono::milliseconds time);
    void shut_down_sending();
    /// Closes with a reset instead of an orderly end.
    void reset();

private:
    bool receive_more();

    int fd_ = -1;
    bool closed_ = false;
    std::string received_;
};

/// Requests with a Host and, beside, `fields`: whole lines.
std::string get(const std::string& target, const std::string& fields = {});
std::string post(const std::string& target, const std::string& fields = {});
/// With a Content-Type and a Content-Length.
std::string post_body(const std::string& target, const std::string& body);

/// `GET /things/good` on a connection of its own is answered 200.
bool serves_a_good_request(std::uint16_t port);

}  // namespace sluice::http
