#pragma once

#include "proto/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::http {

/// Cuts a stream of bytes into lines, which end with LF or CR LF. Blank ones are counted and left
/// out.
class line_splitter {
public:
    explicit line_splitter(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

    struct line {
        std::uint64_t number = 0;     ///< from 1
        std::string_view text;        ///< until the next call of anything
        std::optional<errc> dropped;  ///< why there is no text
    };

    void add(std::string_view bytes);
    /// No more will come: what is left is a line as well.
    void finish();
    /// The next whole line; nothing: more bytes are needed.
    std::optional<line> next();
    /// What has come of the line that is not whole is let go, and so is the rest of it.
    void drop(errc why);

    /// Bytes that are kept for a line that is not whole. Call when `next` gives nothing.
    std::size_t held() const { return buffer_.size() - begin_; }

private:
    std::size_t line_bytes_max_;
    std::string buffer_;
    std::size_t begin_ = 0;    ///< of the first line that was not given
    std::size_t scanned_ = 0;  ///< up to here no line ends
    std::uint64_t number_ = 0;
    std::optional<errc> dropping_;
};

}  // namespace sluice::http
