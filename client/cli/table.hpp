#pragma once

#include "client/cli/terminal.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::cli {

enum class align : std::uint8_t { left, right };

struct column {
    std::string title;
    align side = align::left;
    bool shrinks = false;  ///< gives way when the terminal is too narrow
};

/// Rows under titles, as wide as their content. Where the terminal is too narrow, the gaps shrink
/// first, then the columns that may. Cells may hold text from anywhere: it is made safe to print.
class table {
public:
    explicit table(std::vector<column> columns) : columns_(std::move(columns)) {}

    void add(std::vector<std::string> cells);
    bool empty() const { return rows_.empty(); }

    std::string render(const terminal& term) const;
    /// Tab-separated cells without titles, for cut and awk.
    std::string render_plain() const;

private:
    struct layout {
        std::vector<std::size_t> widths;
        std::size_t gap = 2;  ///< blanks between columns
    };
    layout fit(const terminal& term) const;

    std::vector<column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

/// Text in a field of `columns` columns.
std::string pad(std::string_view text, std::size_t columns, align side);

}  // namespace sluice::cli
