#include "proto/json_text.hpp"
#include "proto/limits.hpp"
#include "server/runtime/nothrow_await.hpp"
#include "server/worker/handler.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::worker {
namespace {

namespace asio = boost::asio;
using std::chrono::microseconds;

failed failure_of(std::string type, std::string code, std::string message, bool retryable) {
    failed how;
    how.failure.type = std::move(type);
    how.failure.code = std::move(code);
    how.failure.message = std::move(message);
    how.retryable = retryable;
    return how;
}

/// The same arguments would fail again.
failed bad_args(std::string message) {
    return failure_of("sluice.invalid_args", "invalid_args", std::move(message), false);
}

/// The elements point into `args`.
std::vector<json_value> elements_of(const raw_json& args) {
    std::vector<json_value> list;
    json_cursor cursor(json_root(args));
    std::string key;
    for (json_value value; cursor.next(key, value);) list.push_back(value);
    return list;
}

/// Nothing for what is not a number of milliseconds from 0 to the longest execution timeout.
std::optional<microseconds> pause_of(json_value value) {
    if (value.kind != json_kind::number) return std::nullopt;
    const std::optional<double> ms = json_number(value);
    const std::chrono::duration<double, std::milli> most = limits::timeout_max;
    if (!ms || *ms < 0.0 || *ms > most.count()) return std::nullopt;
    return microseconds{std::llround(*ms * 1000.0)};
}

/// True when the whole time has passed, false when `stop` was requested before.
asio::awaitable<bool> pause(microseconds time, std::stop_token stop) {
    if (time == microseconds::zero()) co_return true;
    if (stop.stop_requested()) co_return false;
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    auto wake = [&timer] { timer.cancel(); };
    const std::stop_callback on_stop(stop, std::move(wake));
    co_await timer.async_wait(nothrow_await);
    co_return !stop.stop_requested() || std::chrono::steady_clock::now() >= timer.expiry();
}

asio::awaitable<outcome> echo(std::shared_ptr<job_run> run) {
    co_return completed{run->job().spec->args};
}

asio::awaitable<outcome> sleep(std::shared_ptr<job_run> run) {
    const auto args = elements_of(run->job().spec->args);
    const auto time = args.empty() ? std::nullopt : pause_of(args[0]);
    if (!time) co_return bad_args("args[0] must be the milliseconds to sleep, at most 7 days");
    auto pausing = pause(*time, run->stop());
    const bool done = co_await std::move(pausing);
    if (!done) co_return interrupted{};
    co_return completed{"null"};
}

std::optional<raw_json> square_of(json_value value) {
    if (const auto integer = json_integer(value)) {
        const auto size = *integer < 0 ? 0 - static_cast<std::uint64_t>(*integer)
                                       : static_cast<std::uint64_t>(*integer);
        std::uint64_t product = 0;
        if (!__builtin_mul_overflow(size, size, &product)) return std::to_string(product);
    }
    const auto number = json_number(value);
    if (!number || !std::isfinite(*number * *number)) return std::nullopt;
    raw_json text;
    json_writer(text).number(*number * *number);
    return text;
}

asio::awaitable<outcome> square(std::shared_ptr<job_run> run) {
    const auto args = elements_of(run->job().spec->args);
    if (args.empty() || args[0].kind != json_kind::number) {
        co_return bad_args("args[0] must be a number");
    }
    auto product = square_of(args[0]);
    if (!product) co_return bad_args("the square of args[0] is beyond the range of a double");
    const auto time = args.size() < 2 ? microseconds::zero() : pause_of(args[1]);
    if (!time) co_return bad_args("args[1] must be a pause in milliseconds, at most 7 days");
    auto pausing = pause(*time, run->stop());
    const bool done = co_await std::move(pausing);
    if (!done) co_return interrupted{};
    co_return completed{std::move(*product)};
}

asio::awaitable<outcome> fail(std::shared_ptr<job_run> run) {
    failed how = failure_of("sluice.fail", "handler_error", "failed as it was asked to", true);
    const auto args = elements_of(run->job().spec->args);
    for (std::size_t i = 0; i < args.size(); ++i) {
        if (i == 0 && args[i].kind == json_kind::string) {
            how.failure.message = json_unescape(args[i]);
        } else if (i == 1 && args[i].kind == json_kind::string) {
            how.failure.code = json_unescape(args[i]);
        } else if (i <= 2 && args[i].kind == json_kind::boolean) {
            how.retryable = json_boolean(args[i]).value_or(true);
        } else if (args[i].kind != json_kind::null) {
            co_return bad_args("args must be a message, a code and whether to retry");
        }
    }
    co_return how;
}

}  // namespace

void add_builtin_handlers(handler_registry& registry) {
    registry.add("sluice.echo", echo);
    registry.add("sluice.sleep", sleep);
    registry.add("sluice.square", square);
    registry.add("sluice.fail", fail);
}

}  // namespace sluice::worker
