#pragma once

#include "server/process/output.hpp"
#include "server/process/wire.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::process {

/// Our side of one run: sends the order to a keeper, reads what the command says, waits for its
/// end. Used by runner alone; the same executor.
class execution : public std::enable_shared_from_this<execution> {
public:
    execution(boost::asio::any_io_executor executor, command what, listener hear);

    /// Pipes and order; the text of what went wrong, which is always a shortage, else empty.
    /// `keeper` is a connected socket; `known`: its keeper has been heard of before.
    std::string start(descriptor keeper, bool known, const std::string& input,
                      const std::string& temp_directory);
    void request_stop();
    boost::asio::awaitable<void> wait();

    report take_report();
    /// The keeper's socket when it is free for another command, else nothing.
    descriptor take_keeper();

private:
    static constexpr std::size_t pipes = 3;  // stdout, stderr, descriptor 3

    void read_pipe(std::size_t index);
    /// Reads once; false at the end of the pipe, or when nothing is there.
    bool read_once(std::size_t index);
    void read_message();
    void finish(const message& how);
    void judge(const message& how);
    void not_started(std::string_view why, bool shortage);
    void judge_status(int status);

    command what_;
    listener hear_;
    log_budget budget_;
    output_stream stdout_;
    output_stream stderr_;
    report_stream report_stream_;
    std::array<boost::asio::posix::stream_descriptor, pipes> pipes_;
    boost::asio::posix::stream_descriptor keeper_;
    boost::asio::steady_timer done_;
    report report_;
    bool finished_ = false;
    bool stopping_ = false;
    bool keeper_known_ = false;
    bool keeper_free_ = false;
};

}  // namespace sluice::process
