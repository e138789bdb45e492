#include "server/worker/handlers/http/reply_rules.hpp"

#include <time.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <string>

namespace sluice::worker::push {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

milliseconds bounded(seconds wait) {
    return std::clamp<milliseconds>(wait, milliseconds::zero(), retry_after_max);
}

/// The names of days and months are English: no program of ours calls setlocale.
std::optional<std::chrono::sys_seconds> parse_http_date(const std::string& text) {
    // IMF-fixdate, RFC 850, asctime
    constexpr std::array<const char*, 3> forms{"%a, %d %b %Y %H:%M:%S GMT",
                                               "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"};
    for (const char* form : forms) {
        std::tm parts{};
        const char* end = ::strptime(text.c_str(), form, &parts);
        if (end == nullptr || *end != '\0') continue;
        return std::chrono::sys_seconds{seconds{::timegm(&parts)}};
    }
    return std::nullopt;
}

}  // namespace

verdict judge(unsigned status, std::string_view job_lease, std::string_view own_lease) {
    if (status == 202 && !job_lease.empty())
        return job_lease == own_lease ? verdict::delegate : verdict::foreign_lease;
    if (status >= 200 && status < 300) return verdict::complete;
    if (status >= 300 && status < 400) return verdict::redirect_refused;
    if (status == 410) return verdict::gone;
    if (status == 429 || status == 502 || status == 503 || status == 504) return verdict::slow_down;
    return verdict::fail;
}

std::optional<milliseconds> parse_retry_after(std::string_view text, timestamp now) {
    if (text.empty() || text.size() > 64) return std::nullopt;
    const bool digits = text.find_first_not_of("0123456789") == std::string_view::npos;
    if (digits) {
        if (text.size() > 9) return retry_after_max;
        return bounded(seconds{std::stol(std::string(text))});
    }
    const auto at = parse_http_date(std::string(text));
    if (!at) return std::nullopt;
    return bounded(*at - std::chrono::floor<seconds>(now));
}

}  // namespace sluice::worker::push
