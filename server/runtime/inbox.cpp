#include "server/runtime/inbox.hpp"

#include <boost/asio/post.hpp>

#include <iterator>
#include <mutex>

namespace sluice {

struct inbox::state : std::enable_shared_from_this<inbox::state> {
    using items = std::vector<std::unique_ptr<item>>;

    explicit state(boost::asio::any_io_executor ex) : executor(std::move(ex)) {}

    /// Under the mutex. When there is no memory for it, whoever comes next asks again.
    void ask_for_turn() {
        if (posted) return;
        boost::asio::post(executor, [self = shared_from_this()] { self->take_turn(); });
        posted = true;
    }
    void take_turn();
    void put_back(items& batch, std::size_t begin);

    boost::asio::any_io_executor executor;
    std::mutex mutex;
    items gathered;
    bool posted = false;  ///< a turn is on its way
    bool closed = false;
};

void inbox::state::take_turn() {
    items batch;
    {
        const std::lock_guard lock(mutex);
        posted = false;
        batch.swap(gathered);
    }
    std::size_t next = 0;
    try {
        while (next < batch.size()) {
            auto& each = *batch[next];
            each.arrive(std::move(batch[next++]));
        }
    } catch (...) {
        put_back(batch, next);
        throw;
    }
}

/// Before those that have come since.
void inbox::state::put_back(items& batch, std::size_t begin) {
    if (begin == batch.size()) return;
    const std::lock_guard lock(mutex);
    if (closed) return;
    gathered.insert(gathered.begin(),
                    std::make_move_iterator(batch.begin() + static_cast<std::ptrdiff_t>(begin)),
                    std::make_move_iterator(batch.end()));
    ask_for_turn();
}

inbox::inbox(boost::asio::any_io_executor executor)
    : executor_(std::move(executor)), state_(std::make_shared<state>(executor_)) {}

inbox::~inbox() {
    state::items left;
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    left.swap(state_->gathered);
}

void inbox::post(std::unique_ptr<item> what) {
    const std::lock_guard lock(state_->mutex);
    state_->gathered.push_back(std::move(what));
    try {
        state_->ask_for_turn();
    } catch (...) {
        what = std::move(state_->gathered.back());  // to go without the mutex
        state_->gathered.pop_back();
        throw;
    }
}

}  // namespace sluice
