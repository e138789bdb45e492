#include "server/queue/local_backend_impl.hpp"

#include <boost/asio/post.hpp>

namespace sluice {

asio::awaitable<result<redrive_view>> local_backend::begin_redrive(redrive_request request) {
    if (failed_) co_return failure();
    auto begun = engine_.begin_redrive(std::move(request), now());
    auto settled = co_await settle_all(std::move(begun));
    co_return settled;
}

asio::awaitable<result<redrive_view>> local_backend::cancel_redrive(std::string id,
                                                                    redrive_check check) {
    if (failed_) co_return failure();
    auto cancelled = engine_.cancel_redrive(id, now(), check);
    auto settled = co_await settle_all(std::move(cancelled));
    co_return settled;
}

asio::awaitable<result<redrive_view>> local_backend::redrive(std::string id) {
    if (failed_) co_return failure();
    auto found = engine_.redrive(id);
    auto settled = co_await settle_all(std::move(found));
    co_return settled;
}

asio::awaitable<result<std::vector<redrive_view>>> local_backend::redrives() {
    if (failed_) co_return failure();
    result<std::vector<redrive_view>> all = engine_.redrives();
    auto settled = co_await settle_all(std::move(all));
    co_return settled;
}

void local_backend::start_redrive_reads() {
    for (auto& read : engine_.take_redrive_reads()) {
        auto guard = asio::prefer(executor_, asio::execution::outstanding_work.tracked);
        asio::post(reader_thread_, [this, self = self_, guard, read = std::move(read)]() mutable {
            job_page found;
            std::string fault;
            try {
                found = store_->list_blocking(read.query);
            } catch (const std::exception& e) {
                fault = e.what();
            }
            asio::post(guard, [this, self, read = std::move(read), found = std::move(found),
                               fault = std::move(fault)]() mutable {
                if (!*self) return;
                if (!fault.empty()) return fail(fault);
                engine_.admit_redrive(read, std::move(found), now());
                after_command();
                engine_.evict_idle(now());
            });
        });
    }
}

}  // namespace sluice
