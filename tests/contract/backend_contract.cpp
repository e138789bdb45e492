#include "tests/contract/backend_contract.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>

namespace sluice::test {
namespace {

/// No test waits this long; one that does hangs.
constexpr auto patience = 20s;

template <class T>
T require(result<T> answer) {
    if (!answer)
        throw std::runtime_error(std::string(to_string(answer.error().code)) + ": " +
                                 answer.error().message);
    return std::move(*answer);
}

}  // namespace

job_spec contract_job(std::string queue, std::string type) {
    job_spec spec;
    spec.queue = std::move(queue);
    spec.type = std::move(type);
    spec.retry.jitter = false;
    return spec;
}

fetch_request contract_fetch(std::string queue, std::chrono::milliseconds wait) {
    fetch_request request;
    request.worker_id = "w1";
    request.queues.push_back(std::move(queue));
    request.wait = wait;
    return request;
}

backend_contract::backend_contract() : home_(GetParam().make()) {
    backend_ = home_->open(executor(), rules);
}

backend_contract::~backend_contract() = default;

asio::awaitable<void> backend_contract::reopen() {
    // Not from within a call of the backend, which may be what resumed the test.
    co_await asio::post(executor(), asio::use_awaitable);
    backend_.reset();
    backend_ = home_->open(executor(), rules);
}

void backend_contract::run(asio::awaitable<void> body) {
    bool done = false;
    asio::co_spawn(executor(), std::move(body), [&done](std::exception_ptr fault) {
        done = true;
        try {
            if (fault) std::rethrow_exception(fault);
        } catch (const std::exception& e) {
            ADD_FAILURE() << "the test ended early: " << e.what();
        }
    });
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!done && std::chrono::steady_clock::now() < deadline) {
        context_.restart();
        context_.run_one_until(deadline);
    }
    EXPECT_TRUE(done) << "the test hangs";
}

asio::awaitable<void> backend_contract::yield() {
    // What is ready may make more ready; nothing here needs more than a few rounds.
    for (int i = 0; i < 8; ++i) co_await asio::post(executor(), asio::use_awaitable);
}

asio::awaitable<job_record> backend_contract::push(job_spec spec) {
    push_request request;
    request.jobs.push_back(std::move(spec));
    auto answer = co_await backend_->push(std::move(request));
    auto made = require(std::move(answer));
    co_return std::move(made.jobs.at(0));
}

asio::awaitable<std::vector<job_record>> backend_contract::fetch(fetch_request request) {
    auto answer = co_await backend_->fetch(std::move(request), std::stop_token{});
    co_return require(std::move(answer));
}

asio::awaitable<job_record> backend_contract::fetch_one(std::string_view queue,
                                                        std::string_view worker) {
    auto request = contract_fetch(std::string(queue));
    request.worker_id = worker;
    auto jobs = co_await fetch(std::move(request));
    if (jobs.size() != 1) throw std::runtime_error("no job to fetch");
    co_return std::move(jobs.front());
}

asio::awaitable<job_record> backend_contract::info(uuid id) {
    auto answer = co_await backend_->info(id);
    co_return require(std::move(answer));
}

asio::awaitable<void> backend_contract::ack(job_record held) {
    auto request = ack_of(held);
    auto answer = co_await backend_->ack(std::move(request));
    require(std::move(answer));
}

ack_request backend_contract::ack_of(const job_record& held) {
    ack_request request;
    request.job_id = held.spec->id;
    request.worker_id = held.worker_id;
    request.lease = held.lease;
    return request;
}

nack_request backend_contract::nack_of(const job_record& held) {
    nack_request request;
    request.job_id = held.spec->id;
    request.worker_id = held.worker_id;
    request.lease = held.lease;
    request.failure.type = "Boom";
    request.failure.message = "it broke";
    return request;
}

INSTANTIATE_TEST_SUITE_P(Every, backend_contract, testing::ValuesIn(all_backends()),
                         [](const auto& param) { return param.param.name; });

}  // namespace sluice::test
