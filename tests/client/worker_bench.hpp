#pragma once

#include "client/worker.hpp"
#include "tests/client/scripted_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

/// A worker and a server that does as told.
namespace sluice::client::test {

using namespace std::chrono_literals;

inline script answer(int status, std::string body) {
    script s;
    s.status = status;
    s.body = std::move(body);
    return s;
}

/// A grant of 300 ms.
inline std::string job(const std::string& id, const std::string& type = "t") {
    return R"({"id":")" + id + R"(","type":")" + type + R"(","state":"active","lease":"l)" + id +
           R"(","lease_expires_at":"2026-01-01T00:00:00.300000Z",)" +
           R"("timeline":{"started_at":"2026-01-01T00:00:00.000000Z"}})";
}
inline std::string jobs(const std::string& list) {
    return R"({"jobs":[)" + list + "]}";
}
inline std::string done(const std::string& state, const std::string& next = {}) {
    return R"({"state":")" + state + R"(","attempt":1,"jobs":[)" + next + "]}";
}

inline bool is_for(const request& r, std::string_view what) {
    return r.target().ends_with(what);
}

/// A worker in a thread of its own and a server that does as told. By default the server says
/// "running" to heartbeats, has nothing, and takes every answer.
struct bench {
    explicit bench(scripted_server::behaviour special)
        : server(io.get_executor(), [this, special = std::move(special)](const request& r) {
              if (auto own = special(r); own.status != 0) return own;
              return ordinary(r);
          }) {
        options.poll = 200ms;
        options.visibility_timeout = 300ms;
    }

    static script ordinary(const request& r) {
        if (is_for(r, "/heartbeat")) return answer(200, R"({"directive":"running","jobs":[]})");
        if (is_for(r, "/fetch")) {
            script s = answer(200, jobs(""));
            s.delay = 200ms;
            return s;
        }
        return answer(200, done("completed"));
    }

    void make() { made = std::make_unique<worker>(server.settings_for_client(), options); }

    outcome<worker_totals> run() {
        std::optional<outcome<worker_totals>> ended;
        std::exception_ptr broken;
        std::thread thread{[&] {
            try {
                ended = made->run();
            } catch (...) {
                broken = std::current_exception();
            }
            asio::post(io, [this] { server.stop(); });
        }};
        io.run();
        thread.join();
        if (broken) std::rethrow_exception(broken);
        return *ended;
    }

    std::vector<std::string> bodies(std::string_view what) const {
        std::vector<std::string> found;
        for (const auto& each : server.requests)
            if (is_for(each, what)) found.push_back(each.body());
        return found;
    }

    asio::io_context io;
    worker_options options;
    scripted_server server;
    std::unique_ptr<worker> made;
};

inline script nothing_special() {
    return answer(0, "");
}

/// Hands out the jobs of the list with the first fetch, and nothing later.
inline scripted_server::behaviour grant_once(std::string list) {
    return [list = std::move(list), given = false](const request& r) mutable {
        if (!is_for(r, "/fetch") || std::exchange(given, true)) return nothing_special();
        return answer(200, jobs(list));
    };
}

inline asio::awaitable<job_outcome> complete(std::shared_ptr<job_run>) {
    completed well{R"({"ok":true})"};
    co_return well;
}

}  // namespace sluice::client::test
