#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the peers send, as far as it must be understood. All of these take the bytes that have come
/// so far. A size of 0 says that the answer is not complete; an answer that says no is thrown as
/// std::runtime_error.
namespace sluice::bench {

/// `count` replies of Redis (RESP2).
std::size_t redis_replies(std::string_view text, std::size_t count);
/// The ids of the entries in an answer to XREADGROUP.
std::vector<std::string> redis_entry_ids(std::string_view answer);

/// `count` replies of beanstalkd to reserve and delete.
std::size_t beanstalkd_replies(std::string_view text, std::size_t count);
/// The ids of the jobs reserved in there.
std::vector<std::string> beanstalkd_ids(std::string_view answer);

/// A message of NATS: its subject, where an answer goes, and what it says.
struct nats_message {
    std::string_view subject, reply, payload;
};
/// All messages that are complete, and the bytes up to the end of the last one.
std::pair<std::vector<nats_message>, std::size_t> nats_messages(std::string_view text);

/// Up to and with the first message of PostgreSQL that is of one of these types.
std::size_t postgres_until(std::string_view text, std::string_view types);
/// The first column of each row in the answer, as text.
std::vector<std::string> postgres_first_columns(std::string_view answer);

/// The jobs of an answer of Sluice to a fetch, or of lines of a worker's stream.
struct sluice_lease {
    std::string_view id, lease;
};
std::vector<sluice_lease> sluice_leases(std::string_view answer);
/// Up to the end of the last line, when a job is among the complete lines.
std::size_t sluice_lines_with_job(std::string_view text);

}  // namespace sluice::bench
