#pragma once

#include "server/queue/backend.hpp"
#include "server/queue/engine_config.hpp"
#include "server/runtime/notifier.hpp"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

/// The contract of backend.hpp as tests, written once for every backend.
///
/// A new backend is one more entry in `all_backends()`.
namespace sluice::test {

using namespace std::chrono_literals;

/// A store and the backends that are opened on it, one after the other.
class backend_home {
public:
    backend_home() = default;
    backend_home(const backend_home&) = delete;
    backend_home& operator=(const backend_home&) = delete;
    virtual ~backend_home() = default;

    /// Opens the store again, as a new process would.
    virtual std::unique_ptr<backend> open(asio::any_io_executor executor, engine_config rules) = 0;
};

struct backend_kind {
    std::string name;
    std::function<std::unique_ptr<backend_home>()> make;
};

/// What a test is called.
inline void PrintTo(const backend_kind& kind, std::ostream* out) {
    *out << kind.name;
}

std::vector<backend_kind> all_backends();

/// A call that was started and may still be waiting.
template <class T>
class started_call {
public:
    started_call(const asio::any_io_executor& executor, asio::awaitable<T> call)
        : state_(std::make_shared<state>(executor)) {
        asio::co_spawn(executor, keep(std::move(call), state_), [](std::exception_ptr fault) {
            if (fault) std::rethrow_exception(fault);
        });
    }

    bool done() const { return state_->value.has_value(); }

    asio::awaitable<T> answer() {
        const auto kept = state_;
        while (!kept->value) co_await kept->woken.wait();
        co_return std::move(*kept->value);
    }

private:
    struct state {
        explicit state(const asio::any_io_executor& executor) : woken(executor) {}
        std::optional<T> value;
        notifier woken;
    };

    static asio::awaitable<void> keep(asio::awaitable<T> call, std::shared_ptr<state> kept) {
        auto value = co_await std::move(call);
        kept->value.emplace(std::move(value));
        kept->woken.notify_all();
    }

    std::shared_ptr<state> state_;
};

/// One backend on one thread; the body of a test is a coroutine on its executor.
class backend_contract : public testing::TestWithParam<backend_kind> {
public:
    backend_contract();
    ~backend_contract() override;

    backend& queue() { return *backend_; }
    asio::any_io_executor executor() { return context_.get_executor(); }

    /// Ends the backend without a word, as a crash does, and opens the next one on its store.
    asio::awaitable<void> reopen();

    /// Apply from the next `reopen` on.
    engine_config rules;

    template <class T>
    started_call<T> start(asio::awaitable<T> call) {
        return started_call<T>(executor(), std::move(call));
    }
    /// Lets everything that is ready run, such as a call that was just started.
    asio::awaitable<void> yield();

    void run(asio::awaitable<void> body);

    // Calls whose success the test takes for granted; a refusal ends the test.
    asio::awaitable<job_record> push(job_spec spec);
    asio::awaitable<std::vector<job_record>> fetch(fetch_request request);
    asio::awaitable<job_record> fetch_one(std::string_view queue, std::string_view worker = "w1");
    asio::awaitable<job_record> info(uuid id);
    asio::awaitable<void> ack(job_record held);

    static ack_request ack_of(const job_record& held);
    static nack_request nack_of(const job_record& held);

private:
    asio::io_context context_;
    std::unique_ptr<backend_home> home_;
    std::unique_ptr<backend> backend_;
};

job_spec contract_job(std::string queue = "default", std::string type = "work");
fetch_request contract_fetch(std::string queue, std::chrono::milliseconds wait = 0ms);

template <class T>
std::optional<errc> code_of(const result<T>& answer) {
    if (answer) return std::nullopt;
    return answer.error().code;
}

}  // namespace sluice::test

/// A test whose body is a coroutine; `t` is the fixture.
#define CONTRACT(name)                                                                      \
    static ::boost::asio::awaitable<void> name##_body(::sluice::test::backend_contract& t); \
    TEST_P(backend_contract, name) {                                                        \
        run(name##_body(*this));                                                            \
    }                                                                                       \
    static ::boost::asio::awaitable<void> name##_body(                                      \
        [[maybe_unused]] ::sluice::test::backend_contract& t)
