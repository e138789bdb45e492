#include "server/http/api/admin_page.hpp"

namespace sluice::http {
namespace {

constexpr std::uint64_t page_default = 20;
constexpr std::uint64_t page_max = 1000;
/// No list is longer; keeps `offset` far from an overflow.
constexpr std::uint64_t number_max = UINT32_MAX;

}  // namespace

result<admin_page> read_admin_page(const request& r) {
    const auto number = number_parameter(r, "page", 1, number_max);
    if (!number) return number.error();
    if (*number == 0) return bad_parameter("page", "at least 1");
    const auto size = number_parameter(r, "per_page", page_default, page_max);
    if (!size) return size.error();
    if (*size == 0) return bad_parameter("per_page", "at least 1");
    return admin_page{.number = *number, .size = *size};
}

void append_pagination(json_writer& out, const admin_page& page, std::uint64_t total,
                       bool has_more) {
    out.key("total").integer(static_cast<std::int64_t>(total));
    out.key("page").integer(static_cast<std::int64_t>(page.number));
    out.key("per_page").integer(static_cast<std::int64_t>(page.size));
    out.key("has_more").boolean(has_more);
}

}  // namespace sluice::http
