#include "server/process/wire.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sluice::process {

namespace {

class writer {
public:
    void number(std::uint64_t value) {
        out.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    void text(std::string_view value) {
        number(value.size());
        out.append(value);
    }
    void list(const std::vector<std::string>& values) {
        number(values.size());
        for (const auto& value : values) text(value);
    }
    template <class T>
    void maybe(const std::optional<T>& value) {
        number(value.has_value() ? 1 : 0);
        number(value ? static_cast<std::uint64_t>(*value) : 0);
    }

    std::string out;
};

class reader {
public:
    explicit reader(std::string_view text) : rest_(text) {}

    std::uint64_t number() {
        std::uint64_t value = 0;
        if (rest_.size() < sizeof value) {
            good = false;
            return 0;
        }
        std::memcpy(&value, rest_.data(), sizeof value);
        rest_.remove_prefix(sizeof value);
        return value;
    }
    std::string text() {
        const auto size = number();
        if (size > rest_.size()) {
            good = false;
            return {};
        }
        std::string value(rest_.substr(0, size));
        rest_.remove_prefix(size);
        return value;
    }
    std::vector<std::string> list() {
        std::vector<std::string> values;
        for (auto left = number(); left > 0 && good; --left) values.push_back(text());
        return values;
    }
    template <class T>
    std::optional<T> maybe() {
        const bool given = number() != 0;
        const auto value = number();
        return given ? std::optional<T>{static_cast<T>(value)} : std::nullopt;
    }

    bool good = true;

private:
    std::string_view rest_;
};

std::optional<std::uint64_t> seconds_of(const std::optional<std::chrono::seconds>& time) {
    if (!time) return std::nullopt;
    return static_cast<std::uint64_t>(time->count());
}

/// Room for the descriptors of one message, aligned as the kernel wants it.
struct control_buffer {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * run_descriptors)> bytes{};
};

}  // namespace

descriptor& descriptor::operator=(descriptor&& other) noexcept {
    if (this != &other) {
        reset();
        fd_ = other.release();
    }
    return *this;
}

int descriptor::release() {
    return std::exchange(fd_, -1);
}

void descriptor::reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

std::string_view to_string(start_step step) {
    switch (step) {
        case start_step::order:
            return "the order could not be read";
        case start_step::directory:
            return "no working directory could be made";
        case start_step::fork:
            return "no process could be made";
        case start_step::limits:
            return "its limits could not be set";
        case start_step::account:
            return "its account could not be taken";
        case start_step::descriptors:
            return "its descriptors could not be set up";
        case start_step::exec:
            return "the program could not be executed";
    }
    return "unknown step";
}

bool is_shortage(int error, start_step step, const resource_limits& limits) {
    switch (error) {
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOSPC:
        case EDQUOT:
            return true;
        // A limit of its own that the program does not fit into will not go away.
        case EAGAIN:
            return step != start_step::exec || !limits.processes;
        case ENOMEM:
            return step != start_step::exec || !limits.memory_bytes;
        default:
            return false;
    }
}

std::string encode_order(const command& what, const std::string& temp_directory) {
    writer to;
    to.list(what.argv);
    to.list(what.environment);
    to.maybe(what.uid);
    to.maybe(what.gid);
    to.number(what.limits.open_files);
    to.maybe(what.limits.memory_bytes);
    to.maybe(what.limits.file_bytes);
    to.maybe(what.limits.processes);
    to.maybe(seconds_of(what.limits.cpu_time));
    to.number(static_cast<std::uint64_t>(what.grace.count()));
    to.number(static_cast<std::uint64_t>(what.linger.count()));
    to.text(temp_directory);
    return std::move(to.out);
}

std::optional<order> decode_order(std::string_view text) {
    reader from(text);
    order out;
    command& what = out.what;
    what.argv = from.list();
    what.environment = from.list();
    what.uid = from.maybe<uid_t>();
    what.gid = from.maybe<gid_t>();
    what.limits.open_files = from.number();
    what.limits.memory_bytes = from.maybe<std::uint64_t>();
    what.limits.file_bytes = from.maybe<std::uint64_t>();
    what.limits.processes = from.maybe<std::uint64_t>();
    what.limits.cpu_time = from.maybe<std::chrono::seconds>();
    what.grace = std::chrono::milliseconds{from.number()};
    what.linger = std::chrono::milliseconds{from.number()};
    out.temp_directory = from.text();
    if (!from.good || what.argv.empty()) return std::nullopt;
    return out;
}

descriptor make_memory_file(const char* name, std::string_view content) {
    descriptor file(::memfd_create(name, MFD_CLOEXEC));
    if (!file) return file;
    for (auto rest = content; !rest.empty();) {
        const auto n = ::write(file.get(), rest.data(), rest.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return descriptor{};
        rest.remove_prefix(static_cast<std::size_t>(n));
    }
    if (!content.empty()) ::lseek(file.get(), 0, SEEK_SET);
    return file;
}

std::optional<std::string> read_memory_file(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return std::nullopt;
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    const auto n = ::pread(fd, text.data(), text.size(), 0);
    if (n != status.st_size) return std::nullopt;
    return text;
}

bool send_message(int socket, const message& what, std::span<const int> fds) {
    message copy = what;
    iovec part{.iov_base = &copy, .iov_len = sizeof copy};
    msghdr head{};
    head.msg_iov = &part;
    head.msg_iovlen = 1;
    control_buffer control;
    if (!fds.empty()) {
        head.msg_control = control.bytes.data();
        head.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* const first = CMSG_FIRSTHDR(&head);
        first->cmsg_level = SOL_SOCKET;
        first->cmsg_type = SCM_RIGHTS;
        first->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(first), fds.data(), fds.size_bytes());
    }
    for (;;) {
        const auto n = ::sendmsg(socket, &head, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        return n == static_cast<ssize_t>(sizeof copy);
    }
}

std::optional<message> receive_message(int socket, std::vector<descriptor>& fds) {
    message out;
    iovec part{.iov_base = &out, .iov_len = sizeof out};
    control_buffer control;
    msghdr head{};
    head.msg_iov = &part;
    head.msg_iovlen = 1;
    head.msg_control = control.bytes.data();
    head.msg_controllen = control.bytes.size();
    ssize_t n = 0;
    errno = 0;  // the end is no error, and leaves it as it is
    do {
        n = ::recvmsg(socket, &head, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) return std::nullopt;
    for (cmsghdr* each = CMSG_FIRSTHDR(&head); each != nullptr; each = CMSG_NXTHDR(&head, each)) {
        if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
        const auto count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(each) + i * sizeof fd, sizeof fd);
            const descriptor low(fd);
            descriptor high(::fcntl(fd, F_DUPFD_CLOEXEC, 10));
            if (high) fds.push_back(std::move(high));
        }
    }
    if (n != static_cast<ssize_t>(sizeof out)) return std::nullopt;
    return out;
}

}  // namespace sluice::process
