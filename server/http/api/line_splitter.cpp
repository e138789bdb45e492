#include "server/http/api/line_splitter.hpp"

#include <utility>

namespace sluice::http {

void line_splitter::add(std::string_view bytes) {
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
    buffer_ += bytes;
}

void line_splitter::finish() {
    if (dropping_ || held() > 0) add("\n");
}

std::optional<line_splitter::line> line_splitter::next() {
    for (;;) {
        const auto end = buffer_.find('\n', scanned_);
        if (end == std::string::npos) {
            scanned_ = buffer_.size();
            if (held() > line_bytes_max_) drop(errc::too_large);
            return std::nullopt;
        }
        line found{++number_, std::string_view(buffer_).substr(begin_, end - begin_), {}};
        begin_ = scanned_ = end + 1;
        if (found.text.size() > line_bytes_max_) dropping_ = errc::too_large;
        if (dropping_) {
            found.text = {};
            found.dropped = std::exchange(dropping_, std::nullopt);
            return found;
        }
        if (found.text.ends_with('\r')) found.text.remove_suffix(1);
        if (found.text.find_first_not_of(" \t") != std::string_view::npos) return found;
    }
}

void line_splitter::drop(errc why) {
    if (!dropping_) dropping_ = why;
    buffer_.clear();
    begin_ = scanned_ = 0;
}

}  // namespace sluice::http
