#include "client/cli/command_line.hpp"

#include "client/cli/commands.hpp"
#include "client/cli/help.hpp"
#include "client/cli/text.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace sluice::cli {
namespace {

constexpr auto root_examples =
    "  sluice produce -n 20 --interval 0.5s..1.5s --pause 0.25s..0.75s\n"
    "  sluice job list --state active\n"
    "  sluice health --ready\n";

class help_formatter : public CLI::FormatterBase {
public:
    std::string make_help(const CLI::App* command, std::string, CLI::AppFormatMode) const override {
        return render_help(*command);
    }
};

const CLI::App* deepest(const CLI::App* command) {
    const auto chosen = command->get_subcommands();
    return chosen.empty() ? command : deepest(chosen.front());
}

std::string typed_name(const CLI::App* command) {
    const CLI::App* parent = command->get_parent();
    return parent == nullptr ? command->get_name() : typed_name(parent) + " " + command->get_name();
}

void collect_options(const CLI::App* command, std::vector<std::string>& names) {
    for (const auto* option : command->get_options()) {
        for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    }
    if (command->get_parent() != nullptr) collect_options(command->get_parent(), names);
}

std::vector<std::string> command_names(const CLI::App* command) {
    std::vector<std::string> names;
    for (const auto* child : command->get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(child->get_name());
    }
    return names;
}

/// `names` stand in the order of the enumeration.
template <class Enum>
bool take_one_of(const std::string& text, const std::vector<std::string>& names, Enum& target) {
    const auto at = std::find(names.begin(), names.end(), text);
    if (at == names.end()) return false;
    target = static_cast<Enum>(at - names.begin());
    return true;
}

void add_global_options(command_line& line) {
    auto& root = line.root;
    auto& globals = line.globals;
    root.add_option("-u,--url", globals.url,
                    "Server, http://127.0.0.1:8080 by default (SLUICE_URL)")
        ->envname("SLUICE_URL")
        ->type_name("URL");
    root.add_option("--token-file", globals.token_file,
                    "File with the bearer token (SLUICE_TOKEN_FILE)")
        ->envname("SLUICE_TOKEN_FILE")
        ->type_name("FILE");
    add_value(root, "--timeout", "TIME", "Longest wait for an answer, 30s by default",
              "a duration such as 10s", [&](const std::string& text) {
                  const auto time = parse_duration(text);
                  if (!time || time->count() == 0) return false;
                  globals.timeout = *time;
                  return true;
              });
    add_value(root, "-o,--output", "FORMAT", "table, json, jsonl or plain (tab-separated)",
              "one of table, json, jsonl, plain", [&](const std::string& text) {
                  return take_one_of(text, {"table", "json", "jsonl", "plain"}, globals.output);
              });
    root.add_flag_callback(
        "--json", [&] { globals.output = output_format::json; }, "The same as -o json");
    add_value(root, "--color", "WHEN", "auto, always or never", "one of auto, always, never",
              [&](const std::string& text) {
                  return take_one_of(text, {"auto", "always", "never"}, globals.colour);
              });
    root.add_flag("--quiet", globals.quiet, "Say nothing but data and errors");
    root.add_flag("--no-progress", globals.no_progress, "No lines or bars while it runs");
    for (auto* option : root.get_options()) option->group(everywhere);
}

/// `sluice help a b` is `sluice a b --help`.
void turn_help_into_option(std::vector<std::string>& arguments) {
    if (arguments.empty() || arguments.front() != "help") return;
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
}

}  // namespace

command_line::command_line() : root("Talk to a Sluice job queue server.", "sluice") {
    root.footer(root_examples);
    root.formatter(std::make_shared<help_formatter>());
    root.set_help_flag("-h,--help", "Show help, also for one command");
    root.require_subcommand(0, 1);
    root.fallthrough();
    root.add_flag_callback(
        "--version", [this] { chosen = [](const context& ctx) { return show_version(ctx); }; },
        "Show the version");
    add_global_options(*this);
    add_produce_command(*this);
    add_bench_command(*this);
    add_work_command(*this);
    add_demo_command(*this);
    add_job_commands(*this);
    add_server_commands(*this);
    add_top_command(*this);
    add_cron_commands(*this);
}

exit_code command_line::read(std::vector<std::string> arguments) {
    if (arguments.size() == 2 && arguments[0] == "help" && !help_topic(arguments[1]).empty()) {
        print(help_topic(arguments[1]));
        return exit_code::ok;
    }
    turn_help_into_option(arguments);
    std::reverse(arguments.begin(), arguments.end());  // the parser takes them from the back
    try {
        root.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
        const auto unknown = root.remaining(true);
        const bool only_help = std::all_of(unknown.begin(), unknown.end(),
                                           [](const auto& each) { return each.starts_with('-'); });
        if (!only_help) return complain_about(CLI::ExtrasError{unknown});
        print(render_help(*deepest(&root)));
        return exit_code::ok;
    } catch (const CLI::ParseError& problem) {
        return complain_about(problem);
    }
    if (chosen) return exit_code::ok;
    const auto* command = deepest(&root);
    std::string names;
    for (const auto& name : command_names(command)) names += (names.empty() ? "" : ", ") + name;
    tell(typed_name(command) + " needs a command: " + names + ".",
         "See: " + typed_name(command) + " --help");
    return exit_code::usage;
}

exit_code command_line::complain_about(const CLI::ParseError& problem) {
    const auto* command = deepest(&root);
    const std::string help = "See: " + typed_name(command) + " --help";
    const auto unknown = root.remaining(true);
    if (unknown.empty()) {
        tell(printable(problem.what()), help);
        return exit_code::usage;
    }
    const std::string& word = unknown.front();
    std::vector<std::string> candidates = command_names(command);
    std::string what = "unexpected argument \"" + printable(word) + "\"";
    if (word.starts_with('-')) {
        candidates.clear();
        collect_options(command, candidates);
        what = "unknown option " + printable(word.substr(0, word.find('=')));
    } else if (!candidates.empty()) {
        what = "unknown command \"" + typed_name(command) + " " + printable(word) + "\"";
    }
    const auto meant = nearest(word.substr(0, word.find('=')), candidates);
    if (meant) {
        const bool option = meant->starts_with('-');
        what += ". Did you mean " + (option ? *meant : typed_name(command) + " " + *meant) + "?";
    }
    tell(what, help);
    return exit_code::usage;
}

void command_line::tell(std::string_view what, std::string_view next) const {
    context ctx;
    ctx.err = probe_terminal(STDERR_FILENO, globals.colour);
    complain(ctx, what, next);
}

exit_code run_command_line(std::vector<std::string> arguments) {
    command_line line;
    const exit_code code = line.read(std::move(arguments));
    if (code != exit_code::ok || !line.chosen) return code;
    context ctx;
    ctx.options = line.globals;
    if (const auto wrong = prepare(ctx)) {
        complain(ctx, wrong->text, "See: sluice help environment");
        return exit_code::usage;
    }
    return line.chosen(ctx);
}

CLI::App* add_command(CLI::App& parent, std::string name, std::string description,
                      std::string examples) {
    auto* command = parent.add_subcommand(std::move(name), std::move(description));
    command->footer(std::move(examples));
    return command;
}

CLI::Option* add_value(CLI::App& command, const std::string& name, std::string type,
                       std::string description, std::string expected,
                       std::function<bool(const std::string&)> accept) {
    const std::string shown = name.substr(name.find("--"));
    const auto take = [shown, expected = std::move(expected),
                       accept = std::move(accept)](const std::string& text) {
        if (accept(text)) return;
        throw CLI::ValidationError(shown, "\"" + text + "\" is not " + expected);
    };
    return command.add_option_function<std::string>(name, take, std::move(description))
        ->type_name(std::move(type));
}

}  // namespace sluice::cli
