#include "tests/client/command_runner.hpp"

#include "tests/client/scripted_server.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace sluice::cli::test {

using client::test::script;
using client::test::scripted_server;

/// The command has an io_context of its own, so the server has a thread.
outcome run(const std::function<exit_code(const context&)>& command,
            std::vector<scripted_answer> answers, output_format format) {
    std::size_t given = 0;
    asio::io_context io{1};
    auto work = asio::make_work_guard(io);
    scripted_server server{io.get_executor(), [&](const auto&) {
                               script answer;
                               const auto& next = answers[std::min(given++, answers.size() - 1)];
                               answer.status = next.status;
                               answer.body = next.body;
                               return answer;
                           }};
    std::thread thread{[&] { io.run(); }};
    context ctx;
    ctx.options.output = format;
    ctx.server = server.settings_for_client();
    outcome result;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    result.code = command(ctx);
    result.said = testing::internal::GetCapturedStderr();
    result.data = testing::internal::GetCapturedStdout();
    asio::post(io, [&] {
        server.stop();
        work.reset();
    });
    thread.join();
    for (const auto& r : server.requests) {
        result.asked += std::string{r.method_string()} + " " + std::string{r.target()};
        if (!r.body().empty()) result.asked += " " + r.body();
    }
    return result;
}

outcome run(const std::function<exit_code(const context&)>& command, int status, std::string body,
            output_format format) {
    return run(command, {{status, std::move(body)}}, format);
}

}  // namespace sluice::cli::test
