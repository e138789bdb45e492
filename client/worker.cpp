#include "client/worker_impl.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>
#include <system_error>

namespace sluice::client {
namespace {

constexpr std::size_t concurrency_max = 1000;
constexpr std::size_t connections_max = 16;

std::string make_worker_id() {
    std::array<char, 64> host{};
    if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
    return fmt::format("{}-{}-{:08x}", host.data(), getpid(), std::random_device{}());
}

worker_options completed_options(worker_options options) {
    if (options.id.empty()) options.id = make_worker_id();
    options.concurrency = std::clamp<std::size_t>(options.concurrency, 1, concurrency_max);
    return options;
}

int make_event() {
    const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    return fd;
}

}  // namespace

worker::impl::impl(settings with, worker_options options)
    : settings_(std::move(with)),
      options_(completed_options(std::move(options))),
      stop_fd_(make_event()),
      stop_requests_(io_, stop_fd_),
      changed_(io_.get_executor()),
      retry_(io_.get_executor()),
      fetcher_(io_.get_executor(), settings_),
      pool_(io_.get_executor(), settings_, std::min(options_.concurrency, connections_max)),
      room_(options_.concurrency),
      session_(std::random_device{}()),
      runs_group_(io_.get_executor()),
      helpers_(io_.get_executor()) {}

worker::impl::~impl() {
    if (threads_) threads_->join();
}

void worker::impl::add(std::string pattern, any_handler run) {
    handlers_.insert_or_assign(std::move(pattern), std::move(run));
}

const worker::impl::any_handler* worker::impl::find(std::string_view type) const {
    if (const auto exact = handlers_.find(type); exact != handlers_.end()) return &exact->second;
    for (auto dot = type.rfind('.'); dot != std::string_view::npos;
         dot = dot == 0 ? std::string_view::npos : type.rfind('.', dot - 1)) {
        const auto prefix = handlers_.find(std::string{type.substr(0, dot)} + ".*");
        if (prefix != handlers_.end()) return &prefix->second;
    }
    const auto any = handlers_.find("*");
    return any == handlers_.end() ? nullptr : &any->second;
}

void worker::impl::stop() noexcept {
    const std::uint64_t once = 1;
    // An eventfd can only fail when the count is full.
    [[maybe_unused]] const auto written = ::write(stop_fd_, &once, sizeof once);
}

worker::worker(settings with, worker_options options)
    : impl_(std::make_unique<impl>(std::move(with), std::move(options))) {}

worker::~worker() = default;

void worker::add(std::string pattern, handler run) {
    impl_->add(std::move(pattern), std::move(run));
}

void worker::add_blocking(std::string pattern, blocking_handler run) {
    impl_->add(std::move(pattern), std::move(run));
}

outcome<worker_totals> worker::run() {
    return impl_->run();
}

void worker::quiet() {
    impl_->quiet(true);
}

void worker::resume() {
    impl_->quiet(false);
}

void worker::stop() noexcept {
    impl_->stop();
}

const std::string& worker::id() const {
    return impl_->id();
}

}  // namespace sluice::client
