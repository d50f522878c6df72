#include "app/terminal/live_area.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "app/terminal/look.h"

namespace bascule::app {
namespace {

// Columns of a line that may hold colours: what a sequence of them takes is nothing.
std::size_t shown_width(std::string_view line) {
  std::string plain;
  while (!line.empty()) {
    if (line.starts_with("\x1b[")) {
      line.remove_prefix(std::min(line.find('m'), line.size() - 1) + 1);
    } else {
      plain += line.front();
      line.remove_prefix(1);
    }
  }
  return width(plain);
}

}  // namespace

// Of a window that became narrower the terminal has broken the lines again, and of one that became
// lower the top has left the screen.
std::string LiveArea::back_to_the_first(const Terminal& terminal) const {
  const std::size_t columns = terminal.columns();
  std::size_t lines = 0;
  for (const std::size_t drawn : widths_) {
    const std::size_t broken = columns > 0 ? (drawn + columns - 1) / columns : 1;
    lines += std::max<std::size_t>(broken, 1);
  }
  if (terminal.rows() > 0) lines = std::min(lines, terminal.rows() - 1);
  return lines > 0 ? fmt::format("\x1b[{}F", lines) : "";
}

void LiveArea::draw(Terminal& terminal, const std::string& text) {
  // Cursor to the first line drawn; each line cleared to its end; what is left below cleared. One
  // write, so that nothing flickers.
  std::string drawing = back_to_the_first(terminal);
  const std::size_t rows = terminal.rows();
  widths_.clear();
  for (std::size_t at = 0; at < text.size() && (rows == 0 || widths_.size() + 1 < rows);) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    drawing += fmt::format("{}\x1b[K\n", line);
    widths_.push_back(shown_width(line));
    at = end + 1;
  }
  drawing += "\x1b[J";
  terminal.write_data(drawing);
}

void LiveArea::leave(Terminal& terminal, const std::string& text) {
  terminal.write_data(back_to_the_first(terminal) + "\x1b[J" + text);
  widths_.clear();
}

}  // namespace bascule::app
