#include "server/worker/handlers/http/cutoff.hpp"

#include <boost/asio/steady_timer.hpp>

#include <utility>

namespace sluice::worker::push {

namespace asio = boost::asio;

struct cutoff::state {
    explicit state(asio::any_io_executor executor) : timer(std::move(executor)) {}

    void end(cause reason) {
        if (why == cause::none) why = reason;
        if (watched) watched->close();
    }

    asio::steady_timer timer;
    std::shared_ptr<connection> watched;
    cause why = cause::none;
    unsigned round = 0;  ///< a timer that has fired already cannot be cancelled, only ignored
};

void cutoff::on_stop::operator()() const {
    all->end(cause::stopped);
}

cutoff::cutoff(asio::any_io_executor executor, std::stop_token stop)
    : state_(std::make_shared<state>(std::move(executor))),
      stop_(std::move(stop), on_stop{state_}) {}

cutoff::~cutoff() {
    ++state_->round;
    state_->watched.reset();
    state_->timer.cancel();
}

void cutoff::watch(std::shared_ptr<connection> what,
                   std::chrono::steady_clock::time_point deadline) {
    state_->watched = std::move(what);
    if (state_->why != cause::none) {
        state_->watched->close();
        return;
    }
    const unsigned round = ++state_->round;
    state_->timer.expires_at(deadline);
    state_->timer.async_wait([all = state_, round](boost::system::error_code ec) {
        if (!ec && all->round == round) all->end(cause::timed_out);
    });
}

cutoff::cause cutoff::why() const {
    return state_->why;
}

}  // namespace sluice::worker::push
