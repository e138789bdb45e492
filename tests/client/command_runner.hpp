#pragma once

#include "client/cli/context.hpp"

#include <functional>
#include <string>
#include <vector>

namespace sluice::cli::test {

/// What came of a command.
struct outcome {
    exit_code code = exit_code::failed;
    std::string asked;  ///< method, target and body of each request, one after the other
    std::string data;   ///< on stdout
    std::string said;   ///< on stderr
};

struct scripted_answer {
    int status = 200;
    std::string body;
};

/// Runs a command against a server that gives these answers, the last one again and again.
outcome run(const std::function<exit_code(const context&)>& command,
            std::vector<scripted_answer> answers, output_format format = output_format::table);
outcome run(const std::function<exit_code(const context&)>& command, int status, std::string body,
            output_format format = output_format::table);

}  // namespace sluice::cli::test
