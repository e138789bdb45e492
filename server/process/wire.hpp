#pragma once

#include "server/process/command.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// What a runner and its keepers say to each other over a socket pair. Both are the same program.
namespace sluice::process {

/// Owns a descriptor.
class descriptor {
public:
    descriptor() = default;
    explicit descriptor(int fd) : fd_(fd) {}
    descriptor(descriptor&& other) noexcept : fd_(other.release()) {}
    descriptor& operator=(descriptor&& other) noexcept;
    ~descriptor() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    int release();
    void reset();

private:
    int fd_ = -1;
};

enum class message_kind : std::int32_t {
    run = 1,     ///< to a keeper, with five descriptors: 0 to 3 of the command and the order
    stop = 2,    ///< to a keeper: SIGTERM, grace, SIGKILL
    failed = 3,  ///< from it: not started; value is errno, extra the step
    ended = 4,   ///< from it: value is the wait status, extra has the bits of `ending`
    ready = 5,   ///< from it, once, first: it is there
};

struct message {
    message_kind kind{};
    std::int32_t value = 0;
    std::int32_t extra = 0;
};

/// What a keeper says of an end beside the wait status.
namespace ending {
inline constexpr std::int32_t others_killed = 1;    ///< what the command had started
inline constexpr std::int32_t stop_came_first = 2;  ///< the command was still there when it came
}  // namespace ending

/// The steps of starting a command, for the error text.
enum class start_step : std::int32_t { order, directory, fork, limits, account, descriptors, exec };
std::string_view to_string(start_step step);

/// Everything a keeper must know of a command beside its descriptors.
struct order {
    command what;
    std::string temp_directory;
};

inline constexpr std::size_t run_descriptors = 5;

/// Whether this error of that step says that the machine lacks something at the moment.
bool is_shortage(int error, start_step step, const resource_limits& limits);

std::string encode_order(const command& what, const std::string& temp_directory);
/// Nothing for text that `encode_order` did not write.
std::optional<order> decode_order(std::string_view text);

/// An anonymous file with this content, read from its start. Invalid when the system refuses.
descriptor make_memory_file(const char* name, std::string_view content);
std::optional<std::string> read_memory_file(int fd);

/// Sends a message and descriptors without waiting; false when that fails (errno).
bool send_message(int socket, const message& what, std::span<const int> fds = {});

/// Waits for a message; nothing at the end (errno 0), or on an error. Descriptors come numbered 10
/// or more.
std::optional<message> receive_message(int socket, std::vector<descriptor>& fds);

}  // namespace sluice::process
