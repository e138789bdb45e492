#pragma once

#include "proto/time.hpp"
#include "server/observe/log.hpp"

#include <initializer_list>
#include <string>
#include <string_view>

/// The text of one log line, apart from where it is written to.
namespace sluice {

/// Appends `text` so that it stays on its line and in its value: quotes, backslashes, control
/// characters (C0, DEL, C1) and U+2028/9 as JSON escapes, each invalid UTF-8 byte as `\ufffd`.
void append_log_text(std::string& out, std::string_view text);

/// One event as a line without its line end. `colour` matters to the human form only.
std::string format_log_line(logger::format form, bool colour, timestamp time, log_level level,
                            std::string_view message, std::initializer_list<log_field> fields);

}  // namespace sluice
