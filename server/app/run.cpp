#include "server/app/run.hpp"

#include "server/app/application.hpp"
#include "server/app/open_store.hpp"
#include "server/app/process.hpp"
#include "server/config/command_line.hpp"
#include "server/queue/job_store.hpp"

#include <boost/system/system_error.hpp>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace sluice::app {

namespace {

int say(const std::string& text, int exit_code) {
    std::fputs(text.c_str(), exit_code == EX_OK ? stdout : stderr);
    return exit_code;
}

int report_problems(const std::vector<std::string>& problems) {
    for (const auto& problem : problems) fmt::print(stderr, "sluiced: {}\n", problem);
    return problems.empty() ? EX_OK : EX_CONFIG;
}

int serve(config::config settings, logger& log) {
    const auto address = config::listen_codec::format(settings.http);
    const auto directory = settings.store.directory;
    const auto cannot_start = [&log](const std::exception& e) {
        log.error("cannot start", {{"reason", std::string_view{e.what()}}});
        return EX_OSERR;
    };
    try {
        std::optional<application> app;
        try {
            app.emplace(std::move(settings), log);
        } catch (const boost::system::system_error& e) {
            return cannot_start(e);
        } catch (const std::system_error& e) {
            return cannot_start(e);
        }
        app->run();
        return EX_OK;
    } catch (const store_error& e) {
        log.error(e.what());
        if (e.exit_code() == EX_DATAERR)
            log.error("copy what can be read with: sluiced --data DIR --salvage NEW_DIR",
                      {{"directory", std::string_view{directory}}});
        return e.exit_code();
    } catch (const std::system_error& e) {  // no more threads
        return cannot_start(e);
    } catch (const boost::system::system_error& e) {
        log.error("cannot listen", {{"address", std::string_view{address}},
                                    {"reason", std::string_view{e.code().message()}}});
        return EX_UNAVAILABLE;
    }
}

int save(const config::store_config& settings, const std::string& to) {
    ::umask(S_IRWXG | S_IRWXO);
    try {
        return salvage(settings, to);
    } catch (const store_error& e) {
        return say(fmt::format("sluiced: {}\n", e.what()), e.exit_code());
    }
}

}  // namespace

int run(int argc, const char* const* argv) {
    using action = config::command_line::action;
    auto line = config::parse_command_line(argc, argv);
    if (line.what == action::say) return say(line.text, line.exit_code);
    if (line.what == action::print_reference) return say(config::reference(), EX_OK);

    line.from.environment = config::process_environment();
    const auto values = config::load(line.from);
    if (line.what == action::print_config) say(config::print(values), EX_OK);
    if (const int wrong = report_problems(values.problems); wrong != EX_OK) return wrong;
    if (line.what == action::salvage) return save(values.settings.store, line.salvage_to);
    if (line.what != action::run) return EX_OK;

    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    const auto wanted = values.settings.log.form;
    const bool human =
        wanted == config::log_form::human || (wanted == config::log_form::automatic && terminal);
    logger log{values.settings.log.level, human ? logger::format::human : logger::format::json,
               terminal && std::getenv("NO_COLOR") == nullptr};
    prepare_process(log);
    return serve(values.settings, log);
}

}  // namespace sluice::app
