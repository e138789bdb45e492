#include "detectors.hpp"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace sluice::process::test {

namespace {

std::string read_file(int pid, const char* name) {
    std::ifstream file("/proc/" + std::to_string(pid) + '/' + name, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();  // a process that is gone meanwhile is the end of the file
    return text.str();
}

struct known_process {
    int parent = 0;
    char state = 'X';
    std::string name;
};

/// Parent 0 when it is gone.
known_process look(int pid) {
    const auto text = read_file(pid, "stat");
    const auto open = text.find('(');
    const auto close = text.rfind(')');
    if (close == std::string::npos || text.size() < close + 5) return {};
    return {.parent = std::atoi(text.c_str() + close + 4),
            .state = text[close + 2],
            .name = text.substr(open + 1, close - open - 1)};
}

std::vector<int> all_pids() {
    std::vector<int> pids;
    for (const auto& each : std::filesystem::directory_iterator("/proc")) {
        const auto name = each.path().filename().string();
        int pid = 0;
        const auto [end, ec] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (ec == std::errc{} && end == name.data() + name.size()) pids.push_back(pid);
    }
    return pids;
}

}  // namespace

bool is_alive(int pid) {
    const auto state = look(pid).state;
    return state != 'X' && state != 'Z';
}

int parent_of(int pid) {
    return look(pid).parent;
}

std::vector<int> children_named(int parent, const std::string& name) {
    std::vector<int> found;
    for (const int pid : all_pids()) {
        const auto what = look(pid);
        if (what.parent == parent && what.name == name) found.push_back(pid);
    }
    return found;
}

std::vector<int> marked_with(const std::string& mark) {
    std::vector<int> found;
    for (const int pid : all_pids())
        if (read_file(pid, "cmdline").find(mark) != std::string::npos) found.push_back(pid);
    return found;
}

std::size_t zombies_below_us() {
    std::map<int, known_process> all;
    for (const int pid : all_pids()) all.emplace(pid, look(pid));
    std::size_t count = 0;
    for (const auto& [pid, what] : all) {
        int above = what.parent;
        while (above > 1 && above != ::getpid() && all.contains(above)) above = all[above].parent;
        if (what.state == 'Z' && above == ::getpid()) ++count;
    }
    return count;
}

std::size_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::size_t size = 0;
    std::size_t resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace sluice::process::test
