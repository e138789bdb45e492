#include "client/event_stream_reader.hpp"

#include <utility>

namespace sluice::client {

bool event_stream_reader::feed(std::string_view bytes) {
    while (!bytes.empty() && !broken_) {
        if (std::exchange(after_return_, false) && bytes.front() == '\n') {
            bytes.remove_prefix(1);
            continue;
        }
        const auto end = bytes.find_first_of("\r\n");
        const auto part = bytes.substr(0, end);
        if (part.size() > bytes_max - line_.size()) {
            broken_ = true;
            break;
        }
        line_ += part;
        if (end == std::string_view::npos) break;
        after_return_ = bytes[end] == '\r';
        bytes.remove_prefix(end + 1);
        end_line();
    }
    return !broken_;
}

std::optional<stream_message> event_stream_reader::next() {
    if (whole_.empty()) return std::nullopt;
    auto message = std::move(whole_.front());
    whole_.pop_front();
    return message;
}

void event_stream_reader::restart() {
    event_stream_reader fresh;
    fresh.id_ = fresh.last_id_ = std::move(last_id_);
    *this = std::move(fresh);
}

void event_stream_reader::end_line() {
    std::string_view line = line_;
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (std::exchange(first_line_, false) && line.starts_with(byte_order_mark)) {
        line.remove_prefix(byte_order_mark.size());
    }
    if (line.empty()) {
        end_event();
    } else if (const auto colon = line.find(':'); colon == std::string_view::npos) {
        take_field(line, {});
    } else {
        auto value = line.substr(colon + 1);
        if (value.starts_with(' ')) value.remove_prefix(1);
        take_field(line.substr(0, colon), value);
    }
    line_.clear();
}

// A comment is a field without a name.
void event_stream_reader::take_field(std::string_view name, std::string_view value) {
    if (name == "event") type_ = value;
    if (name == "id" && value.find('\0') == std::string_view::npos) id_ = value;
    if (name != "data") return;
    if (value.size() + 1 > bytes_max - data_.size()) {
        broken_ = true;
        return;
    }
    data_ += value;
    data_ += '\n';
}

void event_stream_reader::end_event() {
    last_id_ = id_;
    if (!data_.empty()) {
        data_.pop_back();
        stream_message message{.id = id_, .data = std::move(data_)};
        if (!type_.empty()) message.type = std::move(type_);
        whole_.push_back(std::move(message));
    }
    type_.clear();
    data_.clear();
}

}  // namespace sluice::client
