#include "server/http/api/patience.hpp"

#include "proto/limits.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace sluice::http {

result<std::chrono::seconds> read_patience(const request& r) {
    const auto text = r.field("ojs-block-timeout");
    if (text.empty()) return std::chrono::seconds{0};
    std::uint64_t seconds = 0;
    const auto* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, seconds);
    if (read.ec != std::errc{} || read.ptr != end)
        return error(errc::invalid_request, "OJS-Block-Timeout must be a whole number of seconds.",
                     R"("field":"OJS-Block-Timeout")");
    constexpr auto most = std::chrono::duration_cast<std::chrono::seconds>(limits::wait_max);
    return std::chrono::seconds(std::min<std::uint64_t>(seconds, most.count()));
}

bool asks_no_wait(const request& r) {
    return r.field("prefer").empty() && r.field("ojs-block-timeout").empty();
}

}  // namespace sluice::http
