#include "app/terminal/live_area.h"

#include <fmt/format.h>

#include <algorithm>

namespace bascule::app {

void LiveArea::draw(Terminal& terminal, const std::string& text) {
  // Cursor to the first line drawn; each line cleared to its end; what is left below cleared. One
  // write, so that nothing flickers.
  std::string drawing = lines_ > 0 ? fmt::format("\x1b[{}F", lines_) : "";
  for (const char c : text) {
    if (c == '\n') drawing += "\x1b[K";
    drawing += c;
  }
  drawing += "\x1b[J";
  terminal.write_data(drawing);
  lines_ = static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

}  // namespace bascule::app
