#pragma once

#include "client/cli/context.hpp"
#include "client/messages.hpp"

#include <string>
#include <vector>

/// How lines of a job's log look.
namespace sluice::cli {

/// Text for one of our streams.
struct log_chunk {
    bool aside = false;  ///< standard error
    std::string text;
};

/// Standard error and notes of the job go to standard error, all else to standard output, each line
/// with its end. With JSON all goes to standard output, an object a line. On a terminal nothing can
/// take it over; elsewhere the text stays as it is.
std::vector<log_chunk> render_log(const client::log_lines& log, const context& ctx,
                                  bool timestamps);

}  // namespace sluice::cli
