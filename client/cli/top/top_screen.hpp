#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

/// The whole terminal for a while: its other screen, on which lines are drawn over those before.
/// What was on the terminal is there again afterwards, the cursor too.
class top_screen {
public:
    using sink = std::function<void(std::string_view)>;

    explicit top_screen(sink write) : write_(std::move(write)) {}
    ~top_screen() { leave(); }
    top_screen(const top_screen&) = delete;
    top_screen& operator=(const top_screen&) = delete;

    void enter();
    void leave();
    /// No more lines than the screen has.
    void draw(const std::vector<std::string>& lines);

private:
    sink write_;
    bool entered_ = false;
};

/// Lines of the terminal behind a file descriptor, 24 where it does not tell.
std::size_t height_of_terminal(int descriptor);

}  // namespace sluice::cli
