#include "client/cli/command_line.hpp"
#include "proto/json_text.hpp"
#include "proto/limits.hpp"

#include <fstream>
#include <iostream>
#include <sstream>

namespace sluice::cli {
namespace {

bool read_source(const std::string& text, std::string& content) {
    std::ostringstream all;
    if (text == "-") {
        all << std::cin.rdbuf();
    } else {
        std::ifstream file{text.substr(1), std::ios::binary};
        if (!file) return false;
        all << file.rdbuf();
    }
    content = all.str();
    return true;
}

bool read_args(const std::string& text, std::string& args) {
    std::string content = text;
    if ((text == "-" || text.starts_with('@')) && !read_source(text, content)) return false;
    if (check_json(content, limits::json_depth_max)) return false;
    const json_value root = json_root(content);
    args =
        root.kind == json_kind::array ? std::string{root.text} : "[" + std::string{root.text} + "]";
    return true;
}

}  // namespace

void add_args(CLI::App& command, std::string& args) {
    add_value(command, "--args", "JSON", "Arguments: JSON, @FILE, or - for standard input",
              "JSON, nor a file that can be read",
              [&args](const std::string& text) { return read_args(text, args); });
}

}  // namespace sluice::cli
