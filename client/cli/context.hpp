#pragma once

#include "client/asio.hpp"
#include "client/cli/terminal.hpp"
#include "client/connection.hpp"
#include "client/failure.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::cli {

namespace asio = boost::asio;
using client::exit_code;

enum class output_format : std::uint8_t { table, json, jsonl, plain };

/// What holds for every command.
struct global_options {
    std::string url = "http://127.0.0.1:8080";
    std::string token_file;
    std::chrono::nanoseconds timeout = std::chrono::seconds{30};
    colour_choice colour = colour_choice::automatic;
    output_format output = output_format::table;
    bool quiet = false;
    bool no_progress = false;
};

/// Where a command reads its circumstances and leaves its words: data on stdout, talk on stderr.
struct context {
    global_options options;
    client::settings server;
    terminal out;
    terminal err;

    bool wants_json() const {
        return options.output == output_format::json || options.output == output_format::jsonl;
    }
};

/// Completes `to` from its options and the environment: the server's address, the token, the
/// terminals. The answer says what is wrong with them, if
/// anything is.
std::optional<client::complaint> prepare(context& to);

/// Data, to stdout.
void print(std::string_view text);

/// A note for a person, to stderr; not with --quiet.
void note(const context& ctx, std::string_view text);

/// Asks on the terminal before something goes for good. Nothing: go on. Else how to end: the answer
/// was no, or there is no terminal to ask on. `what`, such as "deleting dead letters", begins the
/// sentence that says so.
std::optional<exit_code> confirm(const context& ctx, std::string_view what,
                                 const std::string& question);

/// What went wrong and what to do next, to stderr, each on lines of its own.
void complain(const context& ctx, std::string_view what, std::string_view next_step);

/// The same for a failed call; answers the exit code that belongs to it. `subject` is what the
/// command was about, such as a job's id; it may be empty.
exit_code complain(const context& ctx, const client::failure& f, std::string_view subject = {});

/// What a person can do about a failed call.
std::string next_step(const client::failure& f, bool has_token, std::string_view subject);

/// Runs one coroutine to its end on its own io_context. `start` takes the executor and answers the
/// coroutine; what it refers to must live until then.
template <class Start>
exit_code run_to_end(Start start) {
    asio::io_context io{1};
    exit_code code = exit_code::failed;
    asio::co_spawn(io, start(io.get_executor()), [&](std::exception_ptr broken, exit_code answer) {
        if (broken) std::rethrow_exception(broken);
        code = answer;
    });
    io.run();
    return code;
}

}  // namespace sluice::cli
