#include "client/cli/commands.hpp"
#include "client/cli/job_view.hpp"
#include "client/cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

namespace sluice::cli {
namespace {

using client::job_info;
using client::outcome;
using one_job_call = asio::awaitable<outcome<job_info>> (client::client::*)(std::string);
using steady = std::chrono::steady_clock;

/// The exit code of a command on several things: that of the one failure, or that all share, else
/// `partial` where some went well.
class summary {
public:
    void add(exit_code code) {
        if (code == exit_code::ok) {
            some_good_ = true;
        } else {
            worst_ = !worst_ || *worst_ == code ? code : exit_code::failed;
        }
    }
    exit_code code() const {
        if (!worst_) return exit_code::ok;
        return some_good_ ? exit_code::partial : *worst_;
    }

private:
    bool some_good_ = false;
    std::optional<exit_code> worst_;
};

void show_change(const context& ctx, const job_info& job) {
    if (ctx.options.output == output_format::table) {
        print(printable(job.id) + "  " + printable(job.state) + "\n");
    } else {
        print(render_job_line(job, ctx.options.output, ctx.out));
    }
}

asio::awaitable<exit_code> change_each(asio::any_io_executor executor, const context& ctx, ids jobs,
                                       one_job_call call, std::string_view noun) {
    client::client server{executor, ctx.server};
    summary all;
    for (auto& id : jobs) {
        const std::string subject = std::string{noun} + " " + id;
        auto job = co_await (server.*call)(std::move(id));
        if (job.has_error()) {
            all.add(complain(ctx, job.error(), subject));
            if (job.error().kind == client::failure_kind::unreachable) break;
            continue;
        }
        show_change(ctx, *job);
        all.add(exit_code::ok);
    }
    co_return all.code();
}

asio::awaitable<exit_code> retry_each(asio::any_io_executor executor, const context& ctx,
                                      ids jobs) {
    client::client server{executor, ctx.server};
    summary all;
    for (const auto& id : jobs) {
        auto job = co_await server.retry_dead_letter(id);
        if (job.has_value()) {
            show_change(ctx, *job);
            all.add(exit_code::ok);
            continue;
        }
        client::failure why = job.error();
        if (why.status == 404) job = co_await server.get(id);
        if (job.has_value()) {
            complain(ctx, "job " + id + " is " + job->state + "; only dead letters can be retried",
                     "See them: sluice dead list");
            all.add(exit_code::conflict);
            continue;
        }
        all.add(complain(ctx, why, "job " + id));
        if (why.kind == client::failure_kind::unreachable) break;
    }
    co_return all.code();
}

asio::awaitable<exit_code> show_each(asio::any_io_executor executor, const context& ctx, ids jobs) {
    client::client server{executor, ctx.server};
    std::vector<job_info> found;
    summary all;
    for (auto& id : jobs) {
        const std::string subject = "job " + id;
        auto job = co_await server.get(std::move(id));
        if (job.has_error()) {
            all.add(complain(ctx, job.error(), subject));
            if (job.error().kind == client::failure_kind::unreachable) break;
            continue;
        }
        all.add(exit_code::ok);
        found.push_back(std::move(*job));
    }
    if (found.empty()) co_return all.code();
    if (ctx.options.output == output_format::table) {
        for (std::size_t i = 0; i < found.size(); ++i) {
            print((i > 0 ? "\n" : "") + render_job(found[i], ctx.out));
        }
    } else if (jobs.size() == 1) {
        print(render_job_line(found.front(), ctx.options.output, ctx.out));
    } else {
        print(render_jobs(found, ctx.options.output, ctx.out));
    }
    co_return all.code();
}

asio::awaitable<exit_code> list(asio::any_io_executor executor, const context& ctx,
                                client::job_filter filter, bool dead) {
    client::client server{executor, ctx.server};
    auto page = dead ? server.dead_letters(filter) : server.list(filter);
    auto jobs = co_await std::move(page);
    if (jobs.has_error()) co_return complain(ctx, jobs.error());
    if (jobs->jobs.empty() && ctx.options.output == output_format::table) {
        note(ctx, dead ? "No dead letters.\n" : "No jobs.\n");
        co_return exit_code::ok;
    }
    print(render_jobs(jobs->jobs, ctx.options.output, ctx.out, jobs->text));
    if (!jobs->next.empty()) {
        note(ctx, fmt::format("More: the same with --after {}\n", printable(jobs->next)));
    }
    co_return exit_code::ok;
}

/// One job until it has ended or `deadline` passes; the server's answer comes when it ends.
asio::awaitable<outcome<job_info>> wait_for(client::client& server, std::string id,
                                            steady::time_point deadline) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::seconds>(deadline - steady::now());
        const auto share = std::clamp(left, std::chrono::seconds{0}, std::chrono::seconds{60});
        auto job = co_await server.wait(id, share);
        if (job.has_error() || job->terminal() || steady::now() >= deadline) co_return job;
    }
}

asio::awaitable<exit_code> wait_for_each(asio::any_io_executor executor, const context& ctx,
                                         ids jobs, std::chrono::nanoseconds patience) {
    client::client server{executor, ctx.server};
    const auto deadline = patience.count() > 0 ? steady::now() + patience
                                               : steady::now() + std::chrono::hours{24 * 365};
    summary all;
    for (auto& id : jobs) {
        const std::string subject = "job " + id;
        auto job = co_await wait_for(server, std::move(id), deadline);
        if (job.has_error()) {
            all.add(complain(ctx, job.error(), subject));
            if (job.error().kind == client::failure_kind::unreachable) break;
            continue;
        }
        show_change(ctx, *job);
        if (!job->terminal()) {
            complain(ctx, subject + " has not ended within " + format_duration(patience),
                     "Wait longer with --wait-timeout, or see it: sluice job get ID");
            all.add(exit_code::timed_out);
        } else {
            all.add(job->state == "completed" ? exit_code::ok : exit_code::failed);
        }
    }
    co_return all.code();
}

asio::awaitable<exit_code> delete_each(asio::any_io_executor executor, const context& ctx,
                                       ids jobs) {
    client::client server{executor, ctx.server};
    summary all;
    for (auto& id : jobs) {
        const std::string name = id;
        auto deleted = co_await server.delete_dead_letter(std::move(id));
        if (deleted.has_error()) {
            all.add(complain(ctx, deleted.error(), "dead letter " + name));
            if (deleted.error().kind == client::failure_kind::unreachable) break;
            continue;
        }
        print(ctx.wants_json() ? fmt::format("{{\"deleted\":true,\"job_id\":\"{}\"}}\n", name)
                               : printable(name) + "  deleted\n");
        all.add(exit_code::ok);
    }
    co_return all.code();
}

}  // namespace

exit_code get_jobs(const context& ctx, const ids& jobs) {
    return run_to_end([&](auto executor) { return show_each(executor, ctx, jobs); });
}

exit_code list_jobs(const context& ctx, const client::job_filter& filter) {
    return run_to_end([&](auto executor) { return list(executor, ctx, filter, false); });
}

exit_code cancel_jobs(const context& ctx, const ids& jobs) {
    return run_to_end([&](auto executor) {
        return change_each(executor, ctx, jobs, &client::client::cancel, "job");
    });
}

exit_code retry_jobs(const context& ctx, const ids& jobs) {
    return run_to_end([&](auto executor) { return retry_each(executor, ctx, jobs); });
}

exit_code wait_for_jobs(const context& ctx, const ids& jobs, std::chrono::nanoseconds patience) {
    return run_to_end([&](auto executor) { return wait_for_each(executor, ctx, jobs, patience); });
}

exit_code list_dead_letters(const context& ctx, const client::job_filter& filter) {
    return run_to_end([&](auto executor) { return list(executor, ctx, filter, true); });
}

exit_code retry_dead_letters(const context& ctx, const ids& jobs) {
    return run_to_end([&](auto executor) {
        return change_each(executor, ctx, jobs, &client::client::retry_dead_letter, "dead letter");
    });
}

exit_code delete_dead_letters(const context& ctx, const ids& jobs, bool confirmed) {
    const std::string question =
        fmt::format("Delete {} dead letter{} for good?", jobs.size(), jobs.size() == 1 ? "" : "s");
    if (!confirmed)
        if (const auto no = confirm(ctx, "deleting dead letters", question)) return *no;
    return run_to_end([&](auto executor) { return delete_each(executor, ctx, jobs); });
}

}  // namespace sluice::cli
