#include "server/process/execution.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <span>
#include <utility>

namespace sluice::process {

namespace asio = boost::asio;

namespace {

constexpr std::size_t read_bytes = std::size_t{64} << 10;
/// What a pipe can hold at most by default of the system, for the last look into it.
constexpr int last_reads_max = 32;
/// Of stderr, in the reason of a failure.
constexpr std::size_t reason_bytes_max = 2048;

std::string error_text(int error) {
    return std::error_code(error, std::generic_category()).message();
}

std::string signal_name(int signal) {
    const char* const name = ::sigabbrev_np(signal);
    return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

/// Asio takes the descriptor only when that goes well.
void assign(asio::posix::stream_descriptor& to, descriptor from, boost::system::error_code& ec) {
    to.assign(from.get(), ec);
    if (!ec) from.release();
}

std::string_view tail_of(std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    if (text.size() <= reason_bytes_max) return text;
    text.remove_prefix(text.size() - reason_bytes_max);
    const auto line = text.find('\n');
    return line == std::string_view::npos ? text : text.substr(line + 1);
}

}  // namespace

execution::execution(asio::any_io_executor executor, command what, listener hear)
    : what_(std::move(what)),
      hear_(std::move(hear)),
      budget_(what_.log_bytes_max, hear_),
      stdout_(log_stream::stdout_, what_.output_bytes_max, budget_),
      stderr_(log_stream::stderr_, what_.output_bytes_max, budget_),
      report_stream_(budget_, hear_),
      pipes_{asio::posix::stream_descriptor(executor), asio::posix::stream_descriptor(executor),
             asio::posix::stream_descriptor(executor)},
      keeper_(executor),
      done_(executor, std::chrono::steady_clock::time_point::max()) {}

std::string execution::start(descriptor keeper, bool known, const std::string& input,
                             const std::string& temp_directory) {
    keeper_known_ = known;
    const descriptor in = make_memory_file("sluice-input", input);
    const descriptor order = make_memory_file("sluice-order", encode_order(what_, temp_directory));
    if (!in || !order) return "no memory file for its input: " + error_text(errno);
    std::array<descriptor, pipes> theirs;
    std::array<descriptor, pipes> ours;
    for (std::size_t i = 0; i < pipes; ++i) {
        std::array<int, 2> ends{-1, -1};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) return "no pipe: " + error_text(errno);
        ours[i] = descriptor(ends[0]);
        theirs[i] = descriptor(ends[1]);
        ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    }
    boost::system::error_code ec;
    assign(keeper_, std::move(keeper), ec);
    for (std::size_t i = 0; i < pipes; ++i) {
        if (!ec) assign(pipes_[i], std::move(ours[i]), ec);
    }
    if (ec) return "no place in the event loop: " + ec.message();
    // Last, for from here on there is a command that somebody has to look after.
    const std::array<int, run_descriptors> fds{in.get(), theirs[0].get(), theirs[1].get(),
                                               theirs[2].get(), order.get()};
    if (!send_message(keeper_.native_handle(), {.kind = message_kind::run}, fds))
        return "its keeper cannot be reached: " + error_text(errno);
    for (std::size_t i = 0; i < pipes; ++i) read_pipe(i);
    read_message();
    return {};
}

void execution::request_stop() {
    if (finished_ || std::exchange(stopping_, true)) return;
    if (keeper_.is_open()) send_message(keeper_.native_handle(), {.kind = message_kind::stop});
}

asio::awaitable<void> execution::wait() {
    while (!finished_) co_await done_.async_wait(asio::as_tuple(asio::use_awaitable));
}

void execution::read_pipe(std::size_t index) {
    auto on_ready = [self = shared_from_this(), index](const boost::system::error_code& ec) {
        if (ec || self->finished_) return;
        if (self->read_once(index)) self->read_pipe(index);
    };
    pipes_[index].async_wait(asio::posix::stream_descriptor::wait_read, std::move(on_ready));
}

bool execution::read_once(std::size_t index) {
    thread_local std::array<char, read_bytes> buffer;
    auto& pipe = pipes_[index];
    if (!pipe.is_open()) return false;
    const auto n = ::read(pipe.native_handle(), buffer.data(), buffer.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return !finished_;
    if (n <= 0) {
        boost::system::error_code ignored;
        pipe.close(ignored);
        return false;
    }
    const std::string_view text(buffer.data(), static_cast<std::size_t>(n));
    if (index == 0) stdout_.feed(text);
    if (index == 1) stderr_.feed(text);
    if (index == 2) report_stream_.feed(text);
    return true;
}

void execution::read_message() {
    auto on_ready = [self = shared_from_this()](const boost::system::error_code& ec) {
        if (ec || self->finished_) return;
        std::vector<descriptor> none;
        const auto said = receive_message(self->keeper_.native_handle(), none);
        if (!said && (errno == EAGAIN || errno == EINTR)) {
            self->read_message();
            return;
        }
        if (said && said->kind == message_kind::ready) {
            self->keeper_known_ = true;
            self->read_message();
            return;
        }
        // A nursery that cannot fork says `failed`, too, and leaves a socket without a keeper.
        self->keeper_free_ = said.has_value() && self->keeper_known_;
        self->finish(said.value_or(message{}));
    };
    keeper_.async_wait(asio::posix::stream_descriptor::wait_read, std::move(on_ready));
}

void execution::finish(const message& how) {
    finished_ = true;
    for (std::size_t i = 0; i < pipes; ++i) {
        for (int n = 0; n < last_reads_max && read_once(i); ++n) {
        }
        boost::system::error_code ignored;
        pipes_[i].close(ignored);
    }
    stdout_.finish();
    stderr_.finish();
    report_stream_.finish();
    judge(how);
    done_.cancel();
}

void execution::judge(const message& how) {
    bool stopped = stopping_;
    if (how.kind == message_kind::ended) {
        report_.started = true;
        report_.left_processes = (how.extra & ending::others_killed) != 0;
        judge_status(how.value);
        // One that had ended when the stop came has its own end, whatever it left.
        stopped = (how.extra & ending::stop_came_first) != 0;
    } else if (how.kind == message_kind::failed) {
        const auto step = static_cast<start_step>(how.extra);
        not_started(std::string(to_string(step)) + ": " + error_text(how.value),
                    is_shortage(how.value, step, what_.limits));
    } else if (keeper_known_) {
        report_.started = true;
        report_.reason = "the process that kept the command was killed";
    } else {
        not_started(to_string(start_step::fork), true);
    }
    if (stopped) report_.how = verdict::stopped;
}

void execution::not_started(std::string_view why, bool shortage) {
    report_.reason = "cannot start " + what_.argv[0] + ": ";
    report_.reason.append(why);
    report_.shortage = shortage;
}

void execution::judge_status(int status) {
    if (WIFSIGNALED(status)) {
        report_.signal = signal_name(WTERMSIG(status));
        report_.reason = "killed by " + report_.signal;
    } else {
        report_.exit_code = WEXITSTATUS(status);
        switch (report_.exit_code) {
            case 0:
                report_.how = verdict::completed;
                break;
            case 75:
                report_.how = verdict::retry;
                break;
            case 65:
                report_.how = verdict::dead_letter;
                break;
            default:
                break;
        }
        if (report_.how != verdict::completed)
            report_.reason = "exit code " + std::to_string(report_.exit_code);
    }
    if (report_.how == verdict::completed) return;
    const auto tail = tail_of(stderr_.kept());
    if (!tail.empty()) report_.reason.append(": ").append(tail);
}

report execution::take_report() {
    budget_.finish();
    report_.dropped_bytes = budget_.dropped_bytes();
    report_.result = report_stream_.result().empty()
                         ? result_of_output(stdout_.kept(), stdout_.cut())
                         : report_stream_.result();
    return std::move(report_);
}

descriptor execution::take_keeper() {
    if (!keeper_free_) return {};
    keeper_.cancel();
    return descriptor(keeper_.release());
}

}  // namespace sluice::process
