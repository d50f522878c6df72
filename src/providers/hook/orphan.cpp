#include "providers/hook/orphan.h"

#include <dirent.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string_view>

namespace bascule::hook {
namespace {

constexpr std::size_t kEnvironmentLimit = 256 * 1024;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::string read_environment(pid_t process) {
  const std::string path = "/proc/" + std::to_string(process) + "/environ";
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "re"));
  std::string text;
  if (!file) return text;
  text.resize(kEnvironmentLimit);
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  return text;
}

bool holds(std::string_view environment, std::string_view entry) {
  while (!environment.empty()) {
    const std::size_t end = environment.find('\0');
    if (environment.substr(0, end) == entry) return true;
    if (end == std::string_view::npos) return false;
    environment.remove_prefix(end + 1);
  }
  return false;
}

bool leads_only_a_group(pid_t process) {
  return ::getpgid(process) == process && ::getsid(process) != process;
}

// The fourth field of its line, behind a name that may hold anything but ends with the last ')'.
std::optional<pid_t> parent_of(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(line.substr(name_end + 1));
  std::string state;
  pid_t parent = 0;
  if (!(rest >> state >> parent)) return std::nullopt;
  return parent;
}

// Every live process that leads a group as a hook does and whose environment holds all of
// `entries`, with that environment.
void for_each_hook(const std::vector<std::string>& entries,
                   const std::function<void(pid_t, std::string_view)>& visit) {
  const std::unique_ptr<DIR, CloseDirectory> processes(::opendir("/proc"));
  if (!processes) return;
  while (const dirent* entry = ::readdir(processes.get())) {
    const std::string_view name(entry->d_name);
    pid_t process = 0;
    const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (problem != std::errc{} || end != name.data() + name.size() || process == ::getpid())
      continue;
    if (!leads_only_a_group(process)) continue;
    const std::string environment = read_environment(process);
    const bool meant = std::ranges::all_of(
        entries, [&](const std::string& one) { return holds(environment, one); });
    if (meant) visit(process, environment);
  }
}

}  // namespace

std::optional<pid_t> find_orphan(const std::vector<std::string>& entries) {
  std::optional<pid_t> oldest;
  for_each_hook(entries, [&](pid_t process, std::string_view) {
    if (!oldest || process < *oldest) oldest = process;
  });
  return oldest;
}

void end_orphans(const std::vector<std::string>& entries) {
  for_each_hook(entries, [](pid_t process, std::string_view environment) {
    const auto parent = parent_of(process);
    const bool lost = parent && !holds(environment, fmt::format("{}={}", kParentVariable, *parent));
    if (lost) ::kill(-process, SIGKILL);
  });
}

}  // namespace bascule::hook
