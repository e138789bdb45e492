#include "server/http/api.hpp"
#include "tests/worker/job_source.hpp"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include <functional>

namespace sluice::http {
namespace {

using nlohmann::json;

/// A store of waiting jobs that sees how they are changed.
class many_jobs : public worker::job_source {
public:
    many_jobs(asio::any_io_executor executor, std::int64_t count)
        : job_source(std::move(executor)), count_(count) {}

    std::function<std::optional<error>(std::size_t call)> refuse;
    std::size_t looks = 0;
    std::size_t calls = 0;
    std::size_t most_under_way = 0;

    asio::awaitable<result<job_page>> list(job_query query) override {
        co_await asio::post(asio::use_awaitable);
        ++looks;
        job_page page;
        auto seq = query.before_seq.value_or(count_ + 1) - 1;
        for (; seq > 0 && page.jobs.size() < query.limit; --seq) {
            auto spec = std::make_shared<job_spec>();
            spec->id = make_uuid(timestamp{}, seq, 0);
            spec->type = "a.b";
            job_record job;
            job.seq = seq;
            job.spec = std::move(spec);
            job.state = job_state::available;
            page.jobs.push_back(std::move(job));
        }
        if (seq > 0) page.next_before_seq = seq + 1;
        co_return page;
    }

    asio::awaitable<result<change_answer>> cancel(uuid) override {
        const auto call = ++calls;
        most_under_way = std::max(most_under_way, ++under_way_);
        co_await asio::post(asio::use_awaitable);
        --under_way_;
        if (refuse) {
            if (auto refused = refuse(call)) co_return std::move(*refused);
        }
        co_return change_answer{};
    }

private:
    std::int64_t count_;
    std::size_t under_way_ = 0;
};

class BulkRun : public ::testing::Test {
public:
    json cancel(many_jobs& jobs, const std::string& filter, int status = 200) {
        router routes;
        api_services services;
        services.queue = &jobs;
        add_api_routes(routes, std::move(services));
        const auto found = routes.find("POST", "/ojs/v1/admin/jobs/bulk/cancel");
        request r;
        r.body = R"({"confirm":true,"filter":{)" + filter + "}}";
        response answer;
        asio::co_spawn(context, (*found.handle)(std::move(r), found.values),
                       [&](const std::exception_ptr& fault, response made) {
                           EXPECT_FALSE(fault);
                           answer = std::move(made);
                       });
        context.run();
        context.restart();
        EXPECT_EQ(answer.status, status) << answer.body;
        return json::parse(answer.body);
    }

    asio::io_context context;
};

TEST_F(BulkRun, ChangesAHundredJobsSideBySideAndNoMore) {
    many_jobs jobs(context.get_executor(), 250);
    EXPECT_EQ(cancel(jobs, R"("type":"a.*")")["succeeded"], 250);
    EXPECT_EQ(jobs.calls, 250U);
    EXPECT_EQ(jobs.most_under_way, 100U);
}

TEST_F(BulkRun, TellsTheFirstTwentyOfThoseThatWereRefused) {
    many_jobs jobs(context.get_executor(), 250);
    jobs.refuse = [](std::size_t call) -> std::optional<error> {
        if (call % 5 == 0) return std::nullopt;
        return error(errc::conflict, "It went on.");
    };
    const auto answer = cancel(jobs, R"("type":"a.b")");
    EXPECT_EQ(answer["matched"], 250);
    EXPECT_EQ(answer["succeeded"], 50);
    EXPECT_EQ(answer["failed"], 200);
    EXPECT_EQ(answer["has_more"], false);
    ASSERT_EQ(answer["errors"].size(), 20U);
    EXPECT_EQ(answer["errors"][0]["code"], "conflict");
    EXPECT_EQ(answer["errors"][0]["error"], "It went on.");
    EXPECT_EQ(answer["errors"][0]["job_id"], to_string(make_uuid(timestamp{}, 250, 0)));
}

TEST_F(BulkRun, StopsWhenTheStoreFails) {
    many_jobs jobs(context.get_executor(), 250);
    jobs.refuse = [](std::size_t call) -> std::optional<error> {
        if (call != 7) return std::nullopt;
        return error(errc::store_failed);
    };
    EXPECT_EQ(cancel(jobs, R"("type":"a.b")", 503)["error"]["code"], "store_failed");
    EXPECT_EQ(jobs.calls, 100U) << "the page that was under way";
}

TEST_F(BulkRun, LooksNoFurtherThanAHundredPages) {
    many_jobs jobs(context.get_executor(), 20'000);
    const auto answer = cancel(jobs, R"("type":"x.*")");
    EXPECT_EQ(answer["matched"], 0);
    EXPECT_EQ(answer["has_more"], true);
    EXPECT_EQ(answer["next_cursor"], "10001");
    EXPECT_EQ(jobs.looks, 100U);
    EXPECT_EQ(jobs.calls, 0U);
}

}  // namespace
}  // namespace sluice::http
