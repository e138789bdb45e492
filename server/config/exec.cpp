#include "server/config/exec.hpp"

#include "server/config/values.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::config {

namespace {

using worker::exec_command;
using worker::exec_config;

/// The kernel takes 2 MiB of arguments and environment by default.
constexpr std::size_t argv_bytes_max = std::size_t{1} << 20;
constexpr std::size_t argument_bytes_max = (std::size_t{128} << 10) - 1;

std::optional<std::vector<std::string>> read_texts(const toml::node& node) {
    const auto* array = node.as_array();
    if (array == nullptr) return std::nullopt;
    std::vector<std::string> texts;
    for (const auto& item : *array) {
        const auto text = item.value_exact<std::string>();
        if (!text || text->find('\0') != std::string::npos) return std::nullopt;
        texts.push_back(*text);
    }
    return texts;
}

raw_value raw_of(const toml::node& node) {
    raw_value raw;
    if (const auto text = node.value_exact<std::string>())
        return {.kind = raw_value::form::string, .text = *text, .items = {}};
    if (const auto number = node.value_exact<std::int64_t>())
        return {.kind = raw_value::form::integer, .text = std::to_string(*number), .items = {}};
    raw.kind = raw_value::form::other;
    return raw;
}

/// Reads one table of `[[exec.commands]]`. A problem is said once, where it is.
class command_reader {
public:
    command_reader(std::size_t index, std::vector<std::string>& problems)
        : where_(fmt::format("exec.commands[{}]", index)), problems_(problems) {}

    exec_command read(const toml::table& table) {
        for (const auto& [key, node] : table) member(key.str(), node);
        if (!table.contains("name")) wrong("name", "is missing");
        if (!table.contains("argv")) wrong("argv", "is missing");
        return std::move(out_);
    }

private:
    void wrong(std::string_view key, std::string_view what) {
        problems_.push_back(fmt::format("{}.{}: {}", where_, key, what));
    }

    void member(std::string_view key, const toml::node& node) {
        if (key == "name") {
            out_.name = node.value_exact<std::string>().value_or("");
            if (out_.name.empty()) wrong(key, "must be a text in quotes");
        } else if (key == "argv" || key == "types") {
            auto texts = read_texts(node);
            if (!texts || texts->empty()) return wrong(key, "must be a list of texts");
            (key == "argv" ? out_.what.argv : out_.types) = std::move(*texts);
        } else if (key == "env") {
            environment(node);
        } else if (!time(key, node) && !number(key, node)) {
            wrong(key,
                  "is not known (name, argv, types, env, concurrency, timeout, grace, extra_args, "
                  "uid, gid, output_bytes, log_bytes, open_files, memory_bytes, file_bytes, "
                  "processes, cpu_time)");
        }
    }

    void environment(const toml::node& node) {
        const auto* table = node.as_table();
        if (table == nullptr) return wrong("env", "must be a table of texts");
        for (const auto& [name, value] : *table) {
            const auto text = value.value_exact<std::string>();
            const bool good = text && text->find('\0') == std::string::npos &&
                              name.str().find('=') == std::string_view::npos;
            if (!good) return wrong("env", "must be a table of texts");
            out_.what.environment.push_back(fmt::format("{}={}", name.str(), *text));
        }
    }

    bool time(std::string_view key, const toml::node& node) {
        if (key != "timeout" && key != "grace" && key != "cpu_time") return false;
        std::chrono::milliseconds value{0};
        if (const auto problem = duration_codec::read(raw_of(node), value)) {
            wrong(key, *problem);
        } else if (value.count() < 1 || value > std::chrono::hours{24 * 7}) {
            wrong(key, "must be more than 0 and at most 7 days");
        } else if (key == "timeout") {
            out_.timeout = value;
        } else if (key == "grace") {
            out_.what.grace = value;
        } else {
            out_.what.limits.cpu_time = std::chrono::ceil<std::chrono::seconds>(value);
        }
        return true;
    }

    bool number(std::string_view key, const toml::node& node) {
        constexpr std::array keys{"concurrency",  "extra_args", "uid",        "gid",
                                  "output_bytes", "log_bytes",  "open_files", "memory_bytes",
                                  "file_bytes",   "processes"};
        const auto it = std::ranges::find(keys, key);
        if (it == keys.end()) return false;
        std::uint64_t value = 0;
        if (const auto problem = size_codec::read(raw_of(node), value)) {
            wrong(key, *problem);
            return true;
        }
        auto& limits = out_.what.limits;
        switch (it - keys.begin()) {
            case 0:
                out_.concurrency = bounded(key, value, 10'000);
                break;
            case 1:
                out_.extra_args_max = bounded(key, value, 64);
                break;
            case 2:
                out_.what.uid = static_cast<uid_t>(bounded(key, value, 0xFFFFFFFE));
                break;
            case 3:
                out_.what.gid = static_cast<gid_t>(bounded(key, value, 0xFFFFFFFE));
                break;
            case 4:
                out_.what.output_bytes_max = bounded(key, value, 128 << 10);
                break;
            case 5:
                out_.what.log_bytes_max = bounded(key, value, 64 << 20);
                break;
            case 6:
                limits.open_files = bounded(key, value, 1 << 20);
                break;
            case 7:
                limits.memory_bytes = value;
                break;
            case 8:
                limits.file_bytes = value;
                break;
            default:
                limits.processes = value;
                break;
        }
        return true;
    }

    std::uint64_t bounded(std::string_view key, std::uint64_t value, std::uint64_t most) {
        if (value > most) wrong(key, fmt::format("must be at most {}", most));
        return std::min(value, most);
    }

    std::string where_;
    std::vector<std::string>& problems_;
    exec_command out_;
};

void check_argv(const exec_command& each, const std::string& where,
                std::vector<std::string>& problems) {
    const auto& argv = each.what.argv;
    if (argv.empty()) return;  // said where it was read
    std::size_t bytes = 0;
    for (const auto& text : argv) bytes += text.size() + 1;
    const bool too_long = std::ranges::any_of(
        argv, [](const std::string& text) { return text.size() > argument_bytes_max; });
    struct stat status {};
    if (bytes > argv_bytes_max || too_long) {
        problems.push_back(
            fmt::format("{}.argv: an argument may have 128 KiB and all together 1 MiB", where));
    } else if (!argv[0].starts_with('/')) {
        problems.push_back(fmt::format("{}.argv: \"{}\" is not an absolute path", where, argv[0]));
    } else if (::stat(argv[0].c_str(), &status) != 0 || !S_ISREG(status.st_mode) ||
               ::access(argv[0].c_str(), X_OK) != 0) {
        problems.push_back(
            fmt::format("{}.argv: {} is not there or not executable", where, argv[0]));
    }
}

}  // namespace

exec_config read_exec(const toml::node& node, std::vector<std::string>& problems) {
    exec_config out;
    const auto* section = node.as_table();
    if (section == nullptr) {
        problems.emplace_back("exec: must be a table, headed [exec]");
        return out;
    }
    for (const auto& [key, value] : *section) {
        const auto* array = value.as_array();
        if (key == "insecure_no_auth" && value.is_boolean()) {
            out.insecure_no_auth = *value.value<bool>();
        } else if (key == "temp_directory" && value.is_string()) {
            out.temp_directory = *value.value<std::string>();
        } else if (key == "commands" && array != nullptr &&
                   array->is_homogeneous(toml::node_type::table)) {
            for (const auto& item : *array)
                out.commands.push_back(
                    command_reader{out.commands.size(), problems}.read(*item.as_table()));
        } else {
            problems.push_back(fmt::format(
                "exec.{}: is not known or of the wrong form (insecure_no_auth = true or false, "
                "temp_directory = a text, tables headed [[exec.commands]])",
                key.str()));
        }
    }
    return out;
}

void check_exec(const exec_config& exec, std::vector<std::string>& problems) {
    std::set<std::string_view> names;
    std::set<std::string_view> types{"sluice.exec"};
    for (std::size_t i = 0; i < exec.commands.size(); ++i) {
        const auto& each = exec.commands[i];
        const auto where = fmt::format("exec.commands[{}]", i);
        if (!names.insert(each.name).second)
            problems.push_back(fmt::format("{}.name: \"{}\" is given twice", where, each.name));
        for (const auto& type : each.types) {
            if (type.empty() || !types.insert(type).second)
                problems.push_back(fmt::format("{}.types: \"{}\" is given twice", where, type));
        }
        check_argv(each, where, problems);
        if ((each.what.uid || each.what.gid) && ::geteuid() != 0)
            problems.push_back(fmt::format("{}: uid and gid can be given by root only", where));
        // With one alone the command would keep root's other half.
        if (each.what.uid.has_value() != each.what.gid.has_value())
            problems.push_back(fmt::format("{}: uid and gid must be given together", where));
    }
    if (!exec.temp_directory.empty() && ::access(exec.temp_directory.c_str(), W_OK) != 0)
        problems.push_back(
            fmt::format("exec.temp_directory: {} cannot be written", exec.temp_directory));
}

}  // namespace sluice::config
