#pragma once

#include "server/worker/handlers/http/target_url.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The one place that writes the head of a request. What goes through here cannot be split.
namespace sluice::worker::push {

using header_list = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::size_t headers_max = 32;
inline constexpr std::size_t header_bytes_max = 1024;  ///< name and value of one

/// GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS, in capitals.
bool is_known_method(std::string_view method);
/// Sending it twice does no more than sending it once (RFC 9110, 9.2.2).
bool is_idempotent(std::string_view method);
/// GET and HEAD: a body would have no meaning.
bool goes_without_body(std::string_view method);

/// Why these headers may not be sent, as a sentence; nothing when they may.
///
/// Refused: names that are no tokens; control characters, CR, LF and NUL among them, in values;
/// names that frame the message, name its receiver or are meant for a proxy (Host, Content-Length,
/// Transfer-Encoding, Connection, Keep-Alive, TE, Trailer, Upgrade, Expect, Proxy-*); those that
/// are ours (webhook-*, Job-*); the same name twice; more than `headers_max`, or one of more than
/// `header_bytes_max` bytes.
std::optional<std::string> fault_of_headers(const header_list& headers);

/// Looks a header up, whatever its case. Null when absent.
const std::string* find_header(const header_list& headers, std::string_view name);

/// The whole request as it goes over the wire. `own` are headers of ours; they come first and are
/// not checked against the names above, but for control characters all the same.
/// Throws std::invalid_argument when a name or value could split the message.
std::string write_request(std::string_view method, const target_url& url, const header_list& own,
                          const header_list& headers, std::string_view body);

}  // namespace sluice::worker::push
