#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

/// Structured log. One line per event: JSON objects, or a human form on a terminal. Control
/// characters, U+2028/9 and invalid UTF-8 in any value are escaped, so a value can never forge a
/// line. Never pass payloads, tokens or query strings.
namespace sluice {

enum class log_level : std::uint8_t { debug, info, warning, error };

struct log_field {
    std::string_view key;
    std::variant<std::string_view, std::int64_t, double, bool> value;
};

/// Thread safe. Passed by reference from the composition root; there is no global one.
class logger {
public:
    enum class format : std::uint8_t { json, human };

    /// Writes to standard error.
    logger(log_level least, format form, bool colour);
    ~logger();
    logger(const logger&) = delete;
    logger& operator=(const logger&) = delete;

    /// Whether lines of this level are written at all.
    bool shows(log_level level) const;

    void write(log_level level, std::string_view message,
               std::initializer_list<log_field> fields = {});
    void debug(std::string_view message, std::initializer_list<log_field> fields = {});
    void info(std::string_view message, std::initializer_list<log_field> fields = {});
    void warning(std::string_view message, std::initializer_list<log_field> fields = {});
    void error(std::string_view message, std::initializer_list<log_field> fields = {});

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace sluice
