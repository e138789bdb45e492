#include "process_fixture.hpp"

#include <boost/asio/co_spawn.hpp>

#include <stdlib.h>

#include <utility>

namespace sluice::process::test {

namespace asio = boost::asio;

namespace {

std::filesystem::path make_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    return name;
}

}  // namespace

process_fixture::process_fixture()
    : directory(make_directory()),
      commands(std::in_place, context.get_executor(), directory.string()) {
    std::filesystem::permissions(directory, std::filesystem::perms::others_exec,
                                 std::filesystem::perm_options::add);
}

process_fixture::~process_fixture() {
    commands.reset();
    EXPECT_TRUE(std::filesystem::is_empty(directory)) << "a working directory was left";
    std::filesystem::remove_all(directory);
}

command process_fixture::shell(std::string script) {
    command what;
    what.argv = {"/bin/sh", "-c", std::move(script)};
    return what;
}

command process_fixture::python(std::string script) {
    command what;
    what.argv = {"/usr/bin/python3", "-c", std::move(script)};
    return what;
}

asio::awaitable<void> process_fixture::run_one(command what, std::string input, report& out) {
    listener hear;
    hear.log = [this](log_stream stream, std::string_view line) {
        logged[stream].emplace_back(line);
        if (on_line) on_line(std::string(line));
    };
    hear.progress = [this](double fraction, std::string message) {
        progress.emplace_back(fraction, std::move(message));
    };
    auto running =
        commands->run(std::move(what), std::move(input), std::move(hear), stop.get_token());
    report how = co_await std::move(running);
    out = std::move(how);
}

report process_fixture::run(command what, std::string input) {
    report out;
    std::exception_ptr fault;
    asio::co_spawn(context, run_one(std::move(what), std::move(input), out),
                   [&fault](std::exception_ptr e) { fault = e; });
    context.restart();
    context.run();
    if (fault) std::rethrow_exception(fault);
    return out;
}

std::vector<report> process_fixture::run_all(std::vector<command> all) {
    std::vector<report> out(all.size());
    std::exception_ptr fault;
    for (std::size_t i = 0; i < all.size(); ++i)
        asio::co_spawn(context, run_one(std::move(all[i]), "null", out[i]),
                       [&fault](std::exception_ptr e) { fault = e ? e : fault; });
    context.restart();
    context.run();
    if (fault) std::rethrow_exception(fault);
    return out;
}

}  // namespace sluice::process::test
