#pragma once

#include "detectors.hpp"
#include "scripts.hpp"
#include "server/process/runner.hpp"

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::process::test {

/// A runner with real commands.
class process_fixture : public testing::Test {
protected:
    process_fixture();
    ~process_fixture() override;

    static command shell(std::string script);
    static command python(std::string script);

    /// Runs one command to its end, with what it said in `logged`.
    report run(command what, std::string input = "null");

    /// The same for several at once.
    std::vector<report> run_all(std::vector<command> all);

    /// Called with each line of the log, to act while a command runs.
    std::function<void(const std::string& line)> on_line;

    std::filesystem::path directory;  ///< where working directories are made
    boost::asio::io_context context{1};
    std::stop_source stop;
    std::map<log_stream, std::vector<std::string>> logged;
    std::vector<std::pair<double, std::string>> progress;
    std::optional<runner> commands;

private:
    boost::asio::awaitable<void> run_one(command what, std::string input, report& out);
};

}  // namespace sluice::process::test
