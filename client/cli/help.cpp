#include "client/cli/help.hpp"

#include "client/cli/table.hpp"
#include "client/cli/text.hpp"

#include <array>
#include <vector>

namespace sluice::cli {
namespace {

constexpr std::size_t width = 80;
constexpr std::size_t name_columns = 27;

std::string entry(const std::string& name, std::string_view description) {
    std::string head = "  " + name;
    if (head.size() + 2 > name_columns) {
        head += "\n" + std::string(name_columns, ' ');
    } else {
        head = pad(head, name_columns, align::left);
    }
    return head + wrap_words(description, name_columns, width) + "\n";
}

std::string option_name(const CLI::Option& option) {
    std::string name;
    for (const auto& letter : option.get_snames()) name += "-" + letter + ", ";
    if (name.empty()) name = "    ";
    for (const auto& word : option.get_lnames()) name += "--" + word;
    if (option.get_lnames().empty()) name.resize(name.size() - 2);
    if (option.get_items_expected_max() > 0 && !option.get_type_name().empty()) {
        name += " " + option.get_type_name();
    }
    return name;
}

std::string full_name(const CLI::App& command) {
    const CLI::App* parent = command.get_parent();
    return parent == nullptr ? command.get_name() : full_name(*parent) + " " + command.get_name();
}

std::string usage_of(const CLI::App& command) {
    std::string line = full_name(command);
    if (!command.get_subcommands([](const CLI::App*) { return true; }).empty()) {
        return line + " COMMAND [options]";
    }
    for (const auto* option : command.get_options()) {
        if (!option->get_positional()) continue;
        const bool many = option->get_items_expected_max() > 1;
        const std::string name = option->get_name(true) + (many ? "..." : "");
        line += option->get_required() ? " " + name : " [" + name + "]";
    }
    return line + " [options]";
}

std::string group_of(const CLI::App& command, std::string_view group) {
    std::string out;
    for (const auto* option : command.get_options()) {
        if (option->get_group() != group || option->get_positional()) continue;
        // Help stands with what is the same everywhere.
        if (option == command.get_help_ptr() && command.get_parent() != nullptr) continue;
        out += entry(option_name(*option), option->get_description());
    }
    return out.empty() ? out : "\n" + std::string{group} + ":\n" + out;
}

const CLI::App& root_of(const CLI::App& command) {
    return command.get_parent() == nullptr ? command : root_of(*command.get_parent());
}

struct topic {
    std::string_view name;
    std::string_view text;
};

constexpr std::array<topic, 2> topics{{
    {"exit-codes",
     R"(Exit codes of sluice:

    0  it worked
    1  the operation, or the job or redrive waited for, failed
    2  the command line, or a value in it, is wrong
    3  the server cannot be reached, or the connection broke
    4  there is no such job, queue, dead letter, redrive or cron job
    5  denied: no token, or one that may not do this
    6  conflict: the state of the job does not allow it
    7  an objective of a benchmark was missed
    8  partial: some jobs went well and some did not
  124  no answer, or no end of the job, in time
  130  interrupted before the work was done
)"},
    {"environment",
     R"(Environment of sluice (an option given on the command line wins):

  SLUICE_URL         the server, as --url
  SLUICE_TOKEN_FILE  file that holds the bearer token, as --token-file
  SLUICE_TOKEN       the bearer token itself, where a file is not possible
  NO_COLOR           when set to anything: no colours
  COLUMNS            width of the output where it is not a terminal
  LC_ALL, LANG       bars and signs are plain ASCII unless the locale is UTF-8
)"},
}};

}  // namespace

std::string render_help(const CLI::App& command) {
    std::string out = command.get_description() + "\n\nUsage: " + usage_of(command) + "\n";
    if (const auto examples = command.get_footer(); !examples.empty()) {
        out += "\nExamples:\n" + examples;
    }
    const auto children = command.get_subcommands([](const CLI::App*) { return true; });
    if (!children.empty()) out += "\nCommands:\n";
    for (const auto* child : children) {
        out += entry(child->get_name(), child->get_description());
    }
    std::string arguments;
    for (const auto* option : command.get_options()) {
        if (!option->get_positional()) continue;
        arguments += entry(option->get_name(true), option->get_description());
    }
    if (!arguments.empty()) out += "\nArguments:\n" + arguments;
    out += group_of(command, own_options);
    out += group_of(root_of(command), everywhere);
    if (command.get_parent() == nullptr) {
        out += "\nMore: sluice COMMAND --help, sluice help exit-codes, sluice help environment\n";
    }
    return out;
}

std::string_view help_topic(std::string_view name) {
    for (const auto& each : topics) {
        if (each.name == name) return each.text;
    }
    return {};
}

}  // namespace sluice::cli
