#include "server/config/command_line.hpp"

#include <fmt/format.h>
#include <sysexits.h>
#include <CLI/CLI.hpp>

#include <cstdlib>
#include <memory>
#include <vector>

namespace sluice::config {

namespace {

constexpr std::string_view footer = R"(
Examples:
  sluiced
      serve http://127.0.0.1:8080, journal in ./sluice-data
  sluiced --listen 127.0.0.1:0 --data /tmp/q
      any free port, another directory
  SLUICE_TOKEN_FILE=/etc/sluice/token sluiced --listen 0.0.0.0:8080
  sluiced --config sluiced.toml --check-config

Settings come from --config FILE, then SLUICE_SECTION_KEY in the environment,
then flags; the later overrides the earlier. Every flag of a section is also a
key of the file and a variable: --http-listen, listen in [http],
SLUICE_HTTP_LISTEN.

Exit codes: 0 ended on request, 64 wrong usage, 65 damaged data, 69 cannot
listen, 73 cannot create, 74 input/output error, 75 data directory in use,
78 wrong configuration, 130 and 143 ended by a second signal.)";

/// CLI11's layout, with descriptions that stay within 80 columns.
class narrow_formatter : public CLI::Formatter {
public:
    std::string make_option_desc(const CLI::Option* option) const override {
        const auto room = 79 - get_column_width();
        std::string lines;
        std::size_t column = 0;
        for (const auto& word : CLI::detail::split(option->get_description(), ' ')) {
            const bool fits = column + 1 + word.size() <= room;
            if (column > 0) lines += fits ? ' ' : '\n';
            column = word.size() + (column > 0 && fits ? column + 1 : 0);
            lines += word;
        }
        return lines;
    }
};

/// Adds the flags of one setting; what is given goes to `value`.
CLI::Option* add_setting(CLI::App& app, const setting& s, std::string& value) {
    const auto names = s.alias.empty() || s.alias == flag_of(s)
                           ? flag_of(s)
                           : fmt::format("{},{}", s.alias, flag_of(s));
    const auto doc = fmt::format("{} Default {}.", s.doc, s.write(config{}));
    auto* option = s.type == boolean_codec::type ? app.add_flag(names, value, doc)
                                                 : app.add_option(names, value, doc);
    option->group(fmt::format("[{}]", section_of(s)));
    if (s.type != boolean_codec::type) option->type_name(std::string{s.type});
    return option;
}

}  // namespace

command_line parse_command_line(int argc, const char* const* argv) {
    command_line result;
    CLI::App app{"sluiced runs the Sluice job queue.", "sluiced"};
    app.formatter(std::make_shared<narrow_formatter>());
    app.footer(std::string{footer});
    app.set_version_flag("--version", std::string{"sluiced "} + SLUICE_VERSION);
    std::string file;
    if (const char* from_environment = std::getenv("SLUICE_CONFIG")) file = from_environment;
    app.add_option("--config", file, "Read settings from this TOML file (also SLUICE_CONFIG).")
        ->type_name("FILE");
    bool print = false;
    bool check = false;
    bool reference = false;
    app.add_flag("--print-config", print, "Print every setting and where it comes from, and end.");
    app.add_flag("--check-config", check, "Say what is wrong with the settings, and end.");
    app.add_flag("--print-config-reference", reference, "Print all settings as Markdown, and end.");
    app.add_option("--salvage", result.salvage_to,
                   "Copy what can be read of a damaged journal in --data into this new directory, "
                   "report the loss, and end.")
        ->type_name("DIR");

    const auto settings = all_settings();
    std::vector<std::string> values(settings.size());
    std::vector<CLI::Option*> options;
    for (std::size_t i = 0; i < settings.size(); ++i)
        options.push_back(add_setting(app, settings[i], values[i]));

    using action = command_line::action;
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& e) {
        result.what = action::say;
        result.text = dynamic_cast<const CLI::CallForHelp*>(&e) != nullptr
                          ? app.help()
                          : std::string{e.what()} + "\n";
        return result;
    } catch (const CLI::ParseError& e) {
        return {.what = action::say,
                .salvage_to = {},
                .from = {},
                .text = fmt::format("sluiced: {}\nTry: sluiced --help\n", e.what()),
                .exit_code = EX_USAGE};
    }
    if (!file.empty()) result.from.file = file;
    for (std::size_t i = 0; i < settings.size(); ++i) {
        if (options[i]->count() > 0) result.from.flags.emplace_back(&settings[i], values[i]);
    }
    result.what = reference                    ? action::print_reference
                  : check                      ? action::check_config
                  : print                      ? action::print_config
                  : !result.salvage_to.empty() ? action::salvage
                                               : action::run;
    return result;
}

}  // namespace sluice::config
