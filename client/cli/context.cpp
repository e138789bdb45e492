#include "client/cli/context.hpp"

#include "client/cli/text.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

namespace sluice::cli {
namespace {

using client::complaint;
using client::failure_kind;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

std::string trimmed(std::string text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// What a header field may hold, without spaces (RFC 9110 §11.2: token68).
bool is_token(std::string_view text) {
    for (const char c : text) {
        if (c <= 0x20 || c >= 0x7f) return false;
    }
    return true;
}

std::optional<complaint> read_token(const global_options& options, std::string& token) {
    if (options.token_file.empty()) {
        token = trimmed(environment("SLUICE_TOKEN"));
    } else {
        std::ifstream file{options.token_file, std::ios::binary};
        token.assign(std::istreambuf_iterator<char>{file}, {});
        if (!file.is_open() || file.bad()) {
            return complaint{fmt::format("cannot read the token file {}", options.token_file)};
        }
        token = trimmed(std::move(token));
        if (token.empty()) {
            return complaint{fmt::format("the token file {} is empty", options.token_file)};
        }
    }
    if (!is_token(token)) return complaint{"the token holds characters that no token can have"};
    return std::nullopt;
}

void write_to(std::FILE* stream, std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stream);
    std::fflush(stream);
}

std::string not_found_step(std::string_view subject) {
    if (subject.starts_with("queue ")) return "See which there are: sluice queue list";
    if (subject.starts_with("cron job ")) return "See which there are: sluice cron list";
    if (subject.starts_with("redrive ")) return "See which there are: sluice dead redrives";
    if (subject.starts_with("dead letter ")) return "See which there are: sluice dead list";
    return "See which there are: sluice job list";
}

std::string refused_step(const client::failure& f, bool has_token, std::string_view subject) {
    switch (f.status) {
        case 400:
        case 413:
        case 422:
            return "Correct the value and try again.";
        case 401:
            return has_token ? "The server does not know this token; ask who runs it for another."
                             : "Give a token with --token-file FILE, SLUICE_TOKEN_FILE or "
                               "SLUICE_TOKEN.";
        case 403:
            return "This token may not do that; a token with the right scope may.";
        case 404:
            return not_found_step(subject);
        case 409:
            return "See how it is now: sluice job get ID";
        case 429:
            return "The server has enough to do for now; try again later.";
        case 507:
            return "The server's disk is nearly full; nothing was stored.";
        default:
            return "See how the server feels: sluice health";
    }
}

}  // namespace

std::optional<complaint> prepare(context& to) {
    to.out = probe_terminal(STDOUT_FILENO, to.options.colour);
    to.err = probe_terminal(STDERR_FILENO, to.options.colour);
    auto url = client::parse_base_url(to.options.url);
    if (url.has_error()) {
        return complaint{fmt::format("the server's URL \"{}\" is no good: {}", to.options.url,
                                     url.error().text)};
    }
    to.server.url = std::move(*url);
    if (auto wrong = read_token(to.options, to.server.token)) return wrong;
    to.server.timeout = std::chrono::ceil<std::chrono::milliseconds>(to.options.timeout);
    to.server.user_agent = "sluice/" SLUICE_VERSION;
    return std::nullopt;
}

void print(std::string_view text) {
    write_to(stdout, text);
}

void note(const context& ctx, std::string_view text) {
    if (!ctx.options.quiet) write_to(stderr, text);
}

std::optional<exit_code> confirm(const context& ctx, std::string_view what,
                                 const std::string& question) {
    if (isatty(STDIN_FILENO) == 0) {
        complain(ctx, std::string(what) + " needs a confirmation, and there is no terminal to ask",
                 "If they may go for good, add --yes.");
        return exit_code::usage;
    }
    note(ctx, question + " [y/N] ");
    std::string answer;
    std::getline(std::cin, answer);
    if (answer == "y" || answer == "Y" || answer == "yes") return std::nullopt;
    note(ctx, "Nothing was changed.\n");
    return exit_code::failed;
}

void complain(const context& ctx, std::string_view what, std::string_view next) {
    constexpr std::string_view label = "error: ";
    std::string text = paint(ctx.err, style::red, label) +
                       wrap_words(printable(what), label.size(), ctx.err.width) + "\n";
    if (!next.empty()) {
        const std::string blank(label.size(), ' ');
        text += blank + wrap_words(next, label.size(), ctx.err.width) + "\n";
    }
    write_to(stderr, text);
}

exit_code complain(const context& ctx, const client::failure& f, std::string_view subject) {
    std::string what = f.message;
    if (what.ends_with('.')) what.pop_back();
    // The server names what is missing itself.
    const auto name = subject.substr(subject.rfind(' ') + 1);
    if (!subject.empty() && what.find(name) == std::string::npos) {
        what = std::string{subject} + ": " + what;
    }
    if (!f.code.empty() && f.message != f.code) what += " (" + f.code + ")";
    if (f.status >= 500 && !f.request_id.empty()) what += ", request " + f.request_id;
    complain(ctx, what, next_step(f, !ctx.server.token.empty(), subject));
    return client::exit_code_of(f);
}

std::string next_step(const client::failure& f, bool has_token, std::string_view subject) {
    switch (f.kind) {
        case failure_kind::unreachable:
            return "Is the server running? Start it with `sluiced`, or name another: --url, "
                   "SLUICE_URL.";
        case failure_kind::lost:
            return "Whether the request took effect is unknown. See how the server is: sluice "
                   "health";
        case failure_kind::timed_out:
            return "Give it more time with --timeout, or see how the server is: sluice health";
        case failure_kind::closed:
            return {};
        case failure_kind::bad_answer:
            return "Does the URL name a Sluice server? See --url.";
        case failure_kind::refused:
            return refused_step(f, has_token, subject);
    }
    return {};
}

}  // namespace sluice::cli
