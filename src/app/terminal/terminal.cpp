#include "app/terminal/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace bascule::app {
namespace {

constexpr std::size_t kWidest = 100;
constexpr std::size_t kNarrowest = 40;
constexpr std::size_t kLongestAnswer = 4'096;

// All of it, or as much as the other end takes: a reader that went away is no reason to stop what
// is under way. Returns the error of the system; 0: all was written.
int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

// Whoever reads has read enough, or closed the window.
bool reader_has_gone(int error) {
  return error == EPIPE || error == EIO || error == ECONNRESET;
}

class ProcessTerminal final : public Terminal {
 public:
  void write_data(std::string_view text) override {
    const int error = write_all(STDOUT_FILENO, text);
    if (error != 0 && !reader_has_gone(error)) lost_because_ = std::strerror(error);
  }
  void write_message(std::string_view text) override {
    static_cast<void>(write_all(STDERR_FILENO, text));
  }
  [[nodiscard]] std::string lost_because() const override { return lost_because_; }

  std::optional<std::string> read_line() override {
    std::string line;
    while (line.size() < kLongestAnswer) {
      char character = 0;
      const ssize_t count = ::read(STDIN_FILENO, &character, 1);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return line.empty() ? std::nullopt : std::optional(line);
      if (character == '\n') return line;
      line += character;
    }
    return std::nullopt;
  }

  [[nodiscard]] bool shows_data() const override { return ::isatty(STDOUT_FILENO) == 1; }
  [[nodiscard]] bool shows_messages() const override { return ::isatty(STDERR_FILENO) == 1; }
  [[nodiscard]] bool can_ask() const override {
    return ::isatty(STDIN_FILENO) == 1 && shows_messages();
  }
  [[nodiscard]] std::size_t columns() const override { return window().ws_col; }
  [[nodiscard]] std::size_t rows() const override { return window().ws_row; }

 private:
  static winsize window() {
    for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO}) {
      winsize size{};
      if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size;
    }
    return {};
  }

  std::string lost_because_;
};

// The first of these that is set and not empty decides (POSIX, "Environment Variables").
bool is_utf8_locale(const Variables& variables) {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const auto value = variables(name);
    if (!value || value->empty()) continue;
    std::string folded;
    for (const char c : *value) {
      if (c == '-') continue;
      folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return folded.find("utf8") != std::string::npos;
  }
  return false;
}

}  // namespace

std::unique_ptr<Terminal> process_terminal() {
  return std::make_unique<ProcessTerminal>();
}

Look look_of(bool is_terminal, std::size_t columns, bool no_color, const Variables& variables) {
  Look look;
  const auto is_set = [&](const char* name) { return !variables(name).value_or("").empty(); };
  look.colours =
      is_terminal && !no_color && !is_set("NO_COLOR") && variables("TERM").value_or("") != "dumb";
  look.unicode = is_utf8_locale(variables);
  look.columns = is_terminal && columns > 0 ? std::clamp(columns, kNarrowest, kWidest) : kWidest;
  return look;
}

}  // namespace bascule::app
