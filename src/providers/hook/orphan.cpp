#include "providers/hook/orphan.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
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

}  // namespace

std::optional<pid_t> find_orphan(const std::vector<std::string>& entries) {
  const std::unique_ptr<DIR, CloseDirectory> processes(::opendir("/proc"));
  if (!processes) return std::nullopt;
  std::optional<pid_t> oldest;
  while (const dirent* entry = ::readdir(processes.get())) {
    const std::string_view name(entry->d_name);
    pid_t process = 0;
    const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (problem != std::errc{} || end != name.data() + name.size() || process == ::getpid())
      continue;
    if (!leads_only_a_group(process) || (oldest && *oldest < process)) continue;
    const std::string environment = read_environment(process);
    if (std::ranges::all_of(entries,
                            [&](const std::string& one) { return holds(environment, one); })) {
      oldest = process;
    }
  }
  return oldest;
}

}  // namespace bascule::hook
