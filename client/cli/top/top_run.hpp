#pragma once

#include "client/cli/context.hpp"
#include "client/cli/top/top_model.hpp"
#include "client/cli/top/top_screen.hpp"
#include "client/cli/top/top_view.hpp"
#include "client/client.hpp"
#include "client/event_stream.hpp"
#include "client/task_group.hpp"
#include "client/wakeup.hpp"

#include <boost/asio/signal_set.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace sluice::cli {

/// How the intervals are shown.
enum class top_output : std::uint8_t {
    screen,  ///< one over the other, on a terminal
    table,
    lines,
    tabs,
    json,
};

/// A terminal has the screen, unless it can move no cursor or one interval is all; what is no
/// terminal has lines.
top_output choose_top_output(const context& ctx, bool once, std::string_view terminal_type);

/// Follows the events on one connection and lists the queues on another, interval by interval.
class top_run {
public:
    top_run(asio::any_io_executor executor, const context& ctx, top_settings settings);

    /// Until a signal comes, the interval is over if it was to be one, or nothing helps any more.
    asio::awaitable<exit_code> run();

private:
    using clock = std::chrono::steady_clock;

    asio::awaitable<std::optional<client::failure>> begin();
    asio::awaitable<void> follow();
    asio::awaitable<void> come_back();
    asio::awaitable<void> show_intervals();
    asio::awaitable<void> watch_signals();

    void take(const std::vector<client::stream_news>& news);
    void end_interval(client::outcome<std::vector<client::queue_info>> listed);
    /// Sets or clears, with an empty `why`, one reason for hearing nothing.
    void set_away(std::string& which, std::string why);
    std::string away() const { return stream_away_.empty() ? listing_away_ : stream_away_; }
    /// True when it can only end.
    bool gives_up(const client::failure& f);
    void show();
    void draw();
    void stop();

    asio::any_io_executor executor_;
    const context& ctx_;
    const top_settings settings_;
    const top_output output_;
    top_model model_;
    client::client server_;
    client::event_stream events_;
    client::wakeup changed_;
    asio::signal_set signals_;
    top_screen screen_;
    top_scene scene_;
    top_interval seen_;
    std::string stream_away_;   ///< why there are no events; empty: there are
    std::string listing_away_;  ///< why there is no listing; empty: there is
    std::optional<client::failure> failure_;
    bool titles_shown_ = false;
    bool signalled_ = false;
    bool stopped_ = false;
    client::task_group helpers_;
};

}  // namespace sluice::cli
