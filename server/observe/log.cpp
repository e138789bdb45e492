#include "server/observe/log.hpp"

#include "server/observe/log_line.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>

namespace sluice {

namespace {

spdlog::level::level_enum to_spdlog(log_level level) {
    switch (level) {
        case log_level::debug:
            return spdlog::level::debug;
        case log_level::info:
            return spdlog::level::info;
        case log_level::warning:
            return spdlog::level::warn;
        case log_level::error:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

}  // namespace

/// spdlog filters by level and writes whole lines under a lock; the text is ours.
struct logger::impl {
    impl(log_level least, format f, bool c)
        : out("sluice", std::make_shared<spdlog::sinks::stderr_sink_mt>()), form(f), colour(c) {
        out.set_pattern("%v");
        out.set_level(to_spdlog(least));
        out.flush_on(spdlog::level::trace);
    }

    spdlog::logger out;
    format form;
    bool colour;
};

logger::logger(log_level least, format form, bool colour)
    : impl_(std::make_unique<impl>(least, form, colour)) {}

logger::~logger() = default;

bool logger::shows(log_level level) const {
    return impl_->out.should_log(to_spdlog(level));
}

void logger::write(log_level level, std::string_view message,
                   std::initializer_list<log_field> fields) {
    const auto spd_level = to_spdlog(level);
    if (!impl_->out.should_log(spd_level)) return;
    const auto now =
        std::chrono::time_point_cast<timestamp::duration>(std::chrono::system_clock::now());
    // As one string: the text may hold braces and is no format.
    impl_->out.log(spd_level,
                   format_log_line(impl_->form, impl_->colour, now, level, message, fields));
}

void logger::debug(std::string_view message, std::initializer_list<log_field> fields) {
    write(log_level::debug, message, fields);
}
void logger::info(std::string_view message, std::initializer_list<log_field> fields) {
    write(log_level::info, message, fields);
}
void logger::warning(std::string_view message, std::initializer_list<log_field> fields) {
    write(log_level::warning, message, fields);
}
void logger::error(std::string_view message, std::initializer_list<log_field> fields) {
    write(log_level::error, message, fields);
}

}  // namespace sluice
