#include "server/queue/local_backend_impl.hpp"

namespace sluice {

asio::awaitable<result<webhook_subscription>> local_backend::add_webhook(
    webhook_subscription subscription) {
    if (failed_) co_return failure();
    auto added = engine_.add_webhook(std::move(subscription), now());
    auto settled = co_await settle_all(std::move(added));
    co_return settled;
}

asio::awaitable<result<webhook_subscription>> local_backend::change_webhook(std::string id,
                                                                            webhook_change change,
                                                                            webhook_check check) {
    if (failed_) co_return failure();
    auto changed = engine_.change_webhook(id, std::move(change), now(), check);
    auto settled = co_await settle_all(std::move(changed));
    co_return settled;
}

asio::awaitable<result<webhook_subscription>> local_backend::remove_webhook(std::string id,
                                                                            webhook_check check) {
    if (failed_) co_return failure();
    auto gone = engine_.remove_webhook(id, check);
    auto settled = co_await settle_all(std::move(gone));
    co_return settled;
}

asio::awaitable<result<webhook_subscription>> local_backend::webhook(std::string id) {
    if (failed_) co_return failure();
    auto found = engine_.webhook(id);
    auto settled = co_await settle_all(std::move(found));
    co_return settled;
}

asio::awaitable<result<std::vector<webhook_subscription>>> local_backend::webhooks() {
    if (failed_) co_return failure();
    result<std::vector<webhook_subscription>> all = engine_.webhooks();
    auto settled = co_await settle_all(std::move(all));
    co_return settled;
}

asio::awaitable<result<job_record>> local_backend::test_webhook(std::string id,
                                                                webhook_check check) {
    if (failed_) co_return failure();
    auto made = engine_.test_webhook(id, now(), check);
    auto settled = co_await settle_all(std::move(made));
    co_return settled;
}

}  // namespace sluice
