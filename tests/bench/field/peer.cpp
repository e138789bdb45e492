#include "tests/bench/field/peer.hpp"

#include "tests/bench/wire.hpp"

#include <boost/asio/co_spawn.hpp>

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace sluice::bench {

host::host(std::string name, starter start, std::optional<slow> how)
    : name_(std::move(name)), start_(std::move(start)), slow_(how) {}

host::~host() {
    if (running_ && slow_) running_->end_with(slow_->end_signal);
}

void host::resume() {
    if (!fault_.empty()) throw std::runtime_error(fault_);
    if (!running_) {
        try {
            port_ = free_port();
            running_ = start_(port_);
        } catch (const std::exception& e) {
            fault_ = name_ + " cannot be started\n" + e.what();
            throw std::runtime_error(fault_);
        }
    } else if (suspended_) {
        running_->signal_tree(SIGCONT);
    }
    suspended_ = false;
}

void host::renew() {
    if (!slow_) running_.reset();
}

void host::suspend() {
    if (!running_ || suspended_) return;
    running_->signal_tree(SIGSTOP);
    suspended_ = true;
}

std::filesystem::path own_directory(const data_root& root, const std::string& name,
                                    const std::string& user) {
    const auto where = root / name;
    std::filesystem::remove_all(where);
    std::filesystem::create_directories(where);
    if (!user.empty() && getuid() == 0) {
        const auto* account = getpwnam(user.c_str());
        if (account == nullptr || chown(where.c_str(), account->pw_uid, account->pw_gid) != 0)
            throw std::runtime_error("no directory for the user " + user);
    }
    return where;
}

std::vector<std::string> as_user(const std::string& user, std::vector<std::string> argv) {
    if (getuid() != 0) return argv;
    std::vector<std::string> all{"setpriv", "--reuid", user, "--regid", user, "--init-groups"};
    all.insert(all.end(), argv.begin(), argv.end());
    return all;
}

void say(std::uint16_t port, std::vector<exchange> what) {
    boost::asio::io_context context(1);
    wire connection(context);
    boost::asio::co_spawn(context, connection.open(port, std::move(what)),
                          [](std::exception_ptr fault) {
                              if (fault) std::rethrow_exception(fault);
                          });
    context.run();
}

}  // namespace sluice::bench
