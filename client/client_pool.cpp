#include "client/client_pool.hpp"

namespace sluice::client {

client_pool::client_pool(asio::any_io_executor executor, settings with, std::size_t size)
    : freed_(executor) {
    for (std::size_t i = 0; i < size; ++i) {
        all_.push_back(std::make_unique<client>(executor, with));
        free_.push_back(all_.back().get());
    }
}

asio::awaitable<client_pool::loan> client_pool::borrow() {
    while (free_.empty()) co_await freed_.wait();
    client& one = *free_.back();
    free_.pop_back();
    co_return loan{*this, one};
}

void client_pool::give_back(client& one) {
    free_.push_back(&one);
    freed_.notify_all();
}

void client_pool::close() {
    for (const auto& each : all_) each->close();
}

}  // namespace sluice::client
