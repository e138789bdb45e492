#include "server/process/runner.hpp"

#include "server/process/execution.hpp"
#include "server/process/nursery_name.hpp"
#include "server/process/wire.hpp"

#include <boost/process/v2/process.hpp>
#include <boost/process/v2/stdio.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace sluice::process {

namespace asio = boost::asio;
namespace bp = boost::process::v2;

namespace {

/// Keepers that wait for another command; more than this are let go.
constexpr std::size_t idle_keepers_max = 64;

/// The nursery sees nothing of our environment, where a token may be.
struct no_environment {
    boost::system::error_code on_setup(bp::posix::default_launcher& launcher,
                                       const bp::filesystem::path&, const char* const*) {
        static constexpr std::array<const char*, 1> none{nullptr};
        launcher.env = none.data();
        return {};
    }
};

struct socket_pair {
    descriptor ours;
    descriptor theirs;
};

/// Ours does not wait, theirs does.
socket_pair make_socket_pair() {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return {};
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return {.ours = descriptor(ends[0]), .theirs = descriptor(ends[1])};
}

std::string default_temp_directory() {
    const char* const named = std::getenv("TMPDIR");
    return named != nullptr && named[0] == '/' ? named : "/tmp";
}

}  // namespace

class runner::impl : public std::enable_shared_from_this<impl> {
public:
    impl(asio::any_io_executor executor, std::string temp_directory)
        : executor_(std::move(executor)),
          temp_directory_(temp_directory.empty() ? default_temp_directory()
                                                 : std::move(temp_directory)),
          nursery_(executor_) {
        start_nursery();
    }

    ~impl() {
        idle_.clear();
        control_.reset();  // it leaves, and takes with it what there may be
        boost::system::error_code ignored;
        nursery_.wait(ignored);
    }

    asio::awaitable<report> run(command what, std::string input, listener hear,
                                std::stop_token stop) {
        const std::string program = what.argv.empty() ? "" : what.argv[0];
        auto mine = std::make_shared<execution>(executor_, std::move(what), std::move(hear));
        if (!program.starts_with('/')) co_return not_started(program, "its path is not absolute");
        std::string wrong;
        try {
            bool known = true;
            descriptor keeper = take_idle();
            if (!keeper) {
                known = false;
                keeper = make_keeper();
            }
            wrong = mine->start(std::move(keeper), known, input, temp_directory_);
        } catch (const std::runtime_error& e) {  // system_error, of the library or of Boost
            wrong = std::string("no keeper: ") + e.what();
        }
        if (!wrong.empty()) {
            report none = not_started(program, wrong);
            none.shortage = true;
            co_return none;
        }
        input = {};
        {
            auto ask = [mine] { mine->request_stop(); };
            const std::stop_callback on_stop(stop, std::move(ask));
            co_await mine->wait();
        }
        descriptor keeper = mine->take_keeper();
        if (keeper && idle_.size() < idle_keepers_max) idle_.push_back(std::move(keeper));
        co_return mine->take_report();
    }

private:
    static report not_started(const std::string& program, std::string_view why) {
        report none;
        none.reason = "cannot start " + program + ": ";
        none.reason.append(why);
        return none;
    }

    void start_nursery() {
        auto [ours, theirs] = make_socket_pair();
        if (!ours) throw std::system_error(errno, std::generic_category(), "socketpair");
        boost::system::error_code ignored;
        if (nursery_.is_open()) nursery_.wait(ignored);
        control_ = std::move(ours);
        const std::vector<std::string> args{std::string(nursery_argument)};
        nursery_ = bp::process(executor_, "/proc/self/exe", args,
                               bp::process_stdio{theirs.get(), nullptr, nullptr}, no_environment{});
    }

    descriptor take_idle() {
        while (!idle_.empty()) {
            descriptor last = std::move(idle_.back());
            idle_.pop_back();
            // An idle keeper says nothing; an end means that somebody killed it.
            char byte = 0;
            if (::recv(last.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN)
                return last;
        }
        return {};
    }

    /// Throws std::system_error when there can be none.
    descriptor make_keeper() {
        auto [ours, theirs] = make_socket_pair();
        if (!ours) throw std::system_error(errno, std::generic_category(), "socketpair");
        const std::array<int, 1> fds{theirs.get()};
        if (send_message(control_.get(), {}, fds)) return std::move(ours);
        if (errno == EPIPE || errno == ECONNRESET) {  // somebody killed the nursery
            start_nursery();
            if (send_message(control_.get(), {}, fds)) return std::move(ours);
        }
        throw std::system_error(errno, std::generic_category(), "the nursery cannot be reached");
    }

    asio::any_io_executor executor_;
    std::string temp_directory_;
    bp::process nursery_;
    descriptor control_;
    std::vector<descriptor> idle_;
};

runner::runner(asio::any_io_executor executor, std::string temp_directory)
    : impl_(std::make_shared<impl>(std::move(executor), std::move(temp_directory))) {}

runner::~runner() = default;

asio::awaitable<report> runner::run(command what, std::string input, listener hear,
                                    std::stop_token stop) {
    const std::shared_ptr<impl> self = impl_;
    auto running = self->run(std::move(what), std::move(input), std::move(hear), std::move(stop));
    report how = co_await std::move(running);
    co_return how;
}

}  // namespace sluice::process
