// A terminal for tests: keeps what was written and gives prepared answers. Only tests include this.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/terminal/terminal.h"

namespace bascule::app {

class Recorder final : public Terminal {
 public:
  void write_data(std::string_view text) override { data += text; }
  void write_message(std::string_view text) override { messages += text; }
  std::optional<std::string> read_line() override {
    if (answers.empty()) return std::nullopt;
    std::string answer = answers.front();
    answers.erase(answers.begin());
    return answer;
  }
  [[nodiscard]] bool shows_data() const override { return is_terminal; }
  [[nodiscard]] bool shows_messages() const override { return is_terminal; }
  [[nodiscard]] bool can_ask() const override { return !answers.empty(); }
  [[nodiscard]] std::size_t columns() const override { return is_terminal ? width : 0; }
  [[nodiscard]] std::size_t rows() const override { return is_terminal ? height : 0; }

  bool is_terminal = false;
  std::size_t width = 100;
  std::size_t height = 50;
  std::string data;
  std::string messages;
  std::vector<std::string> answers;
};

// The environment of a terminal that can draw, without colours.
inline std::optional<std::string> plain_variables(const std::string& name) {
  if (name == "LANG") return "C.UTF-8";
  if (name == "TERM") return "xterm";
  if (name == "NO_COLOR") return "1";
  return std::nullopt;
}

}  // namespace bascule::app
