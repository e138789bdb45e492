#include "client/cli/top/top_view.hpp"

#include "client/cli/text.hpp"
#include "client/cli/top/top_screen.hpp"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;

terminal term_of(std::size_t width) {
    terminal term;
    term.utf8 = true;
    term.width = width;
    return term;
}

top_row row_of(std::string name, std::uint64_t jobs) {
    top_row row;
    row.name = std::move(name);
    row.in = row.started = row.finished = jobs;
    row.available = jobs * 10;
    row.scheduled = jobs * 100;
    row.active = 12;
    row.workers = 2;
    row.oldest = waiting_line::age{125s, true};
    row.waiting.record(1200us);
    row.running.record(250ms);
    return row;
}

top_interval interval_of(std::vector<top_row> rows) {
    top_interval seen;
    seen.length = 2s;
    seen.queues = std::move(rows);
    for (const auto& row : seen.queues) seen.all.in += row.in;
    return seen;
}

top_scene scene() {
    top_scene s;
    s.url = "http://127.0.0.1:8080";
    s.at = timestamp{1'700'000'000s};
    return s;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    return text;
}

TEST(TopTable, ShowsEveryColumnWhereThereIsRoom) {
    const auto lines = render_top_table(interval_of({row_of("mail", 300)}), term_of(120), 10);
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(
        lines[0],
        "              jobs/s              backlog                       waiting       running");
    EXPECT_EQ(
        lines[1],
        "queue    in start  done fail avail sched retry active oldest    p50    p99    p50    "
        "p99 workers");
    EXPECT_EQ(lines[2],
              "mail    150   150   150    0 3,000 30.0k     0     12 >2m05s 1.20ms 1.20ms  250ms  "
              "250ms       2");
}

TEST(TopTable, LeavesOutWhatIsLeastNeededAtEightyColumns) {
    const auto lines = render_top_table(
        interval_of({row_of("notifications.eu-west-1", 300), row_of("m", 1)}), term_of(80), 10);
    ASSERT_EQ(lines.size(), 5U);
    EXPECT_EQ(lines[0],
              "                 jobs/s      backlog                    waiting       running");
    EXPECT_EQ(lines[1],
              "queue             in  done avail retry active oldest    p50    p99    p50    p99");
    EXPECT_EQ(lines[2],
              "notifications…   150   150 3,000     0     12 >2m05s 1.20ms 1.20ms  250ms  250ms");
    EXPECT_EQ(lines[4],
              "all              150     0     0     0      0      -      -      -      -      -");
}

TEST(TopTable, FitsIntoAnyWidth) {
    std::vector<top_row> rows;
    for (std::uint64_t n : {0ULL, 7ULL, 12'345ULL, 99'999'999'999ULL}) {
        rows.push_back(row_of(std::string(60, 'q') + std::to_string(n), n));
        rows.back().paused = n == 7;
    }
    const auto seen = interval_of(rows);
    for (std::size_t width = 40; width <= 200; ++width) {
        for (const auto& line : render_top_screen(scene(), seen, term_of(width), 50)) {
            ASSERT_LE(columns_of(line), width) << line;
        }
    }
}

TEST(TopScreen, ShowsTheFirstOfTwoHundredQueuesAndHowManyMoreThereAre) {
    std::vector<top_row> rows;
    for (int i = 0; i < 200; ++i) rows.push_back(row_of("queue-" + std::to_string(i), 1));
    const auto seen = interval_of(rows);
    const auto lines = render_top_screen(scene(), seen, term_of(80), 24);
    ASSERT_EQ(lines.size(), 24U);
    EXPECT_TRUE(lines[5].starts_with("queue-0 ")) << lines[5];
    EXPECT_TRUE(lines[22].starts_with("all ")) << lines[22];
    EXPECT_EQ(lines[23], "… 183 more");
    EXPECT_EQ(render_top_screen(scene(), seen, term_of(80), 1000).size(), 206U);
    EXPECT_EQ(render_top_screen(scene(), seen, term_of(80), 206).size(), 206U);
    for (std::size_t height = 1; height <= 210; ++height) {
        ASSERT_LE(render_top_screen(scene(), seen, term_of(80), height).size(), height);
    }
}

TEST(TopScreen, SaysWhatIsTheMatter) {
    auto s = scene();
    s.note = "connected again";
    const auto seen = interval_of({row_of("mail", 1)});
    const auto lines = render_top_screen(s, seen, term_of(80), 24);
    EXPECT_EQ(lines[0], "sluice top · http://127.0.0.1:8080 · every 1s · by waiting");
    EXPECT_EQ(lines[1], "1 queue · 0.5/s in · 0/s started · 0/s done · 0/s failed · 0 active");
    EXPECT_EQ(lines[2], "connected again");
    s.away = "cannot reach it\x1b[2J";
    EXPECT_EQ(render_top_screen(s, seen, term_of(80), 24)[2], "waiting: cannot reach it?[2J");
    EXPECT_EQ(render_top_screen(s, {}, term_of(80), 24).back(), "There are no queues yet.");
    s.settings.queues = {"x"};
    EXPECT_EQ(render_top_screen(s, {}, term_of(80), 24).back(), "There is no such queue yet.");
}

TEST(TopScreen, HasColoursOnlyWhereTheTerminalHas) {
    const auto seen = interval_of({row_of("mail", 1)});
    auto term = term_of(80);
    EXPECT_EQ(joined(render_top_screen(scene(), seen, term, 24)).find('\x1b'), std::string::npos);
    const auto plain = render_top_screen(scene(), seen, term, 24);
    term.colour = true;
    const auto coloured = render_top_screen(scene(), seen, term, 24);
    EXPECT_NE(joined(coloured).find("\x1b[33m"), std::string::npos);
    EXPECT_NE(joined(coloured).find("\x1b[36m"), std::string::npos);
    ASSERT_EQ(coloured.size(), plain.size());
}

TEST(TopScreen, GivesTheTerminalBackAsItWas) {
    std::string written;
    {
        top_screen screen{[&](std::string_view text) { written += text; }};
        screen.leave();
        EXPECT_EQ(written, "");
        screen.enter();
        EXPECT_EQ(written, "\x1b[?1049h\x1b[?25l\x1b[H\x1b[J");
        written.clear();
        screen.draw({"one", "two"});
        EXPECT_EQ(written, "\x1b[Hone\x1b[K\ntwo\x1b[K\x1b[J");
        written.clear();
    }
    EXPECT_EQ(written, "\x1b[?25h\x1b[?1049l");
}

TEST(TopLines, AlwaysHaveTheSameColumns) {
    auto row = row_of("mail", 3);
    row.paused = true;
    top_row idle;
    idle.name = "idle";
    const auto seen = interval_of({row, idle});
    EXPECT_EQ(
        render_top_lines(scene(), seen, true),
        "2023-11-14T22:13:20Z\tmail\t1.5\t1.5\t1.5\t0.0\t30\t300\t0\t12\t>125.0\t1.200\t1.200"
        "\t250.000\t250.000\t2\tpaused\n"
        "2023-11-14T22:13:20Z\tidle\t0.0\t0.0\t0.0\t0.0\t0\t0\t0\t0\t-\t-\t-\t-\t-\t0\tactive\n");
    const auto text = render_top_titles() + render_top_lines(scene(), seen, false);
    std::vector<std::size_t> last;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        last.push_back(text.rfind(' ', end) - at);
        at = end + 1;
    }
    EXPECT_EQ(last, (std::vector<std::size_t>{last[0], last[0], last[0]})) << text;
}

TEST(TopJson, IsOneObjectOfItsSchema) {
    auto seen = interval_of({row_of("mail", 3)});
    seen.gap = true;
    const auto text = render_top_json(scene(), seen);
    EXPECT_EQ(std::ranges::count(text, '\n'), 1);
    const auto object = nlohmann::json::parse(text);
    EXPECT_EQ(object["schema"], "sluice.top/1");
    EXPECT_EQ(object["time"], "2023-11-14T22:13:20.000000Z");
    EXPECT_EQ(object["interval_s"], 2);
    EXPECT_EQ(object["gap"], true);
    EXPECT_EQ(object["connected"], true);
    EXPECT_FALSE(object.contains("away"));
    ASSERT_EQ(object["queues"].size(), 1U);
    const auto& mail = object["queues"][0];
    EXPECT_EQ(mail["name"], "mail");
    EXPECT_EQ(mail["per_second"]["in"], 1.5);
    EXPECT_EQ(mail["backlog"]["scheduled"], 300);
    EXPECT_EQ(mail["oldest_waiting_s"], 125);
    EXPECT_EQ(mail["oldest_at_least"], true);
    EXPECT_EQ(mail["waiting_us"]["p99"], 1200);
    EXPECT_EQ(mail["running_us"]["count"], 1);
    EXPECT_TRUE(object["all"]["waiting_us"].is_null());
    auto away = scene();
    away.away = "cannot reach it";
    const auto waiting = nlohmann::json::parse(render_top_json(away, {}));
    EXPECT_EQ(waiting["connected"], false);
    EXPECT_EQ(waiting["away"], "cannot reach it");
}

TEST(TopTable, TellsAgesBriefly) {
    EXPECT_EQ(format_age(0ns), "0.0s");
    EXPECT_EQ(format_age(9'949ms), "9.9s");
    EXPECT_EQ(format_age(59s), "59s");
    EXPECT_EQ(format_age(192s), "3m12s");
    EXPECT_EQ(format_age(7500s), "2h05m");
    EXPECT_EQ(format_age(275'000s), "3d04h");
}

}  // namespace
}  // namespace sluice::cli
