#include "client/cli/bench/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace sluice::cli::bench {
namespace {

constexpr double width = 840;
constexpr double height = 440;
constexpr double left = 84;
constexpr double right = 118;
constexpr double top = 48;
constexpr double bottom = 58;
constexpr double least_distance = 14;  // between the names of lines

// Told apart by those who see colours differently (Okabe and Ito), and by their dashes.
constexpr std::array<std::string_view, 4> colours{"#0072b2", "#d55e00", "#cc79a7", "#009e73"};

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else
            out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return out;
}

/// What the axes span.
struct frame {
    double x_from = 0;
    double x_to = 1;
    double y_from = 1e5;  ///< in nanoseconds
    double y_to = 1e8;

    double x(double value) const {
        return left + (value - x_from) / (x_to - x_from) * (width - left - right);
    }
    double y(double value) const {
        const double share = std::log(std::max(value, y_from) / y_from) / std::log(y_to / y_from);
        return height - bottom - share * (height - top - bottom);
    }
};

/// 1, 2 or 5 times a power of ten, so that there are about `wanted` steps.
double step_for(double range, double wanted) {
    const double rough = range / wanted;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= rough) return factor * power;
    }
    return 10 * power;
}

frame frame_of(const chart& what) {
    double lowest = std::numeric_limits<double>::max();
    double highest = 0;
    double farthest = 0;
    const auto take = [&](nanoseconds y) {
        if (y.count() <= 0) return;
        lowest = std::min(lowest, static_cast<double>(y.count()));
        highest = std::max(highest, static_cast<double>(y.count()));
    };
    for (const auto& line : what.lines) {
        for (const auto& point : line.points) {
            take(point.y);
            farthest = std::max(farthest, point.x);
        }
    }
    for (const auto& mark : what.marks) take(mark.y);
    frame f;
    if (highest > 0) {
        f.y_from = std::pow(10, std::floor(std::log10(lowest)));
        f.y_to = std::pow(10, std::ceil(std::log10(highest * 1.05)));
    }
    if (farthest > 0) {
        const double step = step_for(farthest, 8);
        f.x_to = std::ceil(farthest / step) * step;
    }
    return f;
}

/// "20 ms": whole numbers, unlike figures in tables.
std::string axis_latency(double ns) {
    if (ns >= 1e9) return fmt::format("{:g} s", ns / 1e9);
    if (ns >= 1e6) return fmt::format("{:g} ms", ns / 1e6);
    if (ns >= 1e3) return fmt::format("{:g} µs", ns / 1e3);
    return fmt::format("{:g} ns", ns);
}

std::string axis_number(double value) {
    return value >= 1000 ? format_count(static_cast<std::uint64_t>(std::llround(value)))
                         : fmt::format("{:g}", value);
}

std::string text_at(double x, double y, std::string_view anchor, std::string_view fill,
                    std::string_view text) {
    return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" fill=\"{}\">{}</text>\n",
                       x, y, anchor, fill, escaped(text));
}

std::string rule(double x1, double y1, double x2, double y2, std::string_view look) {
    return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x1,
                       y1, x2, y2, look);
}

std::string draw_axes(const chart& what, const frame& f) {
    std::string out;
    const double decades = std::log10(f.y_to / f.y_from);
    for (double power = f.y_from; power < f.y_to * 1.001; power *= 10) {
        for (const double factor : {1.0, 2.0, 5.0}) {
            const double value = power * factor;
            if (value > f.y_to * 1.001) break;
            const bool named = factor == 1 || decades < 2.5;
            if (!named && decades > 4.5) continue;
            out += rule(left, f.y(value), width - right, f.y(value),
                        factor == 1 ? "stroke=\"#c8c8c8\"" : "stroke=\"#ececec\"");
            if (named) out += text_at(left - 8, f.y(value) + 4, "end", "#333", axis_latency(value));
        }
    }
    const double step = step_for(f.x_to - f.x_from, 8);
    for (double value = f.x_from; value < f.x_to + step / 2; value += step) {
        out +=
            rule(f.x(value), height - bottom, f.x(value), height - bottom + 5, "stroke=\"#333\"");
        out += text_at(f.x(value), height - bottom + 20, "middle", "#333", axis_number(value));
    }
    out += rule(left, height - bottom, width - right, height - bottom, "stroke=\"#333\"");
    out += rule(left, top, left, height - bottom, "stroke=\"#333\"");
    out += text_at((left + width - right) / 2, height - 14, "middle", "#333", what.x_title);
    out += fmt::format(
        "<text transform=\"translate(18 {:.1f}) rotate(-90)\" "
        "text-anchor=\"middle\" fill=\"#333\">{}</text>\n",
        (top + height - bottom) / 2, escaped(what.y_title));
    return out;
}

std::string draw_line(const chart::line& line, const frame& f, std::size_t number) {
    const auto colour = colours[number % colours.size()];
    std::string points;
    std::string dots;
    for (const auto& point : line.points) {
        const double x = f.x(point.x);
        const double y = f.y(static_cast<double>(point.y.count()));
        points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ", x, y);
        if (line.points.size() <= 40) {
            dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x, y,
                                colour);
        }
    }
    static constexpr std::array<std::string_view, 4> dashes{"none", "7 3", "2 3", "9 3 2 3"};
    return fmt::format(
               "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" "
               "stroke-dasharray=\"{}\"/>\n",
               points, colour, dashes[number % dashes.size()]) +
           dots;
}

/// Each beside the end of its line, moved apart where they would overlap.
std::string draw_names(const chart& what, const frame& f) {
    struct name {
        double y;
        std::string text;
        std::string_view colour;
    };
    std::vector<name> names;
    for (std::size_t i = 0; i < what.lines.size(); ++i) {
        const auto& line = what.lines[i];
        if (line.points.empty()) continue;
        names.push_back({f.y(static_cast<double>(line.points.back().y.count())), line.name,
                         colours[i % colours.size()]});
    }
    for (const auto& mark : what.marks) {
        names.push_back({f.y(static_cast<double>(mark.y.count())), mark.name, "#555"});
    }
    std::stable_sort(names.begin(), names.end(),
                     [](const auto& a, const auto& b) { return a.y < b.y; });
    std::string out;
    double free_from = top;
    for (auto& each : names) {
        each.y = std::max(each.y, free_from);
        free_from = each.y + least_distance;
        out += text_at(width - right + 8, each.y + 4, "start", each.colour, each.text);
    }
    return out;
}

}  // namespace

std::string draw_svg(const chart& what) {
    const frame f = frame_of(what);
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
        "viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"12\">\n"
        "<title>{2}</title>\n"
        "<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n"
        "<text x=\"{3}\" y=\"26\" font-size=\"15\" fill=\"#111\">{2}</text>\n",
        width, height, escaped(what.title), left);
    out += draw_axes(what, f);
    for (const auto& mark : what.marks) {
        const double y = f.y(static_cast<double>(mark.y.count()));
        out += rule(left, y, width - right, y, "stroke=\"#555\" stroke-dasharray=\"4 4\"");
    }
    for (std::size_t i = 0; i < what.lines.size(); ++i) out += draw_line(what.lines[i], f, i);
    return out + draw_names(what, f) + "</svg>\n";
}

}  // namespace sluice::cli::bench
