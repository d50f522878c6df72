#include "api/metrics/process_figures.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace bascule::api {
namespace {

// Fields of /proc/self/stat by proc(5), counted from the one behind the program's name.
constexpr std::size_t kUserTicks = 11;
constexpr std::size_t kSystemTicks = 12;
constexpr std::size_t kStartTicks = 19;
constexpr std::size_t kResidentPages = 21;

// The name stands in parentheses and may hold anything, also spaces and parentheses.
std::vector<double> numbers_of_process() {
  std::ostringstream text;
  text << std::ifstream("/proc/self/stat").rdbuf();
  const std::string line = text.str();
  const std::size_t name_ends = line.rfind(')');
  if (name_ends == std::string::npos) return {};
  std::istringstream fields(line.substr(name_ends + 1));
  std::string state;
  fields >> state;
  std::vector<double> numbers{0};
  for (double number = 0; fields >> number;) numbers.push_back(number);
  return numbers;
}

// When the machine began, in seconds since 1970.
std::optional<double> machine_began_at() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("btime ")) continue;
    std::istringstream rest(line.substr(6));
    double seconds = 0;
    if (rest >> seconds) return seconds;
  }
  return std::nullopt;
}

std::optional<double> count_open_files() {
  std::error_code problem;
  const std::filesystem::directory_iterator files("/proc/self/fd", problem);
  if (problem) return std::nullopt;
  // Without the one that is open to count them.
  return static_cast<double>(std::distance(begin(files), end(files)) - 1);
}

}  // namespace

ProcessFigures read_process_figures() {
  ProcessFigures figures;
  const std::vector<double> numbers = numbers_of_process();
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  if (numbers.size() > kResidentPages) {
    figures.processor = (numbers[kUserTicks] + numbers[kSystemTicks]) / ticks;
    figures.resident_memory =
        numbers[kResidentPages] * static_cast<double>(::sysconf(_SC_PAGESIZE));
    if (const auto began = machine_began_at()) {
      figures.began_at = *began + numbers[kStartTicks] / ticks;
    }
  }
  figures.open_files = count_open_files();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    figures.open_files_max = static_cast<double>(limit.rlim_cur);
  }
  return figures;
}

}  // namespace bascule::api
